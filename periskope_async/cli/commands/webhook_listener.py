"""`periskope webhooks listen`: a server that prints what is posted to it, and passes it on."""

import errno
import signal
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET6
from typing import Any, Final, NamedTuple, cast
from urllib.parse import urlsplit

import attrs
import click

from periskope_async.cli.text import to_json, visible, write
from periskope_async.errors import DecodeError
from periskope_async.events import Event
from periskope_async.webhooks import MAX_BODY, SignatureError, parse

__all__ = ["Posted", "listen", "post"]

#: How long the receiver behind this one may take, seconds.
_PATIENCE: Final = 30.0
#: Header fields of one connection, which the next one has of its own.
_OWN: Final = frozenset({"connection", "content-length", "host", "keep-alive", "transfer-encoding"})


class Posted(NamedTuple):
    """What a receiver answered."""

    status: int
    body: bytes
    content_type: str


@attrs.frozen
class _Settings:
    forward: str | None
    key: str | None
    output: str


def listen(host: str, port: int, *, forward: str | None, key: str | None, output: str) -> int:
    """Print what arrives until Ctrl-C, which is how it is meant to end."""
    if forward is not None and urlsplit(forward).scheme not in {"http", "https"}:
        raise click.UsageError(f"--forward {forward}: expected a URL that begins with http:// or https://.")
    try:
        server = _Server(host, port, _Settings(forward, key or None, output))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise click.UsageError(f"Port {port} is in use by another program; --port 0 takes a free one.") from None
        raise click.UsageError(f"{host}, port {port}: {error.strerror or error}.") from None
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with server:
            shown = f"[{host}]" if ":" in host else host
            click.echo(f"Listening on http://{shown}:{server.server_address[1]}/. Ctrl-C ends it.", err=True)
            if not key:
                click.echo(
                    "No signing key: pass --key or set PERISKOPE_WEBHOOK_KEY. All is shown unverified.", err=True
                )
            with suppress(KeyboardInterrupt):
                server.serve_forever()
    finally:
        signal.signal(signal.SIGTERM, before)
    return 0


def post(url: str, body: bytes, headers: Mapping[str, str]) -> Posted:
    """Post *body*, and return what is answered.

    Raises:
        OSError: nobody answers.
        HTTPException: what is answered is not HTTP.
    """
    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=_PATIENCE)
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("POST", target, body, dict(headers))
        answer = connection.getresponse()
        return Posted(answer.status, answer.read(MAX_BODY), answer.headers.get("Content-Type") or "text/plain")
    finally:
        connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, host: str, port: int, settings: _Settings) -> None:
        if ":" in host:
            self.address_family = AF_INET6
        self.settings = settings
        self.printing = threading.Lock()
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30.0  # seconds

    def do_POST(self) -> None:
        """Read a delivery, have it answered, and print it."""
        length = self.headers.get("Content-Length") or ""
        if not length.isdecimal():
            self._answer(Posted(HTTPStatus.LENGTH_REQUIRED, b"", "text/plain"), close=True)
        elif int(length) > MAX_BODY:
            self._answer(Posted(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"", "text/plain"), close=True)
        else:
            body = self.rfile.read(int(length))
            if len(body) < int(length):
                self.close_connection = True
                self._print(None, "the body was cut short", 0)
            else:
                self._take(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the signature of `http.server`
        """Say nothing: what arrives is printed elsewhere."""

    @property
    def _listener(self) -> _Server:
        return cast("_Server", self.server)

    def _take(self, body: bytes) -> None:
        settings = self._listener.settings
        event, reason = _read(body, dict(self.headers.items()), settings.key)
        if settings.forward is None:
            status = HTTPStatus.OK if settings.key is None or not reason else HTTPStatus.BAD_REQUEST
            answer = Posted(status, b"", "text/plain")
        else:
            try:
                passed_on = {name: value for name, value in self.headers.items() if name.lower() not in _OWN}
                answer = post(settings.forward, body, passed_on)
            except (OSError, HTTPException) as error:
                answer = Posted(HTTPStatus.BAD_GATEWAY, str(error).encode(), "text/plain")
                reason = f"{reason}{'; ' if reason else ''}not passed on: {error}"
        self._print(event, reason, answer.status)  # first: the next one is posted once this one is answered
        self._answer(answer)

    def _answer(self, answer: Posted, *, close: bool = False) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        if close:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def _print(self, event: Event | None, reason: str, status: int) -> None:
        """Print one delivery; several threads do so."""
        with self._listener.printing:
            if self._listener.settings.output == "jsonl":
                shown = {} if event is None else {"event": event.type, "key": event.key, "delivery": dict(event.raw)}
                write(to_json({"verified": not reason, "reason": reason, "status": status, **shown}))
                sys.stdout.flush()
            else:
                what = "?" if event is None else f"{event.type or '?'}  {event.key.rpartition(':')[2]}".rstrip()
                mark = "verified" if not reason else f"UNVERIFIED ({reason})"
                click.echo(visible(f"{time.strftime('%H:%M:%S')}  {status}  {what}  {mark}").replace("\n", " "))


def _read(body: bytes, headers: Mapping[str, str], key: str | None) -> tuple[Event | None, str]:
    """Return what a delivery says, signed or not, and why it is not to be trusted; `""` where it is."""
    reason = "" if key else "no signing key"
    try:
        return parse(body, headers, key or None), reason
    except SignatureError as error:
        reason = str(error)
    except DecodeError as error:
        return None, str(error)
    try:
        return parse(body, headers, None), reason
    except DecodeError:
        return None, reason
