"""Rate limits as Express middleware counts and reports them: pure values and one counter. It must not know HTTP."""

import math
import re
from collections.abc import Callable, Mapping
from email.utils import formatdate
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import attrs

__all__ = ["DIALECTS", "Limiter", "RateLimitPolicy", "Verdict"]

HeaderFields: TypeAlias = tuple[tuple[str, str], ...]

_UNITS: Final = {"": 1.0, "s": 1.0, "sec": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "hour": 3600.0}
_SPEC: Final = re.compile(r"(\d+)\s*/\s*(?=.)(\d+(?:\.\d+)?)?\s*([a-z]*)")


@attrs.frozen
class Verdict:
    """What one request met.

    Attributes:
        allowed: False where the request is answered 429, by this limit or one of `also`.
        remaining: requests left in the window.
        resets_at: the end of the window, in seconds since the epoch.
        now: the time of the request, in seconds since the epoch.
        also: what it met of the policy's further limits, up to the one that refused it.
    """

    allowed: bool
    remaining: int
    resets_at: float
    now: float
    also: "tuple[Verdict, ...]" = ()

    @property
    def refuses(self) -> bool:
        """Whether it is this limit that refuses the request, and not one of `also`."""
        return not self.allowed and not self.also

    @property
    def resets_in(self) -> int:
        """Whole seconds to the end of the window, rounded up as the middleware does."""
        return max(0, math.ceil(self.resets_at - self.now))


@attrs.frozen
class RateLimitPolicy:
    """How many requests a key may make, and how the service reports it.

    Attributes:
        limit: requests in a window.
        window: length of the window in seconds.
        headers: dialects of the header fields, from `DIALECTS`; several are joined with `+`, as `legacy+draft-7`.
        retry_after: form of `Retry-After` on a 429: `seconds`, `float`, `date` or `none`; or the seconds that every
            429 reports, true or not.
        aligned: False: a window starts with the first request after the last one ended (express-rate-limit 7 and
            later). True: windows follow each other from the start of the service (version 6).
        workers: processes of the service that do not share their counters; requests reach them in turn.
        rival: requests per second that another client makes with the same key.
        name: what the service calls this limit; `nestjs` and `draft-8` report it.
        also: further limits on the same requests. They count what the limits before them let through.
        bucket: True: no windows, but a bucket of `limit` tokens that `window` seconds fill evenly; a request takes one.
    """

    limit: int = attrs.field(validator=attrs.validators.ge(1))
    window: float = attrs.field(validator=attrs.validators.gt(0))
    headers: str = attrs.field(default="legacy", kw_only=True, validator=lambda _, __, value: _known_dialects(value))
    retry_after: Literal["seconds", "float", "date", "none"] | float = attrs.field(
        default="seconds", kw_only=True, validator=lambda _, __, value: _known_form(value)
    )
    aligned: bool = attrs.field(default=False, kw_only=True)
    workers: int = attrs.field(default=1, kw_only=True, validator=attrs.validators.ge(1))
    rival: float = attrs.field(default=0.0, kw_only=True, validator=attrs.validators.ge(0))
    name: str = attrs.field(default="", kw_only=True)
    also: "tuple[RateLimitPolicy, ...]" = attrs.field(default=(), kw_only=True)
    bucket: bool = attrs.field(default=False, kw_only=True)

    @classmethod
    def parse(cls, spec: str) -> "RateLimitPolicy":
        """The policy that *spec* names, such as `100/2s`, `500/60s`, `500/min`.

        Raises:
            ValueError: *spec* is none of these.
        """
        match = _SPEC.fullmatch(spec.strip().lower())
        if match is None or match[3] not in _UNITS:
            raise ValueError(f"rate limit {spec!r}: expected REQUESTS/SECONDS, such as 100/2s or 500/min")
        return cls(int(match[1]), float(match[2] or 1) * _UNITS[match[3]])

    def fields(self, verdict: Verdict) -> HeaderFields:
        """The header fields that go with *verdict*."""
        fields = tuple(field for name in self.headers.split("+") for field in DIALECTS[name](self, verdict))
        if verdict.refuses:
            return (*fields, *self._retry_after(verdict))
        also = zip(self.also, verdict.also, strict=False)  # those behind the one that refused were not asked
        return (*fields, *(field for policy, met in also for field in policy.fields(met)))

    def _retry_after(self, verdict: Verdict) -> HeaderFields:
        name = "Retry-After" + (_suffix(self) if "nestjs" in self.headers.split("+") else "")
        match self.retry_after:
            case "seconds":
                return ((name, str(verdict.resets_in)),)
            case "float":
                return ((name, f"{max(0.0, verdict.resets_at - verdict.now):.3f}"),)
            case "date":
                return ((name, formatdate(math.ceil(verdict.resets_at), usegmt=True)),)
            case "none":
                return ()
            case seconds:
                return ((name, f"{seconds:g}"),)


