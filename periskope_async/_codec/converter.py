"""Bytes to models and back: one strict cattrs converter, and errors that name paths and never values.

Knows no resource: how a model stands in JSON is read from its class. A body is structured by compiled code (see
`compiled`); what that does not take, cattrs' detailed code structures again, to say what is wrong and where.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_args, get_origin

import attrs

from periskope_async._codec.compiled import compile_model
from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.fields import (
    MAX_DEPTH,
    READERS,
    NestedTooDeepError,
    copy_json,
    element_type,
    is_loose,
    is_model,
    is_optional,
    plain,
    read_int,
    read_json,
    read_moment,
    read_text,
    rename,
    some,
    strict,
    wire_fields,
    wire_key,
)
from periskope_async._codec.marks import ABSENT, EMPTY_MAPPING, AnyText, Structured
from periskope_async._codec.parser import loads, parser
from periskope_async.errors import DecodeError

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["IS_NULL", "NOT_JSON", "decode", "loads", "prepare", "structure", "to_dict"]

T = TypeVar("T")
Hook = Callable[[Any, Any], Any]

#: The problem of a body that is not JSON.
NOT_JSON: Final = "not valid JSON @ $"
#: The problem of a body that is `null`.
IS_NULL: Final = "null instead of a value @ $"


def decode(body: bytes, cls: type[T]) -> T:
    """Return what a JSON body holds: the one way from an answer to models.

    Args:
        body: the body as it came.
        cls: a model, or what holds models, such as `tuple[Webhook, ...]` for an array.

    Raises:
        DecodeError: the body is not the JSON of a `cls`. It holds paths and none of the values; its `problems` are
            `NOT_JSON` or `IS_NULL` alone for a body that is not JSON, or null.
    """
    parse, read = _compiled(cls)  # type: ignore[arg-type]  # mypy takes classes for unhashable
    try:
        return read(parse(body), cls)  # type: ignore[no-any-return]  # a hook of cls returns a cls
    except Exception:  # noqa: BLE001, S110  # compiled code raises anything; the slow way finds out what and where
        pass
    try:
        value = loads(body)
    except ValueError:
        pass
    else:
        if value is not None:
            return explain(value, cls)
        raise _decode_error("the body is null", IS_NULL)
    raise _decode_error("the body is not JSON", NOT_JSON)


def prepare(*classes: type) -> None:
    """Compile the code for these models now; the first call would hold its event loop for it."""
    for cls in classes:
        _compiled(cls)


def structure(value: Any, cls: type[T]) -> T:
    """Return the model that a parsed JSON value describes.

    Raises:
        DecodeError: it does not describe a `cls`. It holds paths, none of the values.
    """
    _, read = _compiled(cls)  # type: ignore[arg-type]  # mypy takes classes for unhashable
    try:
        return read(value, cls)  # type: ignore[no-any-return]  # likewise
    except Exception:  # noqa: BLE001, S110  # likewise
        pass
    return explain(value, cls)


def explain(value: Any, cls: type[T]) -> T:
    """Structure slowly: the same result, and errors with paths.

    Raises:
        DecodeError: as `structure`.
    """
    try:
        return _whole(cls, detailed())(value, cls)  # type: ignore[no-any-return]  # likewise
    except Exception as error:  # noqa: BLE001  # whatever a hook raised about this value, the value is at fault
        problems = tuple(_problems(error, "$", cls))
    # Raised out here, so that the exceptions above, which hold the values, are not kept as its context.
    first, *others = problems
    more = f" and {len(others)} more" if others else ""
    raise _decode_error(f"the body is not {_described(cls)}: {first}{more}", first, *others)


def to_dict(model: Structured) -> dict[str, Any]:
    """Return a model as the JSON object it came from."""
    return cast("dict[str, Any]", detailed().unstructure(model))


def _decode_error(message: str, *problems: str) -> DecodeError:
    error = DecodeError(message)
    error.problems = problems
    return error


def _described(annotation: Any) -> str:
    element = element_type(annotation)
    if element is None:
        return f"a {_name(annotation)}"
    return f"an {'array' if get_origin(annotation) is tuple else 'object'} of {_name(element)}"


def _name(annotation: Any) -> str:
    wanted = plain(some(annotation))
    return str(getattr(wanted, "__name__", wanted))


def _problems(error: BaseException, path: str, expected: Any) -> Iterator[str]:
    """Yield one line for each leaf of a cattrs error, all of which carry a note of where they belong."""
    from cattrs import ClassValidationError, IterableValidationError

    if isinstance(error, ClassValidationError):
        keys = {a.name: wire_key(a) for a in attrs.fields(cast("Any", error.cl))}
        for inner, attribute in error.group_exceptions()[0]:
            yield from _problems(inner, f"{path}.{keys[attribute.name]}", attribute.type)
    elif isinstance(error, IterableValidationError):
        for inner, element in error.group_exceptions()[0]:
            yield from _problems(inner, f"{path}[{_index(element)}]", element.type)
    elif isinstance(error, KeyError):
        yield f"required field missing @ {path}"
    elif isinstance(error, NestedTooDeepError):
        yield f"nested deeper than {MAX_DEPTH} levels @ {path}"
    else:
        yield f"invalid value for type, expected {_name(expected)} @ {path}"


def _index(element: Any) -> str:
    """Return an array index as it is, and of a mapping's key, which may be a phone number, the part after the `@`."""
    index: int | str = element.index
    if isinstance(index, int):
        return str(index)
    return next((f"'…{domain}'" for domain in ("@c.us", "@g.us", "@lid") if index.endswith(domain)), "'…'")


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
    converter.register_unstructure_hook_factory(is_model, _unmodel)
    return converter


@cache
def _compiled(cls: Any) -> tuple[Callable[[bytes], Any], Hook]:
    """Return the two steps of the fast way from a body to a `cls`."""
    converter = detailed().copy()
    converter.register_structure_hook_factory(is_model, compile_model)
    return parser(), _whole(cls, converter)


def _whole(cls: Any, converter: "Converter") -> Hook:
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
        return attrs.evolve(model, extra=extra or EMPTY_MAPPING, _wire={**notes, **wire} or EMPTY_MAPPING)

    return read


def _unmodel(cls: Any, converter: "Converter") -> Callable[[Any], dict[str, Any]]:
    """Spell each field as it came if it came unusually and still means the same, else as usual."""
    fields = wire_fields(cls, converter)

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
