"""Models as flat records: which columns a model has follows from its fields. Knows no model and no data library.

A field is a column of its own name, or of the name that another model has for the same thing. A field that holds one
object becomes the columns of that object, with the field's name before theirs, unless they begin with it already or the
object is what the model is about: the required one. Two underscores stand between where one would give the name of
another field. What is many, deeper down, or usually left out, is one column of JSON.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Literal

import attrs

from periskope_async._codec.annotations import is_labels, is_model, plain, some
from periskope_async._codec.converter import structure, to_dict
from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.fields import own_fields, wire_key
from periskope_async._codec.marks import ABSENT, EMPTY_MAPPING
from periskope_async._deferred import frozen

__all__ = ["ColumnKind", "columns", "from_record", "to_record"]

ColumnKind = Literal["text", "integer", "number", "boolean", "timestamp", "labels", "json"]

_KINDS: Final[dict[Any, ColumnKind]] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    datetime: "timestamp",
}


@frozen
class _Column:
    """Where the value of a column is: in which part of a model (None: in the model itself) and in which field."""

    name: str
    kind: ColumnKind
    part: "attrs.Attribute[Any] | None"
    field: "attrs.Attribute[Any]"
    counts: bool = False


def columns(cls: Any) -> Mapping[str, ColumnKind]:
    """Return the columns of a model's records in their order, with their kinds."""
    return MappingProxyType({column.name: column.kind for column in _layout(cls)})


def to_record(model: Any) -> dict[str, Any]:
    """Return a model as one flat dict, with the values of all its columns."""
    record: dict[str, Any] = _reader(model.__class__)(model)
    return record


def from_record(record: Mapping[str, Any], cls: Any) -> Any:
    """Return the model that a record holds, equal to the one it was made of.

    Raises:
        DecodeError: a value does not fit its column, or what identifies the model is not there.
    """
    body: dict[str, Any] = {}
    for column in _layout(cls):
        raw = ABSENT if column.counts else _raw(record.get(column.name), column.kind)
        if raw is ABSENT:
            continue
        part = body.setdefault(wire_key(column.part), {}) if column.part else body
        part |= structure(raw, dict) if column.field.name == "extra" else {wire_key(column.field): raw}
    return _as_usual(structure(body, cls))


@cache
def _layout(cls: Any) -> tuple[_Column, ...]:
    own: list[_Column] = []
    taken = {attribute.name for attribute in own_fields(cls)}
    for attribute in own_fields(cls):
        if _is_flat(attribute):
            own += _part(attribute, taken)
        else:
            own.append(_Column(_named(attribute), _kind(attribute.type), None, attribute))
    name = "info_extra" if any(column.name == "extra" for column in own) else "extra"
    counts = [
        _Column(a.metadata["count"], "integer", None, a, counts=True) for a in own_fields(cls) if "count" in a.metadata
    ]
    return (*own, _Column(name, "json", None, attrs.fields_dict(cls)["extra"]), *counts)


def _part(part: "attrs.Attribute[Any]", taken: set[str]) -> Iterator[_Column]:
    """Yield the columns of a part of a model: its fields, unknown keys last."""
    cls, prefix = some(part.type), "" if part.default is attrs.NOTHING else f"{part.name}_"
    for attribute in (*own_fields(cls), attrs.fields_dict(cls)["extra"]):
        name = attribute.name if attribute.name.startswith(prefix) else prefix + attribute.name
        if name in taken:
            name = f"{part.name}__{attribute.name}"
        yield _Column(name, _kind(attribute.type), part, attribute)


def _named(attribute: "attrs.Attribute[Any]") -> str:
    """Return the name of a field's column: its own, unless another model calls the same thing otherwise."""
    name: str = attribute.metadata.get("column", attribute.name)
    return name


def _is_flat(attribute: "attrs.Attribute[Any]") -> bool:
    return is_model(some(attribute.type)) and attribute.metadata.get("unset") is not ABSENT


def _kind(annotation: Any) -> ColumnKind:
    wanted = some(annotation)
    if is_labels(wanted):
        return "labels"
    if isinstance(wanted, type) and issubclass(wanted, (OpenStrEnum, OpenIntEnum)):
        return "text" if issubclass(wanted, OpenStrEnum) else "integer"
    return _KINDS.get(plain(wanted), "json")


@cache
def _reader(cls: Any) -> Callable[[Any], dict[str, Any]]:
    """Return `to_record` of a model, compiled: a third of the time that asking each column for its kind takes."""
    layout = _layout(cls)
    names: dict[str, Any] = {"json_of": _json_of, "value_of": _value_of}
    parts = {column.part.name for column in layout if column.part}
    cells = [f"{column.name!r}: {_cell(column, names)}" for column in layout]
    source = [
        "def record(model):",
        *(f"  {name}_part = model.{name}" for name in sorted(parts)),
        f"  return {{{', '.join(cells)}}}",
    ]
    exec("\n".join(source), names)  # noqa: S102  # as attrs and cattrs do; it is made of class definitions only
    return names["record"]  # type: ignore[no-any-return]  # exec has no types


def _cell(column: _Column, names: dict[str, Any]) -> str:
    """Return an expression for the value of a column, and put what it refers to into *names*."""
    part = f"{column.part.name}_part" if column.part else "model"
    value = f"{part}.{column.field.name}"
    wanted = some(column.field.type)
    if column.counts:
        value = f"len({value})"
    elif column.kind == "json":
        names[f"{column.name}_default"] = column.field.default
        value = f"json_of({value}, {column.name}_default)"
    elif isinstance(wanted, type) and issubclass(wanted, (OpenStrEnum, OpenIntEnum)):
        value = f"value_of({value})"
    return f"{() if column.kind == 'labels' else None} if {part} is None else {value}" if column.part else value


def _json_of(value: Any, default: Any) -> str | None:
    return None if value == default else _encode(value)


def _value_of(value: Any) -> Any:
    return value.value if isinstance(value, (OpenStrEnum, OpenIntEnum)) else value


def _spell(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else to_dict(value)


#: Kept: to make an encoder takes as long as to encode a short list.
_encode: Final = json.JSONEncoder(ensure_ascii=False, default=_spell).encode


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
    if model is None:
        return None
    parts = {a.name: _as_usual(getattr(model, a.name)) for a in own_fields(type(model)) if _is_flat(a)}
    return attrs.evolve(model, **parts, _wire=EMPTY_MAPPING)
