"""What bulk runs return: results by id, failures by id, progress. Values only; how a run goes stands in `_io`."""

from typing import TYPE_CHECKING, Generic, TypeVar

from attrs import define, field, frozen

from periskope_async.errors import DeadlineExceeded, PeriskopeError

if TYPE_CHECKING:
    from periskope_async.models.tickets import TicketInfo

__all__ = ["BulkResult", "Failed", "Fetched", "Progress"]

T = TypeVar("T")


@frozen
class Fetched(Generic[T]):
    """What a bulk run fetched for one id.

    Attributes:
        id: as the caller spelled it.
        value: a ticket, a chat, whatever is fetched.
    """

    id: str
    value: T

    @property
    def ticket_id(self: "Fetched[TicketInfo]") -> str:
        """The id, of a ticket."""
        return self.id

    @property
    def ticket(self: "Fetched[TicketInfo]") -> "TicketInfo":
        """The value, of a ticket."""
        return self.value


@frozen
class Failed:
    """An id that a bulk run could not fetch, and why.

    Attributes:
        id: as the caller spelled it.
        error: why.
    """

    id: str
    error: PeriskopeError

    @property
    def ticket_id(self) -> str:
        """The id."""
        return self.id


@frozen
class Progress:
    """How far a bulk run has come. `done`, `failed`, `in_flight` and `waiting` add up to `total`.

    Attributes:
        total: distinct ids to fetch; None while the end of the ids is not known.
        done: ids fetched.
        failed: ids that failed for good.
        in_flight: ids being fetched.
        elapsed: seconds since the run began.
        eta: seconds to go, as far as the pace so far and the rate limit show; None while unknown.
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
class BulkResult(Generic[T]):
    """What a bulk run came to. Every distinct id is in exactly one of the three.

    Attributes:
        fetched: the results by id, in the order of the ids.
        errors: why an id failed, by id, in the order of the ids.
        skipped: ids never attempted, because a refused key, an outage or the run's deadline ended it before. Of a
            lazy iterable, ids that were never read are not known, and not listed beyond 100,000.
    """

    fetched: dict[str, T] = field(factory=dict[str, T])
    errors: dict[str, PeriskopeError] = field(factory=dict[str, PeriskopeError])
    skipped: tuple[str, ...] = ()

    @property
    def tickets(self: "BulkResult[TicketInfo]") -> "dict[str, TicketInfo]":
        """The same as `fetched`, of tickets."""
        return self.fetched

    @property
    def ok(self) -> bool:
        """Whether every id was fetched."""
        return not self.errors and not self.skipped

    def raise_for_errors(self) -> None:
        """Do nothing if every id was fetched.

        Raises:
            ExceptionGroup: of the `PeriskopeError` of each id that failed; if ids were only skipped, of one
                `DeadlineExceeded` that says how many.
        """
        if self.ok:
            return
        summary = f"{len(self.errors)} ids failed, {len(self.skipped)} were skipped"
        skipped = DeadlineExceeded(f"{len(self.skipped)} ids were not attempted before the run ended")
        raise ExceptionGroup(summary, list(self.errors.values()) or [skipped])