def _known_dialects(names: str) -> None:
    unknown = set(names.split("+")) - set(DIALECTS)
    if unknown:
        raise ValueError(f"headers: no dialect {sorted(unknown)}; there are {sorted(DIALECTS)}")


def _known_form(form: object) -> None:
    if isinstance(form, int | float) and form >= 0:
        return
    if form not in {"seconds", "float", "date", "none"}:
        raise ValueError(f"retry_after: {form!r} is neither seconds nor one of 'seconds', 'float', 'date', 'none'")


def _legacy(reset: Callable[[Verdict], str]) -> "Dialect":
    def fields(policy: RateLimitPolicy, verdict: Verdict) -> HeaderFields:
        return (
            ("X-RateLimit-Limit", str(policy.limit)),
            ("X-RateLimit-Remaining", str(verdict.remaining)),
            ("X-RateLimit-Reset", reset(verdict)),
        )

    return fields


def _suffix(policy: RateLimitPolicy) -> str:
    return f"-{policy.name}" if policy.name else ""


def _nestjs(policy: RateLimitPolicy, verdict: Verdict) -> HeaderFields:
    if verdict.refuses:  # @nestjs/throttler says of the limit that refuses only when to come again
        return ()
    suffix = _suffix(policy)
    return (
        (f"X-RateLimit-Limit{suffix}", str(policy.limit)),
        (f"X-RateLimit-Remaining{suffix}", str(verdict.remaining)),
        (f"X-RateLimit-Reset{suffix}", str(verdict.resets_in)),
    )


def _draft_6(policy: RateLimitPolicy, verdict: Verdict) -> HeaderFields:
    return (
        ("RateLimit-Policy", f"{policy.limit};w={math.ceil(policy.window)}"),
        ("RateLimit-Limit", str(policy.limit)),
        ("RateLimit-Remaining", str(verdict.remaining)),
        ("RateLimit-Reset", str(verdict.resets_in)),
    )


def _draft_7(policy: RateLimitPolicy, verdict: Verdict) -> HeaderFields:
    return (
        ("RateLimit-Policy", f"{policy.limit};w={math.ceil(policy.window)}"),
        ("RateLimit", f"limit={policy.limit}, remaining={verdict.remaining}, reset={verdict.resets_in}"),
    )


def _draft_8(policy: RateLimitPolicy, verdict: Verdict) -> HeaderFields:
    seconds = math.ceil(policy.window)
    name = f'"{policy.name or f"{policy.limit}-in-{seconds}sec"}"'
    return (
        ("RateLimit-Policy", f"{name}; q={policy.limit}; w={seconds}; pk=:ZmFrZQ==:"),
        ("RateLimit", f"{name}; r={verdict.remaining}; t={verdict.resets_in}"),
    )


Dialect: TypeAlias = Callable[[RateLimitPolicy, Verdict], HeaderFields]

