"""Tests for values that are spelled as the service usually spells them, as source text for `compiled`."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_origin

from attrs import NOTHING as REQUIRED
from attrs import fields

from periskope_async._codec.annotations import element_type, is_labels, is_model, is_optional, model_in, plain, some
from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.fields import WireField, wire_key
from periskope_async._codec.readers import read_json, read_labels

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["HELPERS", "TEXT", "Names", "usual"]

Names = dict[str, Any]

# The generated code holds one field's raw value after the other in `v`, and what a test made of it in `x`.
TEXT = "kind(v) is text and v"
_ARRAY = "kind(v) is list and v"
_OBJECT = "kind(v) is dict and v"
# Calling `isoformat` is the sure way to find out whether a moment is spelled as it will be spelled again, and takes ten
# times as long as these slices: the marks in their places, UTC as +00:00, no fraction or one of six digits but not
# six zeros, and no 24:00, which Python reads as the next day from 3.14 on.
_MOMENT = (
    f"{TEXT} and (x := fromisoformat(v)).tzinfo is UTC"
    " and (v[MARKS] == '--T::+:' or v[MARKS_TO_FRACTION] == '--T::.' and v[ZONE] == '+00:00' and x.microsecond)"
    + (" and (x.hour or v[11] == '0')" if sys.version_info >= (3, 14) else "")
)


def usual(field: WireField, target: str, names: Names, converter: "Converter") -> tuple[str, ...]:
    """Return a test for usual spellings in `v` of anything but the empty value, and the code to assign what it spells.

    A test may raise where `v` is wrong; where it is right but unusual, it must be false.
    """
    wanted = some(field.type)
    if is_labels(wanted):
        test, value = f"{TEXT} and (x := label_lists[v])", "x"
        if field.unset != "":
            test, value = f"{_ARRAY} and '' not in v", "read_labels(v)"
    elif isinstance(wanted, type) and issubclass(wanted, (OpenStrEnum, OpenIntEnum)):
        known = f"{field.name}_known"
        names[known] = {member.value: member for member in wanted}
        test, value = f"(x := {known}.get(v)) is not None", "x"
        if issubclass(wanted, OpenIntEnum):  # to a dict, True is 1
            test = f"kind(v) is int and {test}"
    elif plain(wanted) in _SCALARS:
        test, value = _SCALARS[plain(wanted)]
    elif model_in(wanted) is not None:
        return _usual_models(field, target, names, converter)
    else:
        return _usual_json(field, target, names)
    return test, f"{target} = {value}"


def _usual_models(field: WireField, target: str, names: Names, converter: "Converter") -> tuple[str, ...]:
    """Do as `usual` for a field that holds a model, or an array or mapping of them."""
    wanted, model, hook = some(field.type), model_in(field.type), f"{field.name}_hook"
    names[hook] = converter.get_structure_hook(model)
    if is_model(wanted):
        is_there = _OBJECT if field.default is REQUIRED else f"{_OBJECT} and {_is_something(model)}"
        return is_there, f"{target} = {hook}(v)"
    if get_origin(wanted) is tuple:
        return _ARRAY, f"{target} = tuple(map({hook}, v))"
    return _OBJECT, f"{target} = x = {{}}", f"for key, value in v.items(): x[key] = {hook}(value)"


def _usual_json(field: WireField, target: str, names: Names) -> tuple[str, ...]:
    """Do as `usual` for a field without models: JSON kept as it came, arrays and mappings of it and of scalars."""
    wanted = some(field.type)
    is_array, element = get_origin(wanted) is tuple, element_type(wanted)
    if wanted is Any or (element is Any and not is_array):
        return _OBJECT, f"{target} = flat(v)"
    if is_array and element == Mapping[str, Any]:
        return f"{_ARRAY} and all([kind(v) is dict for v in v])", f"{target} = tuple(map(flat, v))"
    test, value = _SCALARS.get(some(element), ("", ""))
    if value == "v":  # each scalar comes out as it came in, and so does what holds them
        test = f"v is None or {test}" if is_optional(element) else "kind(v) is text" if element is str else test
        if is_array:
            return f"{_ARRAY} and all([{test} for v in v])", f"{target} = tuple(v)"
        return f"{_OBJECT} and all([{test} for v in v.values()])", f"{target} = v"
    names[f"{field.name}_field"] = field
    return "v is not ABSENT", f"{target}, wire = unusual({field.name}_field, v, wire)"


_SCALARS: dict[Any, tuple[str, str]] = {
    str: (TEXT, "v"),
    bool: ("v is True or v is False", "v"),
    int: ("kind(v) is int", "v"),
    float: ("kind(v) is float or kind(v) is int", "v"),
    datetime: (_MOMENT, "x"),
}


def _is_something(cls: Any) -> str:
    """Return a test for whether an object stands for a model and not for none, where the model's id is empty too."""
    required = next((wire_key(a) for a in fields(cls) if a.default is REQUIRED), None)
    return "any(v.values())" if required is None else f"v.get({required!r})"


class _LabelLists(dict[str, tuple[str, ...] | None]):
    """The labels of lists spelled `a, b`, and None for lists spelled otherwise.

    Few lists occur, and often, so they are kept: the first thousand of sane length.
    """

    def __missing__(self, text: str) -> tuple[str, ...] | None:
        labels = read_labels(text)
        usual = labels if ", ".join(labels) == text else None
        if len(self) < 1000 and len(text) < 200:
            self[text] = usual
        return usual


_LABEL_LISTS = _LabelLists()


def _flat(value: dict[str, Any]) -> dict[str, Any]:
    """Return JSON that is kept as it came, after a look at how deep it nests; most of it does not nest at all."""
    for inner in value.values():
        if type(inner) is dict or type(inner) is list:
            return read_json(value)  # type: ignore[no-any-return]  # it returns its argument
    return value


#: What the tests refer to, whatever the field.
HELPERS: Names = {
    # Names of the compiled function's own, so that neither takes a look into two dicts.
    "kind": type,
    "text": str,
    "flat": _flat,
    "fromisoformat": datetime.fromisoformat,
    # Made once: a slice that is spelled in the code is made anew each time.
    "MARKS": slice(4, None, 3),
    "MARKS_TO_FRACTION": slice(4, 20, 3),
    "ZONE": slice(26, None),
    "label_lists": _LABEL_LISTS,
    "read_labels": read_labels,
    "UTC": UTC,
}
