"""What an answer's headers say about the rate limit and about waiting. Total: what cannot be read is absent."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Final

from attrs import define

from periskope_async._sansio.response import Response

__all__ = ["MAX_RESET", "MAX_RETRY_AFTER", "USUAL_WINDOWS", "RateReading", "read_rate", "read_retry_after"]

#: Retry-After is taken up to this many seconds, and a rate-limit window's end up to the second figure.
MAX_RETRY_AFTER: Final = 86_400.0


MAX_RESET: Final = 3_600.0


#: Lengths that people give to windows, seconds.
USUAL_WINDOWS: Final = frozenset({1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600})


# Fifteen digits hold every wait and every epoch, in milliseconds too.
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,20})?")


# Possessive, and never begun inside a word: a header of 8,000 letters would else take seconds to be found useless.
_PARAMETER = re.compile(r'(?<![a-z])([a-z]++)\s*+=\s*+"?([0-9.]++)"?', re.ASCII)


# Rate-limit headers and dates longer than this are no such thing, characters.
_MAX_POLICIES = 1_000


_MAX_DATE = 100


@define
class RateReading:
    """What one answer told of the rate limit.

    `resets_in` is the longest the window can last from the moment the answer came; it overstates the rest by less than
    `slack` seconds (whole-second headers and Date). `reset` names the window where the header is an absolute time.
    `length` is the window's length: as told, or as it must be if this answer was the window's first (`length_told`).
    """

    limit: int
    remaining: int
    resets_in: float
    slack: float
    reset: float | None = None
    length: float | None = None
    length_told: bool = False


def read_retry_after(response: Response) -> float | None:
    """Return how many seconds the answer asks to wait, from 0 to `MAX_RETRY_AFTER`; None if it does not ask.

    Seconds, fractions and dates are understood. A date counts from the server's own Date, so that a wrong clock on
    either side does not matter.
    """
    text = response.headers.get("Retry-After")
    if text is None:
        return None
    seconds = _number(text)
    if seconds is None:
        moment = _parse_date(text)
        if moment is None:
            return None
        date = _parse_date(response.headers.get("Date") or "")
        seconds = max(0.0, moment - (response.received if date is None else date))
    return min(seconds, MAX_RETRY_AFTER)


def read_rate(response: Response) -> RateReading | None:
    """Return what the answer tells of the rate limit, in any of the known dialects; None if it tells nothing usable.

    Drafts 7 and 8 (`RateLimit`), draft 6 (`RateLimit-*`) and the older `X-RateLimit-*`, whose Reset may be seconds from
    now, seconds or milliseconds since 1970, or a date.
    """
    headers = response.headers
    legacy = headers.get("X-RateLimit-Limit")
    if legacy is not None and headers.get("RateLimit-Policy") is None:
        return _reading(response, legacy, headers.get("X-RateLimit-Remaining"), headers.get("X-RateLimit-Reset"), None)
    policies = ",".join(headers.getall("RateLimit-Policy", []))
    combined = ",".join(headers.getall("RateLimit", []))
    if len(policies) > _MAX_POLICIES or len(combined) > _MAX_POLICIES:
        return None
    if combined:
        return _draft_7_or_8(response, combined, policies)
    draft_6 = headers.get("RateLimit-Limit")
    if draft_6 is not None:
        window = _parameters(policies).get("w")
        limit = draft_6.split(",")[0]
        return _reading(response, limit, headers.get("RateLimit-Remaining"), headers.get("RateLimit-Reset"), window)
    return None


def _draft_7_or_8(response: Response, combined: str, policies: str) -> RateReading | None:
    if "limit" in _parameters(combined):
        told = _parameters(combined)
        window = _parameters(policies).get("w")
        return _reading(response, told["limit"], told.get("remaining"), told.get("reset"), window)
    # Draft 8 names each limit; of several, the one with the least left is the one that binds.
    quotas = {item.split(";")[0].strip(): _parameters(item) for item in policies.split(",")}
    readings: list[RateReading] = []
    for item in combined.split(","):
        told = _parameters(item)
        retry_budget = quotas.get(item.split(";")[0].strip(), {})
        reading = _reading(response, retry_budget.get("q"), told.get("r"), told.get("t"), retry_budget.get("w"))
        if reading is not None:
            readings.append(reading)
    return min(readings, key=lambda reading: reading.remaining, default=None)


def _parameters(text: str) -> dict[str, str]:
    return dict(_PARAMETER.findall(text.lower()))


def _reading(
    response: Response, limit: str | None, remaining: str | None, reset: str | None, window: str | None
) -> RateReading | None:
    most, left = _number(limit), _number(remaining)
    if most is None or left is None or reset is None or most < 1:
        return None
    told = min(_number(window) or 0.0, MAX_RETRY_AFTER)
    number = _number(reset)
    if number is not None and number < 1e6:
        resets_in = min(number, MAX_RESET)
        return RateReading(int(most), int(left), resets_in, 1.0, None, told or resets_in, bool(told))
    milliseconds = number is not None and number > 1e11
    end = _parse_date(reset) if number is None else number / 1000 if milliseconds else number
    if end is None:
        return None
    # In whole seconds, rounded up, the window ends up to a second before it says; Date hides up to another.
    date = _parse_date(response.headers.get("Date") or "")
    resets_in = min(max(0.0, end - (response.received if date is None else date)), MAX_RESET)
    slack = (1.0 if milliseconds else 2.0) if date is not None else 1.0
    # A window that starts now and is whole seconds long: one second less than Reset and Date, both coarse, show.
    length = told or (float(max(1, int(resets_in))) if milliseconds else _whole_length(int(resets_in)))
    return RateReading(int(most), int(left), resets_in, slack, end, length, bool(told))


def _whole_length(seconds: int) -> float:
    """Return how long a window is that starts now and whose Reset is so many seconds after Date.

    Date is rounded down and Reset up, so it is one second less, unless the window started on a full second. That is
    rare, and taken for true only where it makes a usual length of an unusual one.
    """
    started_on_full_second = seconds in USUAL_WINDOWS and seconds - 1 not in USUAL_WINDOWS
    return float(max(1, seconds if started_on_full_second else seconds - 1))


def _number(text: str | None) -> float | None:
    if text is None:
        return None
    if (
        len(text) <= 15 and text.isdecimal() and text.isascii()
    ):  # as nearly all are; the expression takes four times as long
        return float(text)
    return float(text) if _NUMBER.fullmatch(text := text.strip()) else None


@lru_cache(maxsize=64)
def _parse_date(text: str) -> float | None:
    """Return an HTTP, ISO or JavaScript date as seconds since the epoch; None for anything else."""
    if len(text) > _MAX_DATE:
        return None
    for parse in (parsedate_to_datetime, datetime.fromisoformat, _javascript_date):
        try:
            moment = parse(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None


def _javascript_date(text: str) -> datetime:
    # `String(new Date())`: "Mon Nov 23 2026 12:00:00 GMT+0000 (Coordinated Universal Time)"
    return datetime.strptime(text.partition(" (")[0], "%a %b %d %Y %H:%M:%S GMT%z")
