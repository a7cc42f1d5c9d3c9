"""What bulk runs return: results by id, failures by id, progress. Values only."""

from collections.abc import AsyncIterable, Iterable
from typing import TypeVar

from attrs import define, field, frozen

from periskope_async.errors import (
    DeadlineExceeded,
    PeriskopeError,
)
from periskope_async.models.tickets import TicketInfo

__all__ = ["BulkResult", "Failed", "Fetched", "Progress", "TicketIds"]

T = TypeVar("T")


#: Ids to fetch: anything to iterate over, also lazily, also endlessly.
TicketIds = Iterable[str] | AsyncIterable[str]


@frozen
class Fetched:
    """A ticket that a bulk run fetched."""

    ticket_id: str
    ticket: TicketInfo


@frozen
class Failed:
    """A ticket that a bulk run could not fetch, and why."""

    ticket_id: str
    error: PeriskopeError


@frozen
class Progress:
    """How far a bulk run has come. `done`, `failed`, `in_flight` and `waiting` add up to `total`.

    Attributes:
        total: distinct ids to fetch; None while the end of the ids is not known.
        done: tickets fetched.
        failed: ids that failed for good.
        in_flight: ids being fetched.
        elapsed: seconds since the run began.
        eta: seconds to go, as far as the pace so far and the rate limit tell; None while unknown.
    """

    total: int | None
    done: int
    failed: int
    in_flight: int
    elapsed: float
    eta: float | None

    @property
    def waiting(self) -> int | None:
        """Ids not taken up yet; None while the end of the ids is not known."""
        return None if self.total is None else self.total - self.done - self.failed - self.in_flight


@define
class BulkResult:
    """What a bulk run came to. Every distinct id that was given is in exactly one of the three.

    Attributes:
        tickets: the tickets by id, in the order the ids were given.
        errors: why an id failed, by id, in the order given.
        skipped: ids never attempted, because a refused key, an outage or the run's deadline ended it before. Of a
            lazy iterable, ids that were never read are not known and not told beyond 100,000.
    """

    tickets: dict[str, TicketInfo] = field(factory=dict[str, TicketInfo])
    errors: dict[str, PeriskopeError] = field(factory=dict[str, PeriskopeError])
    skipped: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether every ticket was fetched."""
        return not self.errors and not self.skipped

    def raise_for_errors(self) -> None:
        """Do nothing if every ticket was fetched.

        Raises:
            ExceptionGroup: of the `PeriskopeError` of each id that failed; if ids were only skipped, of one
                `DeadlineExceeded` that tells how many.
        """
        if self.ok:
            return
        told = f"{len(self.errors)} tickets failed, {len(self.skipped)} were skipped"
        skipped = DeadlineExceeded(f"{len(self.skipped)} ids were not attempted before the run ended")
        raise ExceptionGroup(told, list(self.errors.values()) or [skipped])
