"""Models as flat records: one value a column, for CSV, Parquet and data frames, and back.

Every model has `to_record()`, and `columns` says what is in it. Columns are named as the model's fields; where a row of
the list has another name for what a ticket in full has, as for its labels, as the ticket's.
A column's kind says what its values are:

    text        str
    integer     int
    number      float or int
    boolean     bool
    timestamp   an aware datetime
    labels      tuple of str
    json        str that holds JSON: what has no fixed columns, such as the members of a chat

A value that is not there is None in every kind but `labels`, where it is the empty tuple.
"""

from collections.abc import Mapping
from typing import Any, Final, TypeVar, overload

from periskope_async._codec import columns as _columns
from periskope_async._codec.columns import ColumnKind
from periskope_async._codec.model import Model
from periskope_async.models.ticket_rows import TicketRow
from periskope_async.models.tickets import TicketInfo

__all__ = ["COLUMNS", "ROW_COLUMNS", "ColumnKind", "columns", "from_record", "to_record"]

T = TypeVar("T", bound=Model)


def columns(cls: type[Model]) -> Mapping[str, ColumnKind]:
    """Return the columns of a model's records in their order, with their kinds."""
    return _columns.columns(cls)


#: The columns of a `TicketInfo`. The last one, `attached_count`, is there for convenience and not read back.
COLUMNS: Final = columns(TicketInfo)
#: The columns of a `TicketRow`.
ROW_COLUMNS: Final = columns(TicketRow)


def to_record(model: Model) -> dict[str, Any]:
    """Return a model as one flat dict with the columns of its class, as `model.to_record()` does."""
    return _columns.to_record(model)


@overload
def from_record(record: Mapping[str, Any]) -> TicketInfo: ...
@overload
def from_record(record: Mapping[str, Any], cls: type[T]) -> T: ...
def from_record(record: Mapping[str, Any], cls: type[Any] = TicketInfo) -> Any:
    """Return the model that a record holds, equal to the one it was made of.

    Args:
        record: values of any or all columns. Each may also be text as CSV has it: `""`, `true`, `3`, an ISO datetime,
            labels as `a, b`.
        cls: what the record is of: `TicketInfo`, `TicketRow` for records of rows, or any other model.

    Raises:
        DecodeError: a value does not fit its column, or what identifies the model is not there.
    """
    return _columns.from_record(record, cls)
