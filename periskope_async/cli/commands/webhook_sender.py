"""`periskope webhooks send`: posts a signed example of an event to a receiver."""

import json
import sys
from http import HTTPStatus
from http.client import HTTPException
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

import click

from periskope_async.cli.commands.webhook_listener import post
from periskope_async.cli.outcome import Exit, Failure
from periskope_async.cli.text import named, visible
from periskope_async.testing import example_delivery
from periskope_async.webhooks import SIGNATURE_HEADER, sign

__all__ = ["send"]

_STATUSES: Final = frozenset(HTTPStatus)
#: Of what a receiver says that refuses, bytes.
_SHOWN: Final = 1000


def send(event: str, url: str, *, key: str | None, data: Path | None, envelope: Any, elsewhere: bool) -> int:
    """Post one event, and print what the receiver answers."""
    _check(url, elsewhere=elsewhere)
    if not key:
        raise click.UsageError("No signing key: pass --key or set PERISKOPE_WEBHOOK_KEY.")
    try:
        body = example_delivery(event, None if data is None else _read(data), envelope=envelope)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from None
    headers = {"Content-Type": "application/json", SIGNATURE_HEADER: sign(body, key)}
    try:
        answer = post(url, body, headers)
    except (OSError, HTTPException) as error:
        raise Failure(Exit.NO_ANSWER, f"{url} did not answer: {error}", "Does your receiver run?") from None
    reason = HTTPStatus(answer.status).phrase if answer.status in _STATUSES else ""
    click.echo(f"{answer.status} {reason}".rstrip())
    if 200 <= answer.status < 300:
        return Exit.OK
    # A receiver that fails has not refused anything: what its developer needs is its own log.
    broken = answer.status >= 500
    hint = "It failed by itself: see its log for why." if broken else "Is the signing key the receiver's?"
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED}:
        hint = "Is that the path of the receiver?"
    text = visible(answer.body[:_SHOWN].decode("utf-8", "replace")).strip()
    raise Failure(
        Exit.SERVICE_FAILED if broken else Exit.VALUE_REFUSED,
        "The receiver did not take it." + (f"\n{text}" if text else ""),
        f"{hint} The service would send it again.",
    )


def _check(url: str, *, elsewhere: bool) -> None:
    """Refuse a URL that is none, and one that leads away unless that is wanted."""
    try:
        parts = urlsplit(url)
        is_url = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_url = False
    if not is_url:
        raise click.UsageError(f"--to {url}: expected a URL that begins with http:// or https://.")
    if not (elsewhere or _is_here(urlsplit(url).hostname or "")):
        raise click.UsageError(f"{url} leads to another machine; --elsewhere sends it there.")


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _read(path: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    text = sys.stdin.read() if str(path) == "-" else path.read_text("utf-8")
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict):
        raise click.UsageError(f"{named(path)}: expected a JSON object.")
    return cast("dict[str, Any]", data)
