"""What `periskope doctor` found, and what that means: findings, and rules that make them of facts. Waits for nothing.

No finding holds a key, a password or a whole phone number: it may be pasted into a ticket.
"""

import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from statistics import median
from typing import Any, Final

from attrs import field, frozen

from periskope_async._sansio.rate_limit import RateLimit
from periskope_async.cli.outcome import Exit, explain
from periskope_async.errors import PeriskopeError

__all__ = [
    "Calls",
    "Certificate",
    "Finding",
    "Resolution",
    "Status",
    "exit_code",
    "judge_budget",
    "judge_calls",
    "judge_certificate",
    "judge_clock",
    "judge_rate_limit",
    "judge_resolution",
    "skipped",
    "to_dict",
]

#: Seconds. The service's clock shows whole seconds: a smaller difference, beside the time that the answer took, says
#: nothing.
SKEW_SEEN: Final = 2.0
#: Seconds. A certificate that is renewed by itself has been by then.
RENEWED_BEFORE: Final = 14 * 86_400.0
#: Requests left, as a share of the rate limit. Below that, what else uses the key leaves little.
LITTLE_LEFT: Final = 0.1
#: Seconds. A name takes longer only where a first name server does not answer.
SLOW_NAMES: Final = 1.0


class Status(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


@frozen
class Finding:
    """What one check came to.

    Attributes:
        check: its name, such as `network.dns`, the same in every release.
        status: how it went.
        text: what was found, in a line.
        hint: what to do next; empty where there is nothing to do.
        data: the same in numbers and names.
        exit: what the command ends with if this is the first check that failed.
    """

    check: str
    status: Status
    text: str
    hint: str = ""
    data: Mapping[str, Any] = field(factory=dict[str, Any])
    exit: Exit = Exit.OK


@frozen
class Resolution:
    """What a name led to.

    Attributes:
        host: the name.
        addresses: of it, in the system's order.
        seconds: that it took.
        problem: why there are none.
    """

    host: str
    addresses: Sequence[str]
    seconds: float
    problem: str = ""


@frozen
class Certificate:
    """What a server showed of itself.

    Attributes:
        host: the name it is asked for.
        facts: as `ssl.SSLSocket.getpeercert` has them; empty where nothing was shown.
        protocol: such as TLSv1.3; empty where there was no handshake.
        problem: why it is not trusted, or why there was no handshake.
        proxy: whether the problem is that of the proxy on the way.
    """

    host: str
    facts: Mapping[str, Any] = field(factory=dict[str, Any])
    protocol: str = ""
    problem: str = ""
    proxy: bool = False


@frozen
class Calls:
    """What some small calls came to.

    Attributes:
        seconds: of each that was answered, the first with opening the connection.
        asked: how many were made.
        error: of the first that failed; None if none did.
        date: the `Date` of the first answer; empty without one.
        sent_at: when it was asked for, seconds since the epoch by this machine.
        received_at: when it came.
        rate_limit: as the key shows it; None where it shows none.
        budget: who shares it, in words, and whether that works.
    """

    seconds: Sequence[float]
    asked: int
    error: PeriskopeError | None
    date: str
    sent_at: float
    received_at: float
    rate_limit: RateLimit | None
    budget: tuple[str, bool]


def skipped(check: str, why: str) -> Finding:
    """Return what there is to say of a check that another one kept from being made."""
    return Finding(check, Status.SKIPPED, f"not checked: {why}")


def judge_resolution(found: Resolution) -> Finding:
    """Judge whether a name leads anywhere, and how soon."""
    data = {"host": found.host, "addresses": list(found.addresses), "seconds": round(found.seconds, 4)}
    if found.problem:
        return Finding(
            "network.dns",
            Status.FAILED,
            f"{found.host}: {found.problem}",
            "Check the name, this machine's name servers and, where there is a proxy, HTTPS_PROXY.",
            data,
            Exit.NO_ANSWER,
        )
    text = f"{found.host}: {', '.join(found.addresses)} ({found.seconds * 1000:.0f} ms)"
    if found.seconds > SLOW_NAMES:
        return Finding("network.dns", Status.WARNING, text, "A name server of this machine may not answer.", data)
    return Finding("network.dns", Status.OK, text, data=data)


def judge_certificate(found: Certificate, authorities: str, now: float) -> Finding:
    """Judge whether a server is who it says. *authorities*: who vouches, in words; *now*: since the epoch."""
    until = found.facts.get("notAfter")
    expires_in = None if until is None else ssl.cert_time_to_seconds(until) - now
    data = {
        "host": found.host,
        "protocol": found.protocol or None,
        "subject": _name(found.facts.get("subject")),
        "issuer": _name(found.facts.get("issuer")),
        "expires_at": None if until is None else _day(ssl.cert_time_to_seconds(until)).isoformat(),
        "authorities": authorities,
    }
    shown = ""
    if until is not None:
        words = "expired" if expires_in is not None and expires_in < 0 else "expires"
        shown = f"{data['subject']}, issued by {data['issuer']}, {words} {str(data['expires_at'])[:10]}"
    if found.problem:
        hint = "Check base_url and the network."
        if found.proxy:
            hint = "Check HTTPS_PROXY: its host, port, user and password; or set NO_PROXY."
        elif shown:
            hint = "Where a company's proxy opens TLS, name its authority in PERISKOPE_CA_BUNDLE; else ask who runs it."
        text = found.problem + (f"; shown was {shown}" if shown else "") + f"; trusted: {authorities}"
        return Finding("network.tls", Status.FAILED, text, hint, data, Exit.NO_ANSWER)
    text = f"{shown}; {found.protocol}; trusted: {authorities}"
    if expires_in is not None and expires_in < RENEWED_BEFORE:
        return Finding("network.tls", Status.WARNING, text, "It expires soon: notify whoever runs the server.", data)
    return Finding("network.tls", Status.OK, text, data=data)


def judge_calls(found: Calls) -> tuple[Finding, Finding]:
    """Judge whether the service takes the key, and how fast it answers."""
    milliseconds = [each * 1000 for each in found.seconds]
    first, rest = milliseconds[:1], milliseconds[1:]
    data: dict[str, Any] = {"asked": found.asked, "answered": len(milliseconds), "first_ms": None, "min_ms": None}
    data |= {"median_ms": None, "max_ms": None}
    if first:
        data["first_ms"] = round(first[0], 2)
    if rest:
        data |= {"min_ms": round(min(rest), 2), "median_ms": round(median(rest), 2), "max_ms": round(max(rest), 2)}
    if found.error is not None and not first:
        outcome = explain(found.error)
        headline, _, details = outcome.message.partition("\n")
        answer = Finding(
            "service.answer",
            Status.FAILED,
            _elsewhere(f"{headline} {details}".strip()),
            _elsewhere(outcome.hint),
            exit=outcome.exit,
        )
        return answer, skipped("service.latency", "no call was answered")
    answer = Finding("service.answer", Status.OK, "the key is accepted")
    text = f"{first[0]:.1f} ms with opening the connection"
    if rest:
        text += (
            f"; then {len(rest)} calls: {min(rest):.1f} / {median(rest):.1f} / {max(rest):.1f} ms (min / median / max)"
        )
    if found.error is not None:
        lost = f"; {found.asked - len(milliseconds)} of {found.asked} failed: {found.error.message}"
        hint = "Calls are retried: see what on_retry says, and whether it goes on."
        return answer, Finding("service.latency", Status.WARNING, text + lost, hint, data)
    return answer, Finding("service.latency", Status.OK, text, data=data)


def _elsewhere(text: str) -> str:
    """Return *text* without the advice to do what is being done."""
    return text.replace("; `periskope doctor` shows what is in use", "")


def judge_clock(found: Calls) -> Finding:
    """Judge how far this machine's clock is off. The client copes with that; logs and due dates do not."""
    try:
        ahead = (found.sent_at + found.received_at) / 2 - parsedate_to_datetime(found.date).timestamp()
    except ValueError:
        return Finding("service.clock", Status.SKIPPED, "the service sent no time to compare with")
    data = {"seconds_ahead": round(ahead, 1)}
    if abs(ahead) < SKEW_SEEN + (found.received_at - found.sent_at) / 2:
        return Finding("service.clock", Status.OK, "in step with the service", data=data)
    text = f"{abs(ahead):,.0f} s {'ahead of' if ahead > 0 else 'behind'} the service"
    return Finding("service.clock", Status.WARNING, text, "Set this machine's clock; have it follow NTP.", data)


def judge_rate_limit(limit: RateLimit | None) -> Finding:
    """Judge how much room the key has."""
    if limit is None:
        return Finding("service.rate_limit", Status.OK, "none in the answers", data={"limit": None})
    data = {"limit": limit.limit, "remaining": limit.remaining, "resets_in": round(limit.resets_in, 1)}
    text = f"{limit.remaining:,} of {limit.limit:,} requests left, resets in {limit.resets_in:.0f} s"
    if limit.remaining < LITTLE_LEFT * limit.limit:
        hint = "It was used just now, here or elsewhere. Whoever shares the key shares it by PERISKOPE_BUDGET."
        return Finding("service.rate_limit", Status.WARNING, text, hint, data)
    return Finding("service.rate_limit", Status.OK, text, data=data)


def judge_budget(text: str, *, works: bool) -> Finding:
    """Judge whether the rate limit is shared with whom it should be."""
    data = {"kind": text.partition(":")[0].partition(",")[0].partition(";")[0], "works": works}
    if works:
        return Finding("service.budget", Status.OK, text, data=data)
    hint = "Calls go on, and may meet 429s. Check PERISKOPE_BUDGET and what it names."
    return Finding("service.budget", Status.WARNING, text, hint, data)


def exit_code(findings: Sequence[Finding]) -> Exit:
    """Return the code of the first check that failed: the others may have failed for it."""
    return next((each.exit for each in findings if each.status is Status.FAILED), Exit.OK)


def to_dict(findings: Sequence[Finding]) -> dict[str, Any]:
    """Return the report as JSON has it."""
    code = exit_code(findings)
    statuses = {each.status for each in findings}
    worst = next((each for each in (Status.FAILED, Status.WARNING) if each in statuses), Status.OK)
    return {
        "shape": 1,  # it grows where what was there changes its meaning or goes; what is added leaves it alone
        "status": str(worst),
        "exit_code": int(code),
        "findings": [
            {
                "check": each.check,
                "status": str(each.status),
                "text": each.text,
                "hint": each.hint or None,
                "data": dict(each.data),
            }
            for each in findings
        ],
    }


def _name(parts: Any) -> str | None:
    """Return the common name of whom a certificate is about, else the organisation's."""
    names: dict[str, str] = {key: value for part in parts or () for key, value in part}
    return next((names[key] for key in ("commonName", "organizationName") if key in names), None)


def _day(moment: float) -> datetime:
    return datetime.fromtimestamp(moment, UTC)
