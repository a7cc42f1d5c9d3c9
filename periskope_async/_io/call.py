"""One call under way: what it asks for, when it must end, what it has been through."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from attrs import define, field

from periskope_async._sansio.operation import Request
from periskope_async._sansio.response import FailedAttempt, FailureKind
from periskope_async.errors import DeadlineExceeded

__all__ = ["Call"]

T = TypeVar("T")

#: Of a call that has not failed, as nearly none has: a mapping of its own would be made for each.
NO_FAILURES: Final[Mapping[FailureKind, int]] = MappingProxyType({})


@define(eq=False)
class Call(Generic[T]):
    """The state of one call. Times are seconds on the loop's clock.

    Attributes:
        request: what is asked for.
        started: when it began.
        number: what events call it; not set without hooks.
        ends_at: when it must end.
        bulk: whether it waits behind single calls and through outages.
        second_pass: whether it is a bulk run's last try for its id, which does not give up early on broken bodies.
        attempts: how many requests were sent.
        sent_at: when the request was sent whose answer is awaited; None while none is. Not set before the first, unless
            by who shares the call: a bulk run makes one of these for each id.
        paid: what its last retry cost of the retry budget.
        failed: how many of them failed. A 429 does not count.
        failures: how often it failed in which way.
        probes: how often it failed as the one request by which bulk runs ask whether an outage is over.
        last: how it failed last.
        maybe_sent: whether an attempt without an answer may have taken effect.
        pause: for how many seconds everybody pauses after its last 429; not set before the first.
        shut: whether nobody on the key got through for so long that no end is to be expected; likewise.
    """

    request: Request[T]
    started: float
    ends_at: float
    bulk: bool = False
    second_pass: bool = False
    attempts: int = 0
    sent_at: float | None = field(init=False)
    number: int = field(init=False)
    paid: int = 0
    failed: int = 0
    failures: Mapping[FailureKind, int] = NO_FAILURES
    probes: int = 0
    last: FailedAttempt | None = None
    maybe_sent: bool = False
    pause: float = field(init=False)
    shut: bool = field(init=False)

    def record(self, failure: FailedAttempt) -> None:
        """Note how an attempt failed."""
        self.last = failure
        self.failed += failure.kind is not FailureKind.THROTTLED
        self.failures = {**self.failures, failure.kind: self.failures.get(failure.kind, 0) + 1}
        self.maybe_sent = self.maybe_sent or not failure.had_no_effect

    def out_of_time(self, deadline: float, where: str = "") -> DeadlineExceeded:
        """Return the error of a call whose *deadline*, in seconds, has passed; *where*: what held it up."""
        last = "" if self.last is None else f"; the last attempt: {self.last.error.message}"
        hint = f"; {where}" if where else ""
        return DeadlineExceeded(f"no result within the deadline of {deadline:g} s{last}{hint}")

    def has_happened(self) -> bool:
        """Whether a 404 says that an earlier attempt took effect.

        A DELETE whose answer was lost, and that then finds nothing to delete, has deleted it. Where it should have
        returned something, there is nothing to return, and the 404 is its error.
        """
        operation = self.request.operation
        return self.maybe_sent and operation.method == "DELETE" and operation.result is None
