"""How the fields of a model stand in JSON, read from its class: keys, usual spellings, what is left out."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import attrs

from periskope_async._codec.annotations import is_labels, model_in
from periskope_async._codec.marks import ABSENT, EMPTY_MAPPING
from periskope_async._codec.readers import copy_json
from periskope_async._codec.sparse import SparseValue, value_note

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["Rename", "WireField", "own_fields", "rename", "wire_fields", "wire_key"]


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
        unparse=_join if is_labels(annotation) and unset == "" else _unparse(annotation, converter),
    )


def _unparse(annotation: Any, converter: "Converter") -> Callable[[Any], Any]:
    """Return the unstructure hook of a type. That of models is compiled when it is first called: to read takes none."""
    if model_in(annotation) is None:
        return converter.get_unstructure_hook(annotation)
    return partial(converter.unstructure, unstructure_as=annotation)


def _join(labels: tuple[str, ...]) -> str | list[str]:
    text = ", ".join(labels)
    # Whether `read_labels` would find the same again, in a quarter of its time: a label with a comma takes an array.
    is_same = text.count(",") == len(labels) - 1 and all(labels) and tuple(map(str.strip, labels)) == labels
    return text if is_same else list(labels)


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
