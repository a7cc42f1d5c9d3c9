"""How values and fields stand in JSON: strict readers, usual spellings. Pure functions; no resource, no cattrs.

A reader takes the JSON value and the type wanted, as cattrs calls its hooks, and raises ValueError or TypeError.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import NoneType, UnionType
from typing import TYPE_CHECKING, Annotated, Any, Final, Union, cast, get_args, get_origin

import attrs

from periskope_async._codec.marks import ABSENT, EMPTY_MAPPING, Labels, Spelling, Structured
from periskope_async._codec.sparse import SparseValue, value_note

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = [
    "MAX_DEPTH",
    "READERS",
    "NestedTooDeepError",
    "Rename",
    "WireField",
    "copy_json",
    "element_type",
    "is_labels",
    "is_loose",
    "is_model",
    "is_optional",
    "model_in",
    "own_fields",
    "plain",
    "read_int",
    "read_json",
    "read_labels",
    "read_moment",
    "read_text",
    "rename",
    "some",
    "strict",
    "wire_fields",
    "wire_key",
]

#: Levels that JSON which is kept as it came may nest. Deeper would decode, and then break whoever copies or prints it.
MAX_DEPTH: Final = 64


class NestedTooDeepError(ValueError):
    """JSON that is kept as it came nests deeper than `MAX_DEPTH`."""


# --------------------------------------------------------------------------------------------------- annotations


def is_model(annotation: Any) -> bool:
    """Say whether an annotation is a model class."""
    return isinstance(annotation, type) and issubclass(annotation, Structured)


def is_optional(annotation: Any) -> bool:
    """Say whether an annotation is `T | None`."""
    return get_origin(annotation) in (Union, UnionType) and NoneType in get_args(annotation)


def is_loose(annotation: Any) -> bool:
    """Say whether an annotation is a type with a reader of its own in `READERS`."""
    return get_origin(annotation) is Annotated and get_args(annotation)[1] in READERS


def is_labels(annotation: Any) -> bool:
    """Say whether an annotation is `Labels`."""
    return bool(annotation == Labels)


def some(annotation: Any) -> Any:
    """Return T of `T | None`, and any other annotation as it is."""
    return next(arg for arg in get_args(annotation) if arg is not NoneType) if is_optional(annotation) else annotation


def plain(annotation: Any) -> Any:
    """Return T of `Annotated[T, ...]`, and any other annotation as it is."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def element_type(annotation: Any) -> Any:
    """Return what a tuple or mapping holds; None of any other annotation. Text in it may be empty."""
    wanted = some(annotation)
    if get_origin(wanted) is tuple:
        return get_args(wanted)[0]
    return get_args(wanted)[1] if get_origin(wanted) is Mapping else None


def model_in(annotation: Any) -> Any:
    """Return the model class that an annotation is, or is a collection of; else None."""
    return next((part for part in (some(annotation), element_type(annotation)) if is_model(part)), None)


# ------------------------------------------------------------------------------------------------------- readers


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


def copy_json(value: Any) -> Any:
    """Return a copy that shares no container with the original."""
    if isinstance(value, dict):
        return {key: copy_json(inner) for key, inner in cast("dict[str, Any]", value).items()}
    return [copy_json(inner) for inner in cast("Iterable[Any]", value)] if isinstance(value, list) else value


# -------------------------------------------------------------------------------------------------------- fields


@attrs.frozen
class WireField:
    """How one field of a model stands in JSON.

    Attributes:
        name: its name in Python.
        key: its name in JSON.
        other_keys: other names in JSON that the service uses for it.
        type: its annotation.
        default: its empty value; of a required field, attrs' `NOTHING`.
        unset: the usual spelling of its empty value.
        is_sparse: whether its values take no slot, but a place in `_wire` where there is one.
        holds_models: whether its values are models, or collections of models.
        parse: the structure hook of its type.
        unparse: the unstructure hook of its type.
    """

    name: str
    key: str
    other_keys: tuple[str, ...]
    type: Any
    default: Any
    unset: Any
    is_sparse: bool
    holds_models: bool
    parse: Callable[..., Any]
    unparse: Callable[[Any], Any]

    @property
    def key_note(self) -> str:
        """Where a model remembers which of the other keys its value came under: a name that no field can have."""
        return f"{self.name}:key"

    @property
    def value_note(self) -> str:
        """Where a model keeps its value if it is sparse."""
        return value_note(self.name)

    def read(self, raw: Any) -> Any:
        """Return what a spelling means."""
        return self.default if raw is ABSENT else self.parse(raw, self.type)

    def spell(self, value: Any) -> Any:
        """Return the usual spelling of a value."""
        return copy_json(self.unset) if value == self.default else self.unparse(value)

    def is_unusual(self, raw: Any, value: Any) -> bool:
        """Say whether `raw` spells `value` in another way than `spell` does."""
        if value == self.default:
            usual = self.unset
        elif raw is value or self.holds_models:
            return False  # text and JSON spell themselves, and models remember how they were spelled
        else:
            usual = self.spell(value)
        return type(raw) is not type(usual) or raw != usual


def own_fields(cls: Any) -> Iterator["attrs.Attribute[Any]"]:
    """Yield the fields of a model that stand in JSON under keys of their own."""
    return (a for a in attrs.fields(cls) if a.name not in ("extra", "_wire"))


def wire_key(attribute: "attrs.Attribute[Any]") -> str:
    """Return the JSON key of an attribute."""
    return str(attribute.metadata.get("key", attribute.name))


def wire_fields(cls: Any, converter: "Converter") -> tuple[WireField, ...]:
    """Return how each field of a model stands in JSON, read from its class."""
    return tuple(_wire_field(cls, a, converter) for a in own_fields(cls))


def _wire_field(cls: Any, attribute: "attrs.Attribute[Any]", converter: "Converter") -> WireField:
    annotation, default = attribute.type, attribute.default
    usually: Any = [] if default == () else {} if default == EMPTY_MAPPING else None
    unset = attribute.metadata.get("unset", usually)
    return WireField(
        name=attribute.name,
        key=wire_key(attribute),
        other_keys=attribute.metadata.get("other_keys", ()),
        type=annotation,
        default=default,
        unset=unset,
        is_sparse=isinstance(getattr(cls, attribute.name), SparseValue),
        holds_models=model_in(annotation) is not None,
        parse=converter.get_structure_hook(annotation),
        unparse=_join if is_labels(annotation) and unset == "" else converter.get_unstructure_hook(annotation),
    )


def _join(labels: tuple[str, ...]) -> str | list[str]:
    text = ", ".join(labels)
    return text if read_labels(text) == labels else list(labels)  # a label with a comma in it takes an array


Rename = Callable[[dict[str, Any]], tuple[dict[str, Any], Mapping[str, Any]]]


def rename(fields: Iterable[WireField]) -> Rename:
    """Return a function from an object to the same under the usual keys, and a note of the keys that came instead.

    Of several keys of one field the first is read, and the others are unknown.
    """
    renamed = [field for field in fields if field.other_keys]

    def under_usual_keys(raw: dict[str, Any]) -> tuple[dict[str, Any], Mapping[str, Any]]:
        notes: dict[str, Any] = {}
        for field in renamed:
            came = next((key for key in field.other_keys if key in raw), None)
            if came is not None and raw.get(field.key, ABSENT) is ABSENT:
                raw = {field.key if key == came else key: value for key, value in raw.items() if key != field.key}
                notes[field.key_note] = came
        return raw, notes or EMPTY_MAPPING

    return under_usual_keys
