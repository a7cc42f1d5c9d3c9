"""The detailed converter: strict, and slow enough to say what is wrong and where. What it reads is what is right."""

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast, get_args, get_origin

import attrs

from periskope_async._codec.annotations import element_type, is_loose, is_model, is_optional, plain, some
from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.fields import rename, wire_fields
from periskope_async._codec.marks import ABSENT, EMPTY_MAPPING, AnyText
from periskope_async._codec.readers import (
    READERS,
    copy_json,
    in_order,
    read_int,
    read_json,
    read_moment,
    read_text,
    strict,
)
from periskope_async._codec.unstructured import unstructure_hook

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["Hook", "detailed", "whole"]

Hook = Callable[[Any, Any], Any]


@cache
def detailed() -> "Converter":
    """Return the converter that explains: strict, and built on first use, as cattrs takes 30 ms to import.

    Two threads at once may each build one; they are equal.
    """
    from cattrs import Converter

    converter = Converter()
    converter.register_structure_hook(str, read_text)
    converter.register_structure_hook(bool, strict(bool))
    converter.register_structure_hook(int, strict(int))
    converter.register_structure_hook(float, strict(float, int))
    converter.register_structure_hook(datetime, read_moment)
    converter.register_structure_hook(OpenStrEnum, lambda value, cls: cls(value))
    converter.register_structure_hook(OpenIntEnum, lambda value, cls: cls(read_int(value)))
    converter.register_structure_hook_func(_is_any, read_json)
    converter.register_structure_hook_factory(is_optional, _optional)
    converter.register_structure_hook_factory(_is_mapping, _mapping)
    converter.register_structure_hook_factory(_is_tuple, _tuple)
    converter.register_structure_hook_factory(is_loose, _loose)
    converter.register_structure_hook_factory(is_model, _model)

    converter.register_unstructure_hook(datetime, datetime.isoformat)
    for enum in (OpenStrEnum, OpenIntEnum):
        converter.register_unstructure_hook(enum, attrgetter("value"))
    converter.register_unstructure_hook_func(_is_any, copy_json)
    converter.register_unstructure_hook_factory(_is_tuple, _untuple)
    converter.register_unstructure_hook_factory(is_loose, _unloose)
    converter.register_unstructure_hook_factory(is_model, unstructure_hook)
    return converter


def whole(cls: Any, converter: "Converter") -> Hook:
    """Return a hook for a whole body, where null and `""` do not stand for an empty array or object."""
    hook = converter.get_structure_hook(cls)
    if element_type(cls) is None:
        return hook
    one = strict(list if get_origin(cls) is tuple else dict)
    return lambda value, _: hook(one(value), cls)


def _is_any(annotation: Any) -> bool:
    return annotation is Any


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is Mapping


def _is_tuple(annotation: Any) -> bool:
    return get_origin(annotation) is tuple


def _optional(annotation: Any, converter: "Converter") -> Hook:
    """Read null, `""` and, for a model, an object with nothing in it as None."""
    inner = some(annotation)
    hook = converter.get_structure_hook(inner)
    may_be_hollow = is_model(inner)

    def read(value: Any, _: Any) -> Any:
        hollow = may_be_hollow and isinstance(value, dict) and not any(cast("dict[str, Any]", value).values())
        return None if value in (None, "") or hollow else hook(value, inner)

    return read


def _tuple(annotation: Any, converter: "Converter") -> Hook:
    element = _element(annotation)
    hook = read_json if element is Any else converter.get_structure_hook(list[element])  # type: ignore[valid-type]  # a type made at run time
    return lambda value, _: () if value in (None, "") else tuple(hook(strict(list)(value), annotation))


def _mapping(annotation: Any, converter: "Converter") -> Hook:
    element = _element(annotation)
    hook = read_json if element is Any else converter.get_structure_hook(dict[Any, element])  # type: ignore[valid-type]  # likewise
    return lambda value, _: EMPTY_MAPPING if value in (None, "", {}) else hook(strict(dict)(value), annotation)


def _element(annotation: Any) -> Any:
    element = element_type(annotation)
    return AnyText if element is str else element


def _loose(annotation: Any, _: "Converter") -> Hook:
    return READERS[get_args(annotation)[1]]


def _unloose(annotation: Any, converter: "Converter") -> Callable[[Any], Any]:
    return converter.get_unstructure_hook(plain(annotation))


def _untuple(annotation: Any, converter: "Converter") -> Callable[[Any], list[Any]]:
    hook = converter.get_unstructure_hook(get_args(annotation)[0])
    return lambda values: [hook(value) for value in values]


def _model(cls: Any, converter: "Converter") -> Hook:
    """Structure the fields as cattrs does, and keep what they do not: unknown keys and unusual spellings."""
    from cattrs.gen import make_dict_structure_fn, override

    fields = wire_fields(cls, converter)
    keys = frozenset(field.key for field in fields)
    overrides: dict[str, Any] = {field.name: override(rename=field.key) for field in fields}
    structure_fields = make_dict_structure_fn(
        cls, converter, extra=override(omit=True), _wire=override(omit=True), **overrides
    )

    renamed = rename(fields)

    def read(value: Any, _: Any) -> Any:
        value, notes = renamed(strict(dict)(value))
        model = structure_fields(value, cls)
        extra = {key: read_json(raw) for key, raw in value.items() if key not in keys}
        raws = [(field, value.get(field.key, ABSENT)) for field in fields]
        wire = {field.name: raw for field, raw in raws if field.is_unusual(raw, getattr(model, field.name))}
        return attrs.evolve(model, extra=in_order(extra), _wire={**notes, **wire} or EMPTY_MAPPING)

    return read
