"""`periskope doctor`: one look after the other, judged and printed. It changes nothing at the service."""

import os
import time
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from periskope_async import Hooks, PeriskopeClient
from periskope_async.cli.doctor import (
    Finding,
    Status,
    exit_code,
    judge_budget,
    judge_calls,
    judge_certificate,
    judge_clock,
    judge_rate_limit,
    judge_resolution,
    skipped,
    to_dict,
)
from periskope_async.cli.doctor_probes import CALL_LIMIT, call, look_at_certificate, resolve, versions
from periskope_async.cli.doctor_settings import Setting, authorities, judge_setting, read_settings
from periskope_async.cli.running import display, run, waiting
from periskope_async.cli.text import visible, write_json
from periskope_async.settings import check_ssl

__all__ = ["examine"]

_STYLES: Final = {Status.OK: "green", Status.WARNING: "yellow", Status.FAILED: "bold red", Status.SKIPPED: "dim"}
_OF_THE_SERVICE: Final = ("answer", "latency", "clock", "rate_limit", "budget")


def examine(options: Mapping[str, tuple[Any, str]], output: str) -> int:
    """Print what was found, and return the code of the first check that failed.

    Args:
        options: `api_key`, `phone`, `base_url`, `timeout` and `retries`, each with where it came from.
        output: "report", "json", or "jsonl", which is that in one line.
    """
    settings = {each.name: each for each in read_settings(options, os.environ)}
    with waiting("Looking"):
        findings = run(lambda: _look(settings))
    if output == "report":
        _print(findings)
    else:
        write_json(to_dict(findings), output)
    return exit_code(findings)


async def _look(settings: Mapping[str, Setting]) -> list[Finding]:
    """Look at what is here, at the way to the service, and at that; what cannot be looked at says why it is skipped."""
    way = await _look_at_way(settings)
    findings = [*versions(), *map(judge_setting, settings.values()), *way]
    reasons = [each.name for each in settings.values() if each.blocks]
    reasons += [each.check for each in way if each.status is Status.FAILED]
    if reasons:
        return findings + [skipped(f"service.{name}", f"see {reasons[0]}") for name in _OF_THE_SERVICE]
    paced: list[Any] = []
    # Other settings that are wrong are known by now: without them, the rest can be seen.
    with _without(each.source for each in settings.values() if each.problem):
        client = PeriskopeClient(
            settings["api_key"].value.reveal(),
            base_url=settings["base_url"].value,
            phone=settings["phone"].value,
            timeout=min(settings["timeout"].value or CALL_LIMIT, CALL_LIMIT),
            deadline=CALL_LIMIT,
            retries=0,
            hooks=Hooks(on_paced=paced.append),
        )
    async with client:
        calls = await call(client, paced)
    text, works = calls.budget
    service = [*judge_calls(calls), judge_clock(calls), judge_rate_limit(calls.rate_limit)]
    return [*findings, *service, judge_budget(text, works=works)]


async def _look_at_way(settings: Mapping[str, Setting]) -> list[Finding]:
    """Look up the name of the service, or of the proxy before it, and at the certificate of an https one."""
    base_url, bundle, proxy = (settings[name] for name in ("base_url", "ca_bundle", "proxy"))
    if base_url.problem:
        return [skipped(f"network.{name}", "see base_url") for name in ("dns", "tls")]
    address: str = base_url.value
    nearest: str = address if proxy.value is None else proxy.value.url
    url, near = urlsplit(address), urlsplit(nearest)
    names = judge_resolution(await resolve(near.hostname or "", near.port or 443))
    if url.scheme == "http":
        return [names]
    blocked = next((each.name for each in (proxy, bundle) if each.problem), "")
    if names.status is Status.FAILED or blocked:
        return [names, skipped("network.tls", f"see {blocked or names.check}")]
    if proxy.value is not None and near.scheme == "https":
        return [names, skipped("network.tls", "the way to the proxy is TLS itself")]
    context = check_ssl("PERISKOPE_CA_BUNDLE", bundle.value)
    certificate = await look_at_certificate(address, context, proxy.value)
    return [names, judge_certificate(certificate, authorities(bundle, os.environ), time.time())]


@contextmanager
def _without(variables: Iterable[str]) -> Generator[None]:
    """Hide environment variables while the block lasts."""
    hidden = {name: os.environ.pop(name) for name in variables if name in os.environ}
    try:
        yield
    finally:
        os.environ.update(hidden)


def _print(findings: Sequence[Finding]) -> None:
    sections: dict[str, Table] = {}
    for each in findings:
        section, _, name = each.check.partition(".")
        if section not in sections:
            sections[section] = Table.grid(padding=(0, 2, 0, 0))
            sections[section].add_column()
            sections[section].add_column(style="dim")
            sections[section].add_column(overflow="fold")
        text = Text(visible(each.text))
        if each.hint:
            text.append(f"\n-> {each.hint}", "bold")
        sections[section].add_row(Text(each.status, _STYLES[each.status]), name.replace("_", " "), text)
    for section, grid in sections.items():
        display(Group(Text(section.capitalize(), "bold"), Padding(grid, (0, 0, 1, 2), expand=False)))
    counts = {status: sum(each.status is status for each in findings) for status in Status}
    display(Text(", ".join(f"{count} {status}" for status, count in counts.items() if count)))
