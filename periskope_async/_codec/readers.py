"""How values stand in JSON: strict readers. Pure functions; no model, no cattrs.

A reader takes the JSON value and the type wanted, as cattrs calls its hooks, and raises ValueError or TypeError.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from periskope_async._codec.marks import EMPTY_MAPPING, Spelling

__all__ = [
    "MAX_DEPTH",
    "READERS",
    "NestedTooDeepError",
    "copy_json",
    "in_order",
    "read_int",
    "read_json",
    "read_labels",
    "read_moment",
    "read_text",
    "strict",
]

#: Levels that JSON which is kept as it came may nest. Deeper would decode, and then break whoever copies or prints it.
MAX_DEPTH: Final = 64


class NestedTooDeepError(ValueError):
    """JSON that is kept as it came nests deeper than `MAX_DEPTH`."""


def strict(*types: type) -> Callable[..., Any]:
    """Return a reader for values of exactly these types: True is not an int, nor an int a float."""

    def read(value: Any, _: Any = None) -> Any:
        if type(value) not in types:
            raise TypeError
        return value

    return read


def read_text(value: Any, _: Any = None) -> str:
    """Read text that says something: `""` identifies nothing, and an optional field reads it as None before this."""
    if type(value) is not str or not value:
        raise TypeError
    return value


def read_moment(value: Any, _: Any = None) -> datetime:
    """Read any ISO 8601 spelling; without an offset it is UTC."""
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_int(value: Any, _: Any = None) -> int:
    """Read a number, or the digits of one as text: the API's own pages disagree on how some numbers travel."""
    if type(value) is str and value.isascii() and value.isdigit():
        return int(value)
    return cast("int", strict(int)(value))


def _read_numeral(value: Any, _: Any = None) -> str:
    return str(value) if type(value) is int else read_text(value)


def read_labels(value: Any, _: Any = None) -> tuple[str, ...]:
    """Read names separated by commas, or an array of names."""
    if value is None:
        return ()
    if type(value) is str:
        return tuple(label for part in value.split(",") if (label := part.strip()))
    return tuple(label for label in strict(list)(value) if strict(str)(label))


def read_json(value: Any, _: Any = None, depth: int = MAX_DEPTH) -> Any:
    """Read any JSON that does not nest too deep, and keep it as it is."""
    for element in _elements(value):
        if not depth:
            raise NestedTooDeepError
        read_json(element, None, depth - 1)
    return value


#: The readers of types that stand in JSON otherwise than their plain form, by their mark.
READERS: Final[Mapping[Spelling, Callable[..., Any]]] = {
    Spelling.LABELS: read_labels,
    Spelling.DIGITS: read_int,
    Spelling.NUMERAL: _read_numeral,
    Spelling.ANY_TEXT: strict(str),
}


def _elements(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("Iterable[Any]", value) if isinstance(value, list) else ()


def in_order(extra: dict[str, Any]) -> Mapping[str, Any]:
    """Return unknown keys in the order of their names: that in which they came is not known of a struct."""
    return {key: extra[key] for key in sorted(extra)} if len(extra) > 1 else extra or EMPTY_MAPPING


def copy_json(value: Any) -> Any:
    """Return a copy that shares no container with the original."""
    if isinstance(value, dict):
        return {key: copy_json(inner) for key, inner in cast("dict[str, Any]", value).items()}
    return [copy_json(inner) for inner in cast("Iterable[Any]", value)] if isinstance(value, list) else value
