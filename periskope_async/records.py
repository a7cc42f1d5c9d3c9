"""Tickets as flat records: one value a column, for CSV, Parquet and data frames, and back.

Knows models, and neither files nor any data library. A column's kind tells what its values are:

    text        str
    integer     int
    number      float or int
    boolean     bool
    timestamp   an aware datetime
    labels      tuple of str
    json        str that holds JSON: what has no fixed columns, such as the members of a chat

A value that is not there is None in every kind but `labels`, where it is the empty tuple.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal, TypeVar, overload

import attrs

from periskope_async._codec.converter import structure, to_dict
from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.fields import LABELS, some
from periskope_async._codec.marks import ABSENT, EMPTY_MAPPING
from periskope_async._codec.model import Model
from periskope_async.models import Chat, Message, Ticket, TicketInfo, TicketRow

__all__ = ["COLUMNS", "ROW_COLUMNS", "ColumnKind", "from_record", "to_record"]

ColumnKind = Literal["text", "integer", "number", "boolean", "timestamp", "labels", "json"]
T = TypeVar("T", TicketInfo, TicketRow)

_KINDS: Final[dict[Any, ColumnKind]] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "timestamp",
    LABELS: "labels",
}


def _kind(annotation: Any) -> ColumnKind:
    wanted = some(annotation)
    if isinstance(wanted, type) and issubclass(wanted, (OpenStrEnum, OpenIntEnum)):
        return "text" if issubclass(wanted, OpenStrEnum) else "integer"
    return _KINDS.get(wanted, "json")


@attrs.frozen
class _Column:
    """Where the value of a column is: in which part of a ticket (None: in the object itself) and in which field."""

    name: str
    kind: ColumnKind
    part: str | None
    field: str
    default: Any


def _columns(cls: type[Model], part: str | None, prefix: str) -> list[_Column]:
    """Return the columns of a model: its fields, prefixed where their names are not already, unknown keys last."""
    fields = [a for a in attrs.fields(cls) if a.name not in ("extra", "_wire")]
    return [
        _Column(a.name if a.name.startswith(prefix) else prefix + a.name, _kind(a.type), part, a.name, a.default)
        for a in [*fields, attrs.fields_dict(cls)["extra"]]
    ]


_PARTS: Final = ("ticket", "chat", "message")
_LAYOUT: Final[Mapping[type[Model], list[_Column]]] = {
    TicketInfo: [
        *_columns(Ticket, "ticket", ""),
        *_columns(Chat, "chat", "chat_"),
        *_columns(Message, "message", "message_"),
        _Column("attached_messages", "json", None, "attached_messages", ()),
        _Column("info_extra", "json", None, "extra", EMPTY_MAPPING),
    ],
    TicketRow: _columns(TicketRow, None, ""),
}

#: The columns of a `TicketInfo` in their order, with their kinds. The last one is told for convenience, not read back.
COLUMNS: Final[Mapping[str, ColumnKind]] = MappingProxyType(
    {**{column.name: column.kind for column in _LAYOUT[TicketInfo]}, "attached_count": "integer"}
)
#: The columns of a `TicketRow`.
ROW_COLUMNS: Final[Mapping[str, ColumnKind]] = MappingProxyType(
    {column.name: column.kind for column in _LAYOUT[TicketRow]}
)


def to_record(model: TicketInfo | TicketRow) -> dict[str, Any]:
    """Return a ticket as one flat dict: the columns are those of `COLUMNS`, or of `ROW_COLUMNS` for a row of a list."""
    record: dict[str, Any] = {}
    for column in _LAYOUT[type(model)]:
        part = getattr(model, column.part) if column.part else model
        record[column.name] = _cell(part, column)
    return record | {"attached_count": len(model.attached_messages)} if isinstance(model, TicketInfo) else record


def _cell(part: Model | None, column: _Column) -> Any:
    if part is None:
        return () if column.kind == "labels" else None
    value = getattr(part, column.field)
    if column.kind == "json":
        return None if value == column.default else json.dumps(value, ensure_ascii=False, default=to_dict)
    return value.value if isinstance(value, (OpenStrEnum, OpenIntEnum)) else value


@overload
def from_record(record: Mapping[str, Any]) -> TicketInfo: ...
@overload
def from_record(record: Mapping[str, Any], cls: type[T]) -> T: ...
def from_record(record: Mapping[str, Any], cls: type[Any] = TicketInfo) -> Any:
    """Return the ticket that a record holds, equal to the one it was made of.

    Args:
        record: values of any or all columns. Each may also be text as CSV has it: `""`, `True`, `3`, an ISO datetime,
            labels as `a, b`.
        cls: `TicketInfo`, or `TicketRow` for records of rows.

    Raises:
        DecodeError: a value does not fit its column, or there is no ticket id.
    """
    body: dict[str, Any] = {}
    for column in _LAYOUT[cls]:
        raw = _raw(record.get(column.name), column.kind)
        if raw is ABSENT:
            continue
        part = body.setdefault(column.part, {}) if column.part else body
        part |= structure(raw, dict) if column.field == "extra" else {column.field: raw}
    return _as_usual(structure(body, cls))


def _raw(value: Any, kind: ColumnKind) -> Any:
    """Return a cell as JSON; what does not fit its kind goes on as it is, for the converter to refuse."""
    if value is None or value == "":
        return ABSENT
    if isinstance(value, datetime):
        return value.isoformat()
    if kind == "labels" and hasattr(value, "__iter__") and not isinstance(value, str):
        return list(value)
    if kind in ("integer", "number", "boolean", "json") and isinstance(value, str):
        try:
            return json.loads(value.lower() if kind == "boolean" else value)
        except ValueError:
            return value
    return value


def _as_usual(model: Any) -> Any:
    """Return a model without the memory of how the record spelled it."""
    parts = {name: _as_usual(part) for name in _PARTS if isinstance(part := getattr(model, name, None), Model)}
    return attrs.evolve(model, **parts, _wire=EMPTY_MAPPING)
