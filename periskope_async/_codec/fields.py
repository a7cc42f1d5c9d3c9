"""How values and fields stand in JSON: strict readers, usual spellings. Pure functions; no resource, no cattrs.

A reader takes the JSON value and the type wanted, as cattrs calls its hooks, and raises ValueError or TypeError.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Any, Final, Union, cast, get_args, get_origin

import attrs

from periskope_async._codec.marks import ABSENT, EMPTY_MAPPING
from periskope_async._codec.model import Model

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = [
    "LABELS",
    "MAX_DEPTH",
    "NestedTooDeepError",
    "WireField",
    "copy_json",
    "is_model",
    "is_optional",
    "read_int",
    "read_json",
    "read_labels",
    "read_moment",
    "read_text",
    "some",
    "strict",
    "wire_fields",
    "wire_key",
]

#: How deep JSON that is kept as it came may nest. Deeper would decode, and then break whoever copies or prints it.
MAX_DEPTH: Final = 64
#: The annotation of a field that holds names of labels.
LABELS: Final = tuple[str, ...]


class NestedTooDeepError(ValueError):
    """JSON that is kept as it came nests deeper than `MAX_DEPTH`."""


def is_model(annotation: Any) -> bool:
    """Tell whether an annotation is a model class."""
    return isinstance(annotation, type) and issubclass(annotation, Model)


def is_optional(annotation: Any) -> bool:
    """Tell whether an annotation is `T | None`."""
    return get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation)


def some(annotation: Any) -> Any:
    """Return T of `T | None`, and any other annotation as it is."""
    return next(arg for arg in get_args(annotation) if arg is not NoneType) if is_optional(annotation) else annotation


def strict(*types: type) -> Callable[..., Any]:
    """Return a reader for values of exactly these types: True is no int, and an int no float unless both are told."""

    def read(value: Any, _: Any = None) -> Any:
        if type(value) not in types:
            raise TypeError
        return value

    return read


def read_text(value: Any, _: Any = None) -> str:
    """Read text that says something: `""` is no id, and an optional field takes it for None before it gets here."""
    if type(value) is not str or not value:
        raise TypeError
    return value


def read_moment(value: Any, _: Any = None) -> datetime:
    """Read any ISO 8601 spelling; without an offset it is UTC."""
    moment = datetime.fromisoformat(value)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_int(value: Any) -> int:
    """Read a number, or the digits of one as text: the API's own pages disagree on how priorities travel."""
    if type(value) is str and value.isascii() and value.isdigit():
        return int(value)
    return cast("int", strict(int)(value))


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


def _elements(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return cast("dict[str, Any]", value).values()
    return cast("Iterable[Any]", value) if isinstance(value, list) else ()


def copy_json(value: Any) -> Any:
    """Return a copy that shares no container with the original."""
    if isinstance(value, dict):
        return {key: copy_json(inner) for key, inner in cast("dict[str, Any]", value).items()}
    return [copy_json(inner) for inner in cast("Iterable[Any]", value)] if isinstance(value, list) else value


@attrs.frozen
class WireField:
    """How one field of a model stands in JSON.

    Attributes:
        name: its name in Python.
        key: its name in JSON.
        type: its annotation.
        default: its empty value; of a required field, attrs' `NOTHING`.
        unset: the usual spelling of its empty value.
        holds_models: whether its values are models, or collections of models.
        parse: the structure hook of its type.
        unparse: the unstructure hook of its type.
    """

    name: str
    key: str
    type: Any
    default: Any
    unset: Any
    holds_models: bool
    parse: Callable[..., Any]
    unparse: Callable[[Any], Any]

    def read(self, raw: Any) -> Any:
        """Return what a spelling means."""
        return self.default if raw is ABSENT else self.parse(raw, self.type)

    def spell(self, value: Any) -> Any:
        """Return the usual spelling of a value."""
        return copy_json(self.unset) if value == self.default else self.unparse(value)

    def is_unusual(self, raw: Any, value: Any) -> bool:
        """Tell whether `raw` spells `value` in another way than `spell` does."""
        if value == self.default:
            usual = self.unset
        elif raw is value or self.holds_models:
            return False  # text and JSON spell themselves, and models remember how they were spelled
        else:
            usual = self.spell(value)
        return type(raw) is not type(usual) or raw != usual


def wire_fields(cls: Any, converter: "Converter") -> tuple[WireField, ...]:
    """Return how each field of a model stands in JSON, read from its class."""
    return tuple(_wire_field(a, converter) for a in attrs.fields(cls) if a.name not in ("extra", "_wire"))


def _wire_field(attribute: "attrs.Attribute[Any]", converter: "Converter") -> WireField:
    annotation, default = attribute.type, attribute.default
    usually: Any = [] if default == () else {} if default == EMPTY_MAPPING else None
    unset = attribute.metadata.get("unset", usually)
    return WireField(
        name=attribute.name,
        key=wire_key(attribute),
        type=annotation,
        default=default,
        unset=unset,
        holds_models=any(is_model(part) for part in (annotation, *get_args(annotation))),
        parse=converter.get_structure_hook(annotation),
        unparse=_join if annotation == LABELS and unset == "" else converter.get_unstructure_hook(annotation),
    )


def _join(labels: tuple[str, ...]) -> str | list[str]:
    text = ", ".join(labels)
    return text if read_labels(text) == labels else list(labels)  # a label with a comma in it takes an array


def wire_key(attribute: "attrs.Attribute[Any]") -> str:
    """Return the JSON key of an attribute."""
    return str(attribute.metadata.get("key", attribute.name))
