"""What changed since a run before, and the state to go on from. Values only; how they are found stands in `_io`."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from attrs import field

from periskope_async._codec.columns import ColumnKind, columns
from periskope_async._codec.model import Model
from periskope_async._deferred import define, frozen
from periskope_async._sansio.changes import make_state, revert
from periskope_async.bulk import BulkResult

if TYPE_CHECKING:
    from periskope_async.models.ticket_rows import TicketRow

__all__ = ["Change", "ChangeKind", "Changes", "Details"]

RowT = TypeVar("RowT", bound=Model)
FullT = TypeVar("FullT")

#: What became of an object.
ChangeKind = Literal["created", "updated", "deleted"]
#: Which objects are fetched in full: those whose rows changed, all of them, or none.
Details = Literal["changed", "all", "none"]


@define(repr=False)
class Changes(BulkResult[FullT], Generic[RowT, FullT]):
    """What changed since the state of an earlier run.

    Work off what it holds, then keep `state`, in this order or at once: what is lost before the state was kept comes
    again. An id that is in `errors` or `skipped` is in no other place, and comes again with the next run.

    The tables (`to_records`, `to_arrow`, `to_polars`, `to_pandas`) are of what was created and updated, in full, with
    the columns of an export; of the rows where nothing was fetched in full.

    Attributes:
        created: rows that are new, or are there again, in the order of the service.
        updated: rows that changed; with `details="all"` also those of which something else did.
        deleted: rows that say so from now on, and of those that are listed no more and not to be found, what is left:
            the id. A first run has rows here too: a run before it may have stored them and lost its state.
        fetched: what was created and updated, in full, by id; nothing with `details="none"`.
        errors: by id, why it could not be fetched, or why it is unclear whether it is still there.
        skipped: ids never attempted, because a refused key or an outage ended the run before.
    """

    created: tuple[RowT, ...] = field(default=(), kw_only=True)
    updated: tuple[RowT, ...] = field(default=(), kw_only=True)
    deleted: tuple[RowT, ...] = field(default=(), kw_only=True)
    _of: str = field(default="", kw_only=True, alias="of")
    _scope: str = field(default="", kw_only=True, alias="scope")
    _row_model: type[RowT] | None = field(default=None, eq=False, kw_only=True, alias="row_model")
    #: Stamps by id: before, and after.
    _before: Mapping[str, str] = field(factory=dict[str, str], eq=False, kw_only=True, alias="before")
    _after: Mapping[str, str] = field(factory=dict[str, str], eq=False, kw_only=True, alias="after")

    @property
    def state(self) -> dict[str, Any]:
        """What the next run is to begin with: JSON, some 25 bytes an id. Nothing of it but that is to be relied on."""
        return make_state(self._of, self._scope, self._after)

    def state_without(self, ids: Iterable[str]) -> dict[str, Any]:
        """Return a state in which the changes of these ids have not been seen, so that they come again."""
        return make_state(self._of, self._scope, revert(self._after, self._before, ids))

    def _columns(self) -> Mapping[str, ColumnKind]:
        model = self._model or self._row_model
        return {} if model is None else columns(model)

    def _shown(self) -> Iterable[Any]:
        return (*self.created, *self.updated) if self._model is None else self.fetched.values()

    def _counts(self) -> str:
        counts = (("created", self.created), ("updated", self.updated), ("deleted", self.deleted))
        text = ", ".join(f"{len(rows):,} {name}" for name, rows in counts)
        return text if self.ok else f"{text}, {len(self.errors):,} errors, {len(self.skipped):,} skipped"


@frozen(repr=False)
class Change(Generic[RowT, FullT]):
    """One object that changed.

    Attributes:
        kind: created, updated or deleted.
        id: of the object.
        row: as the list has it; of one that is listed no more, only the id.
        value: the object in full, if that was asked for.
    """

    kind: ChangeKind
    id: str
    row: RowT
    value: FullT | None = None
    _round: Changes[RowT, FullT] | None = field(default=None, eq=False, alias="round")
    #: The ids of its round, and where it stands among them.
    _order: tuple[str, ...] = field(default=(), eq=False, alias="order")
    _place: int = field(default=0, eq=False, alias="place")

    @property
    def ticket_id(self: "Change[TicketRow, Any]") -> str:
        """The id, of a ticket."""
        return self.id

    @property
    def state(self) -> dict[str, Any]:
        """The state to go on from once this change, and all before it, are worked off; made when it is asked for."""
        return {} if self._round is None else self._round.state_without(self._order[self._place + 1 :])

    def __repr__(self) -> str:
        return f"Change({self.kind}: {self.row!r})"
