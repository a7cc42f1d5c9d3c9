"""What the API says: requests built, answers judged, headers read. Pure: no aiohttp, no clock, no loop."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import Enum, auto
from functools import lru_cache
from typing import Any, Final, Literal, Protocol, TypeAlias, TypeVar, cast
from urllib.parse import quote

from attrs import define, field, frozen

from periskope_async.errors import (
    BY_STATUS,
    ApiError,
    ConfigurationError,
    PeriskopeError,
    ServerError,
    UnexpectedResponseError,
)

#: Longest id sent. No known id comes near it; a longer one is a mistake that would meet the server's line limit.
MAX_ID: Final = 256
#: Retry-After is taken up to this many seconds, and a rate-limit window's end up to the second figure.
MAX_RETRY_AFTER: Final = 86_400.0
MAX_RESET: Final = 3_600.0
#: Lengths that people give to windows, seconds.
USUAL_WINDOWS: Final = frozenset({1, 2, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600})
#: A window that is longer by our clock alone may be any, seconds.
MAX_BELIEVED: Final = 60
#: How much of a body an error keeps, and how much of any line that the service tells, characters.
EXCERPT: Final = 200
MAX_LINE: Final = 1_000
#: An error body longer than this (bytes), or with fields that nest deeper, is no error object of the service's.
MAX_ERROR: Final = 65_536
MAX_DEPTH: Final = 16

E = TypeVar("E", bound=ApiError)

_PLAIN_ID = re.compile(r"[0-9A-Za-z_~-][0-9A-Za-z_.~-]{0,255}")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Fifteen digits hold every wait and every epoch, in milliseconds too.
_NUMBER = re.compile(r"[0-9]{1,15}(?:\.[0-9]{1,20})?")
# Possessive, and never begun inside a word: a header of 8,000 letters would else take seconds to be found useless.
_PARAMETER = re.compile(r'(?<![a-z])([a-z]++)\s*+=\s*+"?([0-9.]++)"?', re.ASCII)
_PLAN = re.compile(r"\bplans?\b", re.IGNORECASE)
# Rate-limit headers and dates longer than this are no such thing, characters.
_MAX_POLICIES = 1_000
_MAX_DATE = 100
#: Limits that one answer may tell; @nestjs/throttler's own examples have three.
MAX_LIMITS: Final = 8
_LIMIT: Final = "x-ratelimit-limit"


class Headers(Protocol):
    """Response headers: names in any case, a name possibly more than once."""

    def items(self) -> Iterable[tuple[str, str]]: ...
    def get(self, key: str, /) -> str | None: ...
    def getall(self, key: str, default: list[str], /) -> list[str]: ...


# The values made for every request are not frozen: a frozen attrs class takes three times as long to make.


@define
class Request:
    """One request to the API: what is sent, and which ticket it is about."""

    operation: str
    method: str
    path: str
    ticket_id: str | None = None
    query: Mapping[str, int] | None = None
    body: bytes | None = field(default=None, repr=False)
    #: Tells by a decoded result that it cannot be the answer to this request; None where it can.
    mismatch: "Callable[[Request, Any], str | None] | None" = field(default=None, repr=False)

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does what sending it once does. A create has no idempotency key."""
        return self.method != "POST"


@define
class Response:
    """One answer: status, headers, decoded body, and when it came (seconds since the epoch, by our clock)."""

    status: int
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    received: float = 0.0

    @property
    def trace_id(self) -> str | None:
        """The service's name for this answer."""
        return self.headers.get("x-periskope-trace-id")


class Kind(Enum):
    """How a failure is treated; `_retry` holds the table."""

    FINAL = auto()  # repeating cannot help
    PASSING = auto()  # 5xx, refused connections, broken answers
    DROPPED = auto()  # the connection ended before an answer, as idle keep-alive connections do
    SLOW = auto()  # an attempt ran out of time
    UNRESOLVED = auto()  # the host name does not resolve
    THROTTLED = auto()  # 429
    GARBLED = auto()  # a 200 with a body that cannot be it: half a page, another ticket


