"""What an answer's headers say about the rate limit and about waiting. Total: what cannot be read is absent."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, Literal, TypeAlias

from attrs import define

from periskope_async._sansio.header_values import parse_date, parse_number
from periskope_async._sansio.response import Headers, Response

__all__ = [
    "MAX_BELIEVED",
    "MAX_LIMITS",
    "MAX_RESET",
    "MAX_RETRY_AFTER",
    "USUAL_WINDOWS",
    "Clock",
    "RateReading",
    "rate_suffixes",
    "read_rate",
    "read_retry_after",
]

#: Retry-After is taken up to this many seconds.
MAX_RETRY_AFTER: Final = 86_400.0
#: The end of a window is taken up to this many seconds from now.
MAX_RESET: Final = 3_600.0
#: Lengths that people give to windows, seconds.
USUAL_WINDOWS: Final = frozenset({1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600})
#: A window that is longer by our clock alone may be any, seconds.
MAX_BELIEVED: Final = 60

# Possessive, and never begun inside a word: a header of 8,000 letters would else take seconds to be found useless.
_PARAMETER = re.compile(r'(?<![a-z])([a-z]++)\s*+=\s*+"?([0-9.]++)"?', re.ASCII)
# Rate-limit headers longer than this are not what they claim to be, characters.
_MAX_POLICIES = 1_000
#: Limits that one answer may name, in headers; @nestjs/throttler's own examples have three.
MAX_LIMITS: Final = 8
_LIMIT: Final = "x-ratelimit-limit"
#: What the end of a window counts from: the service's clock (its Date, or seconds from now); the Retry-After of a
#: refusal, which ends with the window; or our clock, which may be hours from theirs.
Clock: TypeAlias = Literal["theirs", "refusal", "ours"]


@define
class RateReading:
    """What one answer says of the rate limit.

    `resets_in` is the longest the window can last from the moment the answer came; it overstates the rest by less than
    `slack` seconds (whole-second headers and Date). `reset` names the window where the header is an absolute time.
    `length` is the window's length: as reported (`length_reported`), or as it must be if this answer was the window's
    first. Where an absolute `reset` came without a Date, `clock` says what `resets_in` counts from instead; where it
    came with one, the window ends less than `rounding` seconds before it.
    """

    limit: int
    remaining: int
    resets_in: float
    slack: float
    reset: float | None = None
    length: float | None = None
    length_reported: bool = False
    clock: Clock = "theirs"
    #: Which of the service's limits this is: the policy of draft 8, the suffix of `X-RateLimit-Limit-short`.
    name: str = ""
    #: What the same answer says of the service's other limits.
    further: "tuple[RateReading, ...]" = ()
    rounding: float = 1.0


def read_retry_after(response: Response) -> float | None:
    """Return how many seconds the answer asks to wait, from 0 to `MAX_RETRY_AFTER`; None if it does not ask.

    Seconds, fractions and dates are understood. A date counts from the server's own Date, so that a wrong clock on
    either side does not matter.
    """
    text = response.headers.get("Retry-After")
    if text is None:
        return _retry_after_with_suffix(response) if response.status == 429 else None
    return _seconds_to_wait(response, text)


def _retry_after_with_suffix(response: Response) -> float | None:
    """Read `Retry-After-short`, as @nestjs/throttler sends it, with the name of the limit that was used up."""
    texts = (text for name, text in response.headers.items() if name[:12].lower() == "retry-after-")
    waits = (_seconds_to_wait(response, text) for text in texts)
    return max((wait for wait in waits if wait is not None), default=None)


def _seconds_to_wait(response: Response, text: str) -> float | None:
    seconds = parse_number(text)
    if seconds is None:
        moment = parse_date(text)
        if moment is None:
            return None
        date = parse_date(response.headers.get("Date") or "")
        seconds = max(0.0, moment - (response.received if date is None else date))
    return min(seconds, MAX_RETRY_AFTER)


def rate_suffixes(headers: Headers) -> tuple[str, ...]:
    """Return what follows `X-RateLimit-Limit` in these names (`-short`, `-long`): a service's limits, by name."""
    names = (name.lower() for name, _ in headers.items() if len(name) > len(_LIMIT))
    found = dict.fromkeys(name[len(_LIMIT) :] for name in names if name.startswith(_LIMIT + "-"))
    return tuple(found)[:MAX_LIMITS]


