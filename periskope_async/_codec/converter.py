"""Bytes to models and back: one strict cattrs converter, and errors that name paths and never values.

Knows no resource: how a model stands in JSON is read from its class. A body is structured by compiled code (see
`compiled`); what that does not take, the `detailed` converter structures again, to say what is wrong and where.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_origin

import attrs

from periskope_async._codec.annotations import element_type, is_model, plain, some
from periskope_async._codec.compiled import compile_model
from periskope_async._codec.detailed import Hook, detailed, whole
from periskope_async._codec.fields import own_fields, wire_key
from periskope_async._codec.marks import Structured
from periskope_async._codec.parser import loads, parser
from periskope_async._codec.parts import apart
from periskope_async._codec.readers import MAX_DEPTH, NestedTooDeepError
from periskope_async.errors import DecodeError

if TYPE_CHECKING:
    from periskope_async._codec.structs import Structs

__all__ = ["IS_NULL", "NOT_JSON", "decode", "decode_in_slices", "loads", "prepare", "structure", "to_dict"]

T = TypeVar("T")

#: Rows that are decoded in one go, for 1 to 3 ms; a page of 2,000 would hold its event loop for 20 and more.
ROWS_AT_ONCE: Final = 100
#: The problem of a body that is not JSON.
NOT_JSON: Final = "not valid JSON @ $"
#: The problem of a body that is `null`.
IS_NULL: Final = "null instead of a value @ $"


def decode(body: bytes, cls: type[T], key: str | None = None) -> T:
    """Return what a JSON body holds: the one way from an answer to models.

    Args:
        body: the body as it came.
        cls: a model, or what holds models, such as `tuple[Webhook, ...]` for an array.
        key: of the body's object, where the `cls` is the value of one; what else the object holds is not read.

    Raises:
        DecodeError: the body is not the JSON of a `cls`. It holds paths and none of the values; its `problems` are
            `NOT_JSON` or `IS_NULL` alone for a body that is not JSON, or null.
    """
    structs = _structs(cls) if key is None else None  # type: ignore[arg-type]  # mypy takes classes for unhashable
    if structs is not None and structs.steps is not None:
        try:
            return structs.read(body)  # type: ignore[no-any-return]  # a hook of cls returns a cls
        except Exception:  # noqa: BLE001, S110  # whatever a struct refuses, the way by dicts decides about
            pass
    parse, read = _compiled(cls)  # type: ignore[arg-type]  # likewise
    try:
        value = parse(body)
        model: T = read(value if key is None else value[key], cls)
        if structs is not None:
            structs.refused(value)
        return model  # noqa: TRY300  # were it to fail to learn, the slow way returns the same
    except Exception:  # noqa: BLE001, S110  # compiled code raises anything; the slow way finds out what and where
        pass
    return _explain_body(body, cls, key)


def _explain_body(body: bytes, cls: type[T], key: str | None) -> T:
    try:
        value = loads(body)
    except ValueError:
        pass
    else:
        if value is None:
            raise _decode_error("the body is null", IS_NULL)
        if key is None:
            return explain(value, cls)
        if isinstance(value, dict) and key in value:
            return explain(cast("dict[str, Any]", value)[key], cls, f"$.{key}")
        problem = f"required field missing @ $.{key}"
        raise _decode_error(f"the body does not hold {_described(cls)}: {problem}", problem)
    raise _decode_error("the body is not JSON", NOT_JSON)


def decode_in_slices(body: bytes, cls: type[T], key: str | None = None) -> Generator[None, None, T | None]:
    """Decode a page of a list part by part, and yield once one is parsed and after every `ROWS_AT_ONCE` rows of it.

    Returns:
        what `decode` returns; None where the body is to be left to it: `cls` is not a page, or the body is not one.
    """
    for envelope, arrays in (apart(body), (body, None)):
        with suppress(Exception):  # as in decode
            return (yield from _read_page(envelope, arrays, cls, key))
    return None


def _read_page(
    envelope: bytes, arrays: Iterator[bytes] | None, cls: type[T], key: str | None
) -> Generator[None, None, T]:
    """Decode a page whose rows stand in *arrays*, or with None in the page itself, as `decode_in_slices` does."""
    parse, read = _compiled(cls)  # type: ignore[arg-type]  # as in decode
    name, keys, read_row = _rows(cls)  # type: ignore[arg-type]  # likewise
    page = parse(envelope) if key is None else parse(envelope)[key]
    rows_key = next(each for each in keys if each in page)
    if arrays is not None and page[rows_key] != []:
        raise ValueError("the array is another one")
    rows, sample = list[Any](), list[Any]()
    for raws in (page[rows_key],) if arrays is None else map(parse, arrays):
        yield
        sample = sample or raws[:1]
        for start in range(0, len(raws), ROWS_AT_ONCE):
            rows += [read_row(raw, None) for raw in raws[start : start + ROWS_AT_ONCE]]
            yield
    result: T = read({**page, rows_key: sample}, cls)  # of the rows only what is a page with rows
    object.__setattr__(result, name, tuple(rows))
    return result


def prepare(*classes: type) -> None:
    """Compile the code for these models now; the first call would hold its event loop for it."""
    for cls in classes:
        if _structs(cls) is None:
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


def explain(value: Any, cls: type[T], path: str = "$") -> T:
    """Structure slowly: the same result, and errors with paths.

    Args:
        value: parsed JSON.
        cls: what it describes.
        path: where it stands in the body.

    Raises:
        DecodeError: as `structure`.
    """
    try:
        return whole(cls, detailed())(value, cls)  # type: ignore[no-any-return]  # likewise
    except Exception as error:  # noqa: BLE001  # whatever a hook raised about this value, the value is at fault
        problems = tuple(_problems(error, path, cls))
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
def _rows(cls: Any) -> tuple[str, tuple[str, ...], Hook]:
    """Return the name of a page's field of rows, its keys in JSON, and the hook for a row.

    Raises:
        StopIteration: a `cls` is not a page.
    """
    rows = next(a for a in own_fields(cls) if a.metadata.get("rows"))
    keys = (wire_key(rows), *rows.metadata.get("other_keys", ()))
    return rows.name, keys, _compiled(element_type(rows.type))[1]


@cache
def _structs(cls: Any) -> "Structs | None":
    """Return the way by structs, where there is one."""
    try:
        from periskope_async._codec.structs import Structs
    except ImportError:  # msgspec is not installed
        return None
    structs = Structs(cls)
    return structs if structs.steps is not None else None


@cache
def _compiled(cls: Any) -> tuple[Callable[[bytes], Any], Hook]:
    """Return the two steps of the fast way from a body to a `cls`."""
    converter = detailed().copy()
    # Kept here, too: cattrs forgets every hook it made whenever it comes to a mapping, and would have it made twice.
    converter.register_structure_hook_factory(is_model, cache(compile_model))
    return parser(), whole(cls, converter)
