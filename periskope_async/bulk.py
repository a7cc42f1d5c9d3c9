"""What bulk runs return: results by id, failures by id, progress. Values only; how a run goes stands in `_io`."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, NoReturn, TypeVar, cast

from attrs import field

from periskope_async._codec import frames
from periskope_async._codec.columns import ColumnKind, columns, to_record
from periskope_async._deferred import define, frozen
from periskope_async.errors import DeadlineExceeded, PeriskopeError, why_ended

if TYPE_CHECKING:
    from periskope_async.models.tickets import TicketInfo

__all__ = ["BulkResult", "Failed", "Fetched", "Progress"]

T = TypeVar("T")

#: What a notebook shows of a result, rows.
SHOWN_ROWS: Final = 10
#: What a notebook shows of a row, columns.
SHOWN_COLUMNS: Final = 8
#: What a notebook shows of a value, characters.
SHOWN_TEXT: Final = 80


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

    Of a file that is sent it is its bytes that are counted, and `unit` says so.

    Attributes:
        total: distinct ids to fetch; None while the end of the ids is not known.
        done: ids fetched.
        failed: ids that failed for good.
        in_flight: ids being fetched.
        elapsed: seconds since the run began.
        eta: seconds to go, as far as the pace so far and the rate limit show; None while unknown.
        unit: what is counted: `ids` or `bytes`.
    """

    total: int | None
    done: int
    failed: int
    in_flight: int
    elapsed: float
    eta: float | None
    unit: Literal["ids", "bytes"] = "ids"

    @property
    def waiting(self) -> int | None:
        """Ids not taken up yet; None while the end of the ids is not known."""
        return None if self.total is None else self.total - self.done - self.failed - self.in_flight


@define(repr=False)
class BulkResult(Generic[T]):
    """What a bulk run came to. Every distinct id is in exactly one of the three.

    `to_records`, `to_arrow`, `to_polars` and `to_pandas` make a table of what was fetched, a row for each, in the
    columns and types that an export has, whatever the values are: a column of nothing has its type too.

    It is not a list: a length or a loop would leave out in silence what failed, so they raise a `TypeError` that says
    where what came is. It is true, whatever came; `ok` says whether all did.

    Attributes:
        fetched: the results by id, in the order of the ids.
        errors: why an id failed, by id, in the order of the ids.
        skipped: ids never attempted, because a refused key, an outage or the run's deadline ended it before. Of a
            lazy iterable, ids that were never read are not known, and not listed beyond 100,000.
    """

    fetched: dict[str, T] = field(factory=dict[str, T])
    errors: dict[str, PeriskopeError] = field(factory=dict[str, PeriskopeError])
    skipped: tuple[str, ...] = ()
    _model: type[Any] | None = field(default=None, eq=False, kw_only=True, alias="model")

    @property
    def tickets(self: "BulkResult[TicketInfo]") -> "dict[str, TicketInfo]":
        """The same as `fetched`, of tickets."""
        return self.fetched

    @property
    def ok(self) -> bool:
        """Whether every id was fetched."""
        return not self.errors and not self.skipped

    def to_records(self) -> list[dict[str, Any]]:
        """Return what was fetched as flat dicts; `records.columns` says what their values are."""
        return [to_record(value) for value in self._shown()]

    def to_arrow(self) -> Any:
        """Return what was fetched as a `pyarrow.Table`.

        Raises:
            ImportError: pyarrow is not installed. Likewise polars and pandas for those that follow.
        """
        return frames.to_arrow(self.to_records(), self._columns())

    def to_polars(self) -> Any:
        """Return what was fetched as a `polars.DataFrame`."""
        return frames.to_polars(self.to_records(), self._columns())

    def to_pandas(self) -> Any:
        """Return what was fetched as a `pandas.DataFrame`, of nullable types."""
        return frames.to_pandas(self.to_records(), self._columns())

    def _columns(self) -> Mapping[str, ColumnKind]:
        model = next((type(value) for value in self.fetched.values()), self._model)
        return {} if model is None else columns(model)

    def _shown(self) -> Iterable[Any]:
        """Return what the tables are of."""
        return self.fetched.values()

    def __bool__(self) -> bool:
        return True  # else it would be asked for its length

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._counts()})"

    def _repr_html_(self) -> str:
        """Return what a notebook shows: how many there are, and the first few of them."""
        shown = [to_record(value) for value in islice(self._shown(), SHOWN_ROWS)]
        names = [name for name in self._columns() if any(row[name] not in {None, ()} for row in shown)][:SHOWN_COLUMNS]
        failed = [(key, str(error)) for key, error in islice(self.errors.items(), SHOWN_ROWS)]
        return (
            f"<p>{type(self).__name__}: {self._counts()}</p>"
            + _html(names, [[row[name] for name in names] for row in shown])
            + _html(["id", "error"], failed)
        )

    def _counts(self) -> str:
        return f"{len(self.fetched):,} fetched, {len(self.errors):,} errors, {len(self.skipped):,} skipped"

    def raise_for_errors(self) -> None:
        """Do nothing if every id was fetched.

        Raises:
            ExceptionGroup: of the `PeriskopeError` of each id that failed; if ids were only skipped, of one
                `DeadlineExceeded` that says how many.
        """
        if self.ok:
            return
        why = why_ended(self.errors.values())
        summary = f"{why}{len(self.errors)} ids failed, {len(self.skipped)} were skipped"
        skipped = DeadlineExceeded(f"{len(self.skipped)} ids were not attempted before the run ended")
        raise ExceptionGroup(summary, list(self.errors.values()) or [skipped])


def _mistaken(_: object, *__: object) -> NoReturn:
    raise TypeError(
        "a BulkResult is not a list: some ids may have failed. What came is in result.fetched, by id; why others did "
        "not is in result.errors"
    )


# Which of the three a length or a loop is about, no reader could know: so they are refused, with what to write instead.
# Set from outside, so that a type checker goes on refusing them before they are run.
for _name in ("__len__", "__iter__", "__getitem__", "__contains__"):
    setattr(BulkResult, _name, _mistaken)


def _html(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table, nothing of whose values is markup; nothing at all without rows."""
    from html import escape  # a third of a megabyte, for notebooks alone

    lines = "".join(f"<tr>{''.join(f'<td>{escape(_cell(value))}</td>' for value in row)}</tr>" for row in rows)
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{lines}</tbody></table>" if lines else ""


def _cell(value: object) -> str:
    text = (
        "" if value is None else ", ".join(cast("tuple[str, ...]", value)) if isinstance(value, tuple) else str(value)
    )
    return text if len(text) <= SHOWN_TEXT else f"{text[: SHOWN_TEXT - 1]}…"