def read_rate(response: Response, suffixes: tuple[str, ...] | None = None) -> RateReading | None:
    """Return what the answer says of the rate limit, in any of the known dialects; None if it says nothing usable.

    Drafts 7 and 8 (`RateLimit`), draft 6 (`RateLimit-*`) and the older `X-RateLimit-*`, whose Reset may be seconds from
    now, seconds or milliseconds since 1970, or a date. Of several limits the reading holds the first, and the others as
    `further`.

    *suffixes*: those of the service's headers, where they are known; else all headers are searched for them.
    """
    texts = response.limit
    if texts is None:
        return _read_any(response, rate_suffixes(response.headers) if suffixes is None else suffixes)
    return _reading(response, *texts, None) if texts else None


def _read_any(response: Response, suffixes: tuple[str, ...]) -> RateReading | None:
    headers = response.headers
    if suffixes:
        return _read_suffixed(response, suffixes)
    legacy = headers.get("X-RateLimit-Limit")
    if legacy is not None and headers.get("RateLimit-Policy") is None:
        return _reading(response, legacy, headers.get("X-RateLimit-Remaining"), headers.get("X-RateLimit-Reset"), None)
    draft_6 = headers.get("RateLimit-Limit")
    if draft_6 is None and "RateLimit" not in headers:
        return None
    policies = ",".join(headers.getall("RateLimit-Policy", []))
    combined = ",".join(headers.getall("RateLimit", []))
    if len(policies) > _MAX_POLICIES or len(combined) > _MAX_POLICIES:
        return None
    if combined or draft_6 is None:
        return _draft_7_or_8(response, combined, policies)
    window = _parameters(policies).get("w")
    limit = draft_6.split(",")[0]
    return _reading(response, limit, headers.get("RateLimit-Remaining"), headers.get("RateLimit-Reset"), window)


def _read_suffixed(response: Response, suffixes: tuple[str, ...]) -> RateReading | None:
    headers = response.headers
    readings = [_read_any(response, ())]  # a limit by the name of "default" has no suffix
    for suffix in suffixes:
        limit, left, reset = (headers.get(f"X-RateLimit-{what}{suffix}") for what in ("Limit", "Remaining", "Reset"))
        readings.append(_reading(response, limit, left, reset, None, suffix))
    return _together(readings)


def _draft_7_or_8(response: Response, combined: str, policies: str) -> RateReading | None:
    if "limit" in _parameters(combined):
        reported = _parameters(combined)
        window = _parameters(policies).get("w")
        return _reading(response, reported["limit"], reported.get("remaining"), reported.get("reset"), window)
    # Draft 8 names each limit.
    quotas = {_policy_name(item): _parameters(item) for item in policies.split(",")}
    readings: list[RateReading | None] = []
    for item in combined.split(","):
        name, reported = _policy_name(item), _parameters(item)
        retry_budget = quotas.get(name, {})
        readings.append(
            _reading(response, retry_budget.get("q"), reported.get("r"), reported.get("t"), retry_budget.get("w"), name)
        )
    return _together(readings)


def _policy_name(item: str) -> str:
    return item.partition(";")[0].strip()


def _together(readings: Iterable[RateReading | None]) -> RateReading | None:
    """Return the first reading with the others as its `further`, one for each name."""
    by_name = {reading.name: reading for reading in readings if reading is not None}
    if not by_name:
        return None
    first, *further = by_name.values()
    first.further = tuple(further[: MAX_LIMITS - 1])
    return first


def _parameters(text: str) -> dict[str, str]:
    return dict(_PARAMETER.findall(text.lower()))