@frozen
class Failure:
    """An attempt that gave no result: the error to raise if it was the last, and how to treat it."""

    error: PeriskopeError
    kind: Kind
    retry_after: float | None = None
    #: Nothing of the request can have reached the service, so that even a create may be sent again.
    unsent: bool = False


#: What the end of a window counts from: the service's clock (its Date, or seconds from now); the Retry-After of a
#: refusal, which ends with the window; or our clock, which may be hours from theirs.
Clock: TypeAlias = Literal["theirs", "refusal", "ours"]


@define
class RateReading:
    """What one answer told of the rate limit.

    `resets_in` is the longest the window can last from the moment the answer came; it overstates the rest by less than
    `slack` seconds (whole-second headers and Date). `reset` names the window where the header is an absolute time.
    `length` is the window's length: as told, or as it must be if this answer was the window's first (`length_told`).
    Where an absolute `reset` came without a Date, `clock` says what `resets_in` counts from instead.
    """

    limit: int
    remaining: int
    resets_in: float
    slack: float
    reset: float | None = None
    length: float | None = None
    length_told: bool = False
    clock: Clock = "theirs"
    #: Which of the service's limits this is: the policy of draft 8, the suffix of `X-RateLimit-Limit-short`.
    name: str = ""
    #: What the same answer told of the service's other limits.
    further: "tuple[RateReading, ...]" = ()


# -- requests ---------------------------------------------------------------------------------------------------------


def path_segment(name: str, value: object) -> str:
    """Quote *value* as exactly one path segment, which no spelling of an id can leave.

    Raises:
        ConfigurationError: it is not text, or quoting could not keep it one segment; the message names *name*.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{name}: expected text, got {type(value).__name__}")
    if _PLAIN_ID.fullmatch(value):
        return value
    if not value.strip():
        raise ConfigurationError(f"{name}: is empty")
    if len(value) > MAX_ID:
        raise ConfigurationError(f"{name}: longer than {MAX_ID} characters")
    if value in {".", ".."}:
        raise ConfigurationError(f"{name}: {value!r} would name another resource")
    if _CONTROL.search(value):
        raise ConfigurationError(f"{name}: holds a control character")
    try:
        return quote(value, safe="")
    except UnicodeEncodeError:
        raise ConfigurationError(f"{name}: holds a lone surrogate") from None


# -- answers ----------------------------------------------------------------------------------------------------------


def judge(response: Response) -> Failure | None:
    """Return what is wrong with an answer's status, or None for a 2xx that must hold a body."""
    status = response.status
    if status in {200, 201}:
        return None
    retry_after = read_retry_after(response)
    error = _api_error(response, retry_after)
    if status == 429:
        return Failure(error, Kind.THROTTLED, retry_after)
    if status in {408, 425} or 500 <= status <= 599:
        return Failure(error, Kind.PASSING, retry_after)
    return Failure(error, Kind.FINAL)


def garbled(response: Response, error: PeriskopeError | None) -> Failure:
    """Return the failure of a 2xx whose body is not JSON.

    A body that claims to be JSON fails with *error*; an empty one and a page are the doing of something in between.
    """
    body = response.body.strip()
    kind = response.headers.get("Content-Type") or "no content type"
    if error is not None and body and "json" in kind.lower():
        error.trace_id = response.trace_id
        return Failure(error, Kind.GARBLED)
    told = f"a body of {kind}" if body else "an empty body"
    return Failure(unexpected(response, f"expected JSON, got {told}"), Kind.GARBLED)


def unexpected(response: Response, message: str) -> UnexpectedResponseError:
    """Return the error of an answer that is not what was asked for."""
    return _fill(UnexpectedResponseError(message), response, None)


