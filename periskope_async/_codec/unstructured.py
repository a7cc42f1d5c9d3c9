"""A cattrs hook for models, compiled to straight-line code: from a model back to the JSON it came from.

That spells each field as usual. Then what a model remembers is put right: unusual spellings, and what is sparse. Field
by field, as `field_by_field` does, it takes four times as long.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, get_origin

from attrs import NOTHING as REQUIRED

from periskope_async._codec.annotations import is_labels, is_model, model_in, plain, some
from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.fields import WireField, wire_fields
from periskope_async._codec.marks import ABSENT
from periskope_async._codec.readers import copy_json

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["field_by_field", "unstructure_hook"]

Names = dict[str, Any]

#: What spells itself.
_PLAIN = (str, bool, int, float)


def unstructure_hook(cls: Any, converter: "Converter") -> Callable[[Any], dict[str, Any]]:
    """Spell each field as it came if it came unusually and still means the same, else as usual."""
    fields = wire_fields(cls, converter)
    names: Names = {
        "copy_json": copy_json,
        "isoformat": datetime.isoformat,
        "amended": _amending(fields),
    }
    source = [
        "def unstructure(model):",
        *(f"  {line}" for line in _usual(fields, names, converter)),
        "  if model._wire: out = amended(out, model, model._wire)",
        "  if model.extra: out |= copy_json(model.extra)",
        "  return out",
    ]
    exec("\n".join(source), names)  # noqa: S102  # as attrs and cattrs do; it is made of class definitions only
    return names["unstructure"]  # type: ignore[no-any-return]  # exec has no types


def _usual(fields: tuple[WireField, ...], names: Names, converter: "Converter") -> list[str]:
    """Return the code that makes `out` of a model's fields in their order, and put what it refers to into `names`.

    Such as::

        out |= {'ticket_id': model.ticket_id, 'status': None if (v := model.status) is None else v._value_}
        if not (v := model.closed_at) is None: out['closed_at'] = isoformat(v)
        out |= {'is_deleted': model.is_deleted}
    """
    lines, run = ["out = {}"], list[str]()
    for field in fields:
        if field.unset is not ABSENT:
            run.append(f"{field.key!r}: {_either(field, names, converter)}")
        elif not field.is_sparse:  # else it is remembered where it has a value
            lines += _together(run)
            run.clear()
            lines.append(
                f"if not {_is_empty(field, names)}: out[{field.key!r}] = {_spelled(field, 'v', names, converter)}"
            )
    return lines + _together(run)


def _together(run: list[str]) -> list[str]:
    return [f"out |= {{{', '.join(run)}}}"] if run else []


def _is_empty(field: WireField, names: Names) -> str:
    """Return an expression that puts the value of a field into `v`, and says whether it is the empty one."""
    if field.default is None:
        return f"(v := model.{field.name}) is None"
    names[f"{field.name}_default"] = field.default
    return f"(v := model.{field.name}) == {field.name}_default"


def _either(field: WireField, names: Names, converter: "Converter") -> str:
    """Return an expression for the spelling of a field, whether it is empty or not."""
    value = f"model.{field.name}"
    if field.default is REQUIRED:
        return _spelled(field, value, names, converter)
    spelled = _spelled(field, "v", names, converter)
    if spelled == "v" and field.default is None and field.unset is None:
        return value
    return f"{field.unset!r} if {_is_empty(field, names)} else {spelled}"


def _spelled(field: WireField, value: str, names: Names, converter: "Converter") -> str:
    """Return an expression for the usual spelling of a *value*, an expression for one that is not the empty one."""
    wanted, model, hook = some(field.type), model_in(field.type), f"{field.name}_hook"
    if not is_labels(wanted):
        if plain(wanted) in _PLAIN:
            return value
        if wanted is datetime:
            return f"isoformat({value})"
        if isinstance(wanted, type) and issubclass(wanted, (OpenStrEnum, OpenIntEnum)):
            return f"{value}._value_"
    if model is None or get_origin(wanted) is Mapping:
        names[hook] = field.unparse
        return f"{hook}({value})"
    names[hook] = converter.get_unstructure_hook(model)
    return f"{hook}({value})" if is_model(wanted) else f"[*map({hook}, {value})]"


def _amending(fields: tuple[WireField, ...]) -> Callable[[dict[str, Any], Any, Mapping[str, Any]], dict[str, Any]]:
    """Return a function that puts into JSON what a model remembers, in the order of the fields."""
    by_name = {field.name: field for field in fields}
    sparse = {field.value_note: field for field in fields if field.is_sparse}
    slow_way = field_by_field(fields)

    def amended(out: dict[str, Any], model: Any, wire: Mapping[str, Any]) -> dict[str, Any]:
        before = len(out)
        for note in filter(sparse.__contains__, wire):
            out[sparse[note].key] = sparse[note].spell(wire[note])
        for name in filter(by_name.__contains__, wire):
            field, raw = by_name[name], wire[name]
            if field.read(raw) != getattr(model, name):
                continue  # it was changed since
            if raw is ABSENT:
                out.pop(field.key, None)
            else:
                out[field.key] = copy_json(raw)
        return out if len(out) == before else {field.key: out[field.key] for field in fields if field.key in out}

    return (lambda _out, model, _wire: slow_way(model)) if any(field.other_keys for field in fields) else amended


def field_by_field(fields: tuple[WireField, ...]) -> Callable[[Any], dict[str, Any]]:
    """Return the same as not compiled: it looks at what a model remembers of each field."""

    def spell(model: Any) -> dict[str, Any]:
        wire: Mapping[str, Any] = model._wire  # noqa: SLF001  # hidden from users, meant for this
        out: dict[str, Any] = {}
        for field in fields:
            value = getattr(model, field.name)
            remembered = field.name in wire and field.read(wire[field.name]) == value
            raw = copy_json(wire[field.name]) if remembered else field.spell(value)
            if raw is not ABSENT:
                out[wire.get(field.key_note, field.key) if field.other_keys else field.key] = raw
        return out | copy_json(model.extra) if model.extra else out

    return spell