def _reading(
    response: Response, limit: str | None, remaining: str | None, reset: str | None, window: str | None, name: str = ""
) -> RateReading | None:
    if limit is None or remaining is None or reset is None:
        return None
    # Of answer after answer only what is left differs: the rest is read once.
    left, counted = parse_number(remaining), _counted_from_now(limit, reset, window)
    if left is None:
        return None
    if counted is not None:
        most, resets_in, length, reported = counted
        return RateReading(most, int(left), resets_in, 1.0, None, length, reported, "theirs", name)
    number = parse_number(limit)
    if number is None or number < 1:
        return None
    return _absolute(response, int(number), int(left), reset, window, name)


@lru_cache(maxsize=64)
def _counted_from_now(limit: str, reset: str, window: str | None) -> tuple[int, float, float, bool] | None:
    """Return a limit, in how many seconds its window ends, how long that is, and whether it says so.

    None where Reset is not in seconds from now, or the limit not a number from 1 on.
    """
    most, seconds = parse_number(limit), parse_number(reset)
    if most is None or most < 1 or seconds is None or seconds >= 1e6:
        return None
    resets_in, reported = min(seconds, MAX_RESET), _reported(window)
    return int(most), resets_in, reported or resets_in, bool(reported)


def _reported(window: str | None) -> float:
    return 0.0 if window is None else min(parse_number(window) or 0.0, MAX_RETRY_AFTER)


def _absolute(
    response: Response, limit: int, left: int, reset: str, window: str | None, name: str
) -> RateReading | None:
    number, reported = parse_number(reset), _reported(window)
    milliseconds = number is not None and number > 1e11
    end = parse_date(reset) if number is None else number / 1000 if milliseconds else number
    if end is None:
        return None
    date = parse_date(response.headers.get("Date") or "")
    if date is None:
        return _undated_reading(response, limit, left, end, 0.001 if milliseconds else 1.0, reported, name)
    # In whole seconds, rounded up, the window ends up to a second before it says; Date hides up to another.
    resets_in = min(max(0.0, end - date), MAX_RESET)
    rounding = 0.001 if milliseconds else 1.0
    slack = 1.0 if milliseconds else 2.0
    # A window that starts now and is whole seconds long: one second less than Reset and Date, both coarse, show. So it
    # is with milliseconds that make full seconds: the window started in the last of a second, or in the first.
    exact = milliseconds and end % 1 > 0
    length = reported or (float(max(1, int(resets_in))) if exact else _whole_length(int(resets_in)))
    return RateReading(limit, left, resets_in, slack, end, length, bool(reported), "theirs", name, rounding=rounding)


def _undated_reading(
    response: Response, limit: int, left: int, end: float, rounding: float, reported: float, name: str
) -> RateReading:
    """Return what an absolute Reset means where the service does not state its own time.

    Its distance from our clock is believed only as the length of a window that starts now, if that is a usual one, and
    only up to `MAX_BELIEVED` seconds: to wait longer for nothing is worse than the one refusal that shows the truth.
    """
    wait = parse_number(response.headers.get("Retry-After")) if response.status == 429 else None
    if wait is not None:
        return RateReading(
            limit, left, min(wait, MAX_RESET), rounding, end, reported or None, bool(reported), "refusal", name
        )
    shown = end - response.received
    usual = (float(length) for length in sorted(USUAL_WINDOWS) if length <= MAX_BELIEVED)
    length = reported or next((length for length in usual if -0.1 <= shown - length < 1.0), None)
    return RateReading(
        limit, left, min(max(0.0, shown), MAX_RESET), rounding, end, length, bool(reported), "ours", name
    )


def _whole_length(seconds: int) -> float:
    """Return how long a window is that starts now and whose Reset is this number of seconds after Date.

    Date is rounded down and Reset up, so it is one second less, unless the window started on a full second. That is
    rare, and taken for true only where it makes a usual length of an unusual one.
    """
    started_on_full_second = seconds in USUAL_WINDOWS and seconds - 1 not in USUAL_WINDOWS
    return float(max(1, seconds if started_on_full_second else seconds - 1))