def _api_error(response: Response, retry_after: float | None) -> ApiError:
    status = response.status
    told = _error_object(response)
    code = told.get("code")
    message = told.get("message")
    text = message if isinstance(message, str) and message else _without_message(response)
    if status == 401 and _PLAN.search(text):
        text += " (the key is not bad: the account's plan does not include the API)"
    default = ServerError if 500 <= status <= 599 else UnexpectedResponseError
    error = _fill(BY_STATUS.get(status, default)(text), response, retry_after)
    error.code = code if isinstance(code, str) else None
    name = told.get("name")
    error.name = name if isinstance(name, str) else None
    fields = told.get("fields")
    error.fields = cast("dict[str, Any]", fields) if isinstance(fields, dict) and _is_flat(fields) else {}
    return error


def _fill(error: E, response: Response, retry_after: float | None) -> E:
    error.status = response.status
    error.trace_id = response.trace_id
    error.retry_after = retry_after
    error.body = response.body.decode("utf-8", "replace")
    return error


def make_presentable(error: PeriskopeError, mask: Callable[[Any], Any]) -> None:
    """Have *mask* take the key out of all that *error* tells, then cut what the service told to what fits a log.

    In this order: half a key, at the end of an excerpt, would not be known for one.
    """
    told = vars(error)
    told.update({name: mask(value) for name, value in told.items()})
    error.message = _line(error.message)
    error.args = (error.message,)
    error.trace_id = error.trace_id and _line(error.trace_id)
    if isinstance(error, ApiError):
        error.code = error.code and _line(error.code)
        error.name = error.name and _line(error.name)
        error.body = error.body[:EXCERPT]


def _line(text: str) -> str:
    """Return *text* as one printable line, so that no service writes lines of its own into a log or onto a screen."""
    return " ".join("".join(char if char.isprintable() else " " for char in text[:MAX_LINE]).split())


def _error_object(response: Response) -> dict[str, Any]:
    if len(response.body) > MAX_ERROR:
        return {}
    try:
        told: object = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", told) if isinstance(told, dict) else {}


def _is_flat(value: Any) -> bool:
    """Whether JSON nests no deeper than `MAX_DEPTH`: deeper would break whoever masks, copies or prints it."""
    layer: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        layer = [inner for outer in layer for inner in _inside(outer)]
    return not layer


def _inside(value: Any) -> Iterable[Any]:
    held: Any = value  # a checker would know no more of it than that it is a list of unknowns
    inside: Iterable[Any] = held.values() if isinstance(value, dict) else held if isinstance(value, list) else ()
    return inside


def _without_message(response: Response) -> str:
    status, location = response.status, response.headers.get("Location")
    if status == 206:  # we send no Range
        return "206 Partial Content, which was not asked for: the answer may be only half of it"
    if 300 <= status <= 399 and location is not None:
        target = re.match(r"(?:[a-z]+:)?//(?:[^/?#@]*@)?([^/?#@]+)", location, re.IGNORECASE)
        return f"redirects are not followed (to {target[1] if target else 'the same host'})"
    content_type = (response.headers.get("Content-Type") or "").lower()
    if not response.body.strip():
        return "the answer has no body"
    if "html" in content_type or response.body.lstrip()[:1] == b"<":
        what = "a proxy or firewall seems to refuse us: " if status in {403, 429} else ""
        return f"{what}the answer is an HTML page, so something in front of the service sent it"
    return "the answer tells no reason"


# -- headers: every reader is total, and what it cannot read is absent ------------------------------------------------


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
    seconds = _number(text)
    if seconds is None:
        moment = _moment(text)
        if moment is None:
            return None
        date = _moment(response.headers.get("Date") or "")
        seconds = max(0.0, moment - (response.received if date is None else date))
    return min(seconds, MAX_RETRY_AFTER)


def rate_suffixes(headers: Headers) -> tuple[str, ...]:
    """Return what follows `X-RateLimit-Limit` in these names (`-short`, `-long`): a service's limits, by name."""
    names = (name.lower() for name, _ in headers.items() if len(name) > len(_LIMIT))
    found = dict.fromkeys(name[len(_LIMIT) :] for name in names if name.startswith(_LIMIT + "-"))
    return tuple(found)[:MAX_LIMITS]


