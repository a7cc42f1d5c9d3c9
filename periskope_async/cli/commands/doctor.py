"""`periskope doctor`: what is configured, and what the service says to it. Changes nothing there."""

import os
import time
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from periskope_async import PeriskopeError, capture_responses
from periskope_async.cli.outcome import Exit, explain
from periskope_async.cli.running import display, run, waiting
from periskope_async.cli.text import visible
from periskope_async.settings import DEFAULT_BASE_URL

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["examine"]

#: Seconds. The service's clock shows whole seconds, and the answer travels: a smaller difference says nothing.
_SKEW_SEEN = 2.0
#: Characters. A shorter key is masked whole.
_LONG_KEY = 16


class Finding(NamedTuple):
    """One line of the report; *good* is None where nothing was judged."""

    name: str
    text: str
    good: bool | None = None


def examine(connect: "Connect", settings: Mapping[str, Any], sources: Mapping[str, str]) -> int:
    """Print the settings with the source of each, then what one small call to the service shows.

    Args:
        connect: makes a client of the settings.
        settings: `api_key`, `phone`, `base_url`; None where unset.
        sources: where each of them came from.
    """
    _print("Settings", _settings(settings, sources))
    with waiting("Asking the service"):
        findings, code = run(lambda: _send_publicly(connect))
    _print("Service", findings)
    return code


def _settings(settings: Mapping[str, Any], sources: Mapping[str, str]) -> Sequence[Finding]:
    shown = {
        "API key": ("api_key", _masked(settings["api_key"] or "")),
        "Phone": ("phone", settings["phone"] or "none"),
        "Base URL": ("base_url", settings["base_url"] or DEFAULT_BASE_URL),
    }
    return [Finding(name, f"{text} ({sources[key]})") for name, (key, text) in shown.items()]


def _masked(key: str) -> str:
    return f"***{key[-4:]}" if len(key) >= _LONG_KEY else "***" if key else "none"


async def _send_publicly(connect: "Connect") -> tuple[Sequence[Finding], Exit]:
    """Make the smallest call there is twice: the first opens the connection, the second shows the service alone."""
    way: Sequence[Finding] = []
    try:
        async with connect() as client:
            way = _way(client)
            with capture_responses() as answers:
                first = await _timed(client)
                now = time.time()
                second = await _timed(client)
            budget, shared = client._caller.connections.limiter.describe_budget()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # nobody else has to know it
    except PeriskopeError as error:
        outcome = explain(error)
        return [*way, Finding("Service", outcome.message, good=False)], outcome.exit
    limit = answers[-1].rate_limit
    rate_limit = (
        "none in the answer"
        if limit is None
        else f"{limit.remaining:,} of {limit.limit:,} requests left, resets in {limit.resets_in:.0f} s"
    )
    findings = [
        *way,
        Finding("API key", "accepted", good=True),
        Finding("Latency", f"{second * 1000:.0f} ms; {first * 1000:.0f} ms with opening the connection", good=True),
        _clock(answers[0].headers.get("date"), now),
        Finding("Rate limit", rate_limit, good=True),
        Finding("Budget", budget, good=shared),
    ]
    return findings, Exit.OK


def _way(client: "PeriskopeClient") -> Sequence[Finding]:
    """What stands between this machine and the service, as far as it was set up here: a proxy, a CA bundle."""
    proxy, bundle = client._caller.settings.proxy, os.environ.get("PERISKOPE_CA_BUNDLE")  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # nobody else has to know it
    found = [] if proxy is None else [Finding("Proxy", proxy.url)]
    return found if not bundle else [*found, Finding("CA bundle", bundle)]


async def _timed(client: "PeriskopeClient") -> float:
    """Seconds of one call."""
    started = time.perf_counter()
    await client.tickets.list_page(limit=1)
    return time.perf_counter() - started


def _clock(date: str | None, now: float) -> Finding:
    """How far this machine's clock is off. The client copes with that; logs and due dates do not."""
    try:
        ahead = now - parsedate_to_datetime(date or "").timestamp()
    except ValueError:
        return Finding("Clock", "the service sent no time to compare with")
    if abs(ahead) < _SKEW_SEEN:
        return Finding("Clock", "in step with the service", good=True)
    return Finding("Clock", f"{abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} the service", good=False)


def _print(heading: str, findings: Sequence[Finding]) -> None:
    marks = {True: Text("ok", "green"), False: Text("!!", "bold red"), None: Text("")}
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column()
    grid.add_column(style="dim")
    grid.add_column(overflow="fold")
    for finding in findings:
        grid.add_row(marks[finding.good], finding.name, Text(visible(finding.text)))
    display(Group(Text(heading, "bold"), Padding(grid, (0, 0, 1, 2), expand=False)))