#: Every way in which servers report a limit (what each sends is in the value of the same name).
DIALECTS: Final[Mapping[str, Dialect]] = MappingProxyType(
    {
        "legacy": _legacy(lambda verdict: str(math.ceil(verdict.resets_at))),  # epoch seconds, rounded up
        "legacy-ms": _legacy(lambda verdict: str(math.ceil(verdict.resets_at * 1000))),  # epoch milliseconds
        "legacy-delta": _legacy(lambda verdict: str(verdict.resets_in)),  # seconds from now
        "legacy-date": _legacy(lambda verdict: formatdate(math.ceil(verdict.resets_at), usegmt=True)),
        "nestjs": _nestjs,  # seconds from now, with the name of the limit as a suffix
        "draft-6": _draft_6,
        "draft-7": _draft_7,
        "draft-8": _draft_8,
        "none": lambda _policy, _verdict: (),
    }
)


@attrs.define
class _Window:
    ends_at: float = -math.inf
    hits: int = 0
    rival_at: float = -math.inf
    #: Of a bucket: what was taken and has not come back, at the time of the last request.
    taken: float = 0.0
    taken_at: float = -math.inf


class Limiter:
    """The counters of one service: fixed windows or buckets, one for each limit, key and worker.

    Args:
        policy: what to count.
        started_at: the start of the service, in seconds since the epoch; aligned windows count from there.
    """

    def __init__(self, policy: RateLimitPolicy, started_at: float) -> None:
        self.policy = policy
        self._started_at = started_at
        self._windows: dict[tuple[str, int], _Window] = {}
        self._turn = 0
        self._also = tuple(Limiter(further, started_at) for further in policy.also)

    def hit(self, key: str, now: float) -> Verdict:
        """Count one request of *key* at *now*, after all that the rival made before it."""
        policy = self.policy
        worker, self._turn = self._turn, (self._turn + 1) % policy.workers
        window = self._windows.get((key, worker))
        if window is None:
            window = self._windows[key, worker] = _Window(rival_at=now)
        if policy.rival:
            pace = policy.workers / policy.rival
            while window.rival_at + pace <= now:
                window.rival_at += pace
                self._count(window, window.rival_at)
        verdict = self._count(window, now)
        return self._ask_further(verdict, key) if self._also and verdict.allowed else verdict

    def _ask_further(self, verdict: Verdict, key: str) -> Verdict:
        """Count the request by the further limits too, until one refuses it."""
        met: list[Verdict] = []
        for limiter in self._also:
            met.append(limiter.hit(key, verdict.now))
            if not met[-1].allowed:
                break
        return attrs.evolve(verdict, allowed=met[-1].allowed, also=tuple(met))

    def _take(self, window: _Window, now: float) -> Verdict:
        """Take a token if there is one. The verdict's reset is when the next one is there."""
        limit, token = self.policy.limit, self.policy.window / self.policy.limit
        window.taken = max(0.0, window.taken - (now - window.taken_at) / token)
        window.taken_at = now
        allowed = window.taken + 1.0 <= limit
        if allowed:
            window.taken += 1.0
        missing = max(0.0, window.taken + 1.0 - limit)
        return Verdict(allowed, math.floor(limit - window.taken), now + missing * token, now)

    def _count(self, window: _Window, now: float) -> Verdict:
        if self.policy.bucket:
            return self._take(window, now)
        if now >= window.ends_at:
            window.ends_at = self._end_of_window(now)
            window.hits = 0
        window.hits += 1
        left = self.policy.limit - window.hits
        return Verdict(left >= 0, max(0, left), window.ends_at, now)

    def _end_of_window(self, now: float) -> float:
        """The end of the window that opens with a request at *now*; always after *now*, however floats round."""
        length = self.policy.window
        if not self.policy.aligned:
            return now + length
        end = self._started_at + ((now - self._started_at) // length + 1) * length
        return end if end > now else end + length