def read_rate(response: Response, suffixes: tuple[str, ...] | None = None) -> RateReading | None:
    """Return what the answer tells of the rate limit, in any of the known dialects; None if it tells nothing usable.

    Drafts 7 and 8 (`RateLimit`), draft 6 (`RateLimit-*`) and the older `X-RateLimit-*`, whose Reset may be seconds from
    now, seconds or milliseconds since 1970, or a date. Of several limits the reading holds the one told first, and the
    others as `further`.

    *suffixes*: those of the service's headers, where they are known; else all headers are searched for them.
    """
    headers = response.headers
    if suffixes is None:
        suffixes = rate_suffixes(headers)
    if suffixes:
        return _read_suffixed(response, suffixes)
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


def _read_suffixed(response: Response, suffixes: tuple[str, ...]) -> RateReading | None:
    headers = response.headers
    readings = [read_rate(response, ())]  # a limit by the name of "default" has no suffix
    for suffix in suffixes:
        limit, left, reset = (headers.get(f"X-RateLimit-{what}{suffix}") for what in ("Limit", "Remaining", "Reset"))
        readings.append(_reading(response, limit, left, reset, None, suffix))
    return _together(readings)


def _draft_7_or_8(response: Response, combined: str, policies: str) -> RateReading | None:
    if "limit" in _parameters(combined):
        told = _parameters(combined)
        window = _parameters(policies).get("w")
        return _reading(response, told["limit"], told.get("remaining"), told.get("reset"), window)
    # Draft 8 names each limit.
    quotas = {_policy_name(item): _parameters(item) for item in policies.split(",")}
    readings: list[RateReading | None] = []
    for item in combined.split(","):
        name, told = _policy_name(item), _parameters(item)
        quota = quotas.get(name, {})
        readings.append(_reading(response, quota.get("q"), told.get("r"), told.get("t"), quota.get("w"), name))
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
    most, left = _number(limit), _number(remaining)
    if most is None or left is None or reset is None or most < 1:
        return None
    told = min(_number(window) or 0.0, MAX_RETRY_AFTER)
    number = _number(reset)
    if number is not None and number < 1e6:
        resets_in = min(number, MAX_RESET)
        return RateReading(int(most), int(left), resets_in, 1.0, None, told or resets_in, bool(told), "theirs", name)
    milliseconds = number is not None and number > 1e11
    end = _moment(reset) if number is None else number / 1000 if milliseconds else number
    if end is None:
        return None
    date = _moment(response.headers.get("Date") or "")
    if date is None:
        return _undated_reading(response, int(most), int(left), end, 0.001 if milliseconds else 1.0, told, name)
    # In whole seconds, rounded up, the window ends up to a second before it says; Date hides up to another.
    resets_in = min(max(0.0, end - date), MAX_RESET)
    slack = 1.0 if milliseconds else 2.0
    # A window that starts now and is whole seconds long: one second less than Reset and Date, both coarse, show.
    length = told or (float(max(1, int(resets_in))) if milliseconds else _whole_length(int(resets_in)))
    return RateReading(int(most), int(left), resets_in, slack, end, length, bool(told), "theirs", name)


def _undated_reading(
    response: Response, limit: int, left: int, end: float, rounding: float, told: float, name: str
) -> RateReading:
    """Return what an absolute Reset tells where the service does not tell its own time.

    Its distance from our clock is believed only as the length of a window that starts now, if that is a usual one, and
    only up to `MAX_BELIEVED` seconds: to wait longer for nothing is worse than the one refusal that tells the truth.
    """
    wait = _number(response.headers.get("Retry-After")) if response.status == 429 else None
    if wait is not None:
        return RateReading(limit, left, min(wait, MAX_RESET), rounding, end, told or None, bool(told), "refusal", name)
    shown = end - response.received
    usual = (float(length) for length in sorted(USUAL_WINDOWS) if length <= MAX_BELIEVED)
    length = told or next((length for length in usual if -0.1 <= shown - length < 1.0), None)
    return RateReading(limit, left, min(max(0.0, shown), MAX_RESET), rounding, end, length, bool(told), "ours", name)


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
def _moment(text: str) -> float | None:
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
