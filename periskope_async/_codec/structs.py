"""Bodies to models by way of msgspec's structs: what the fast parser can say of a type, no compiled code asks again.

Half the time that the way by dicts takes. A struct refuses a key it does not know, so it learns those that come: they
become further fields of it, and go to `extra`. Whatever it refuses takes the way by dicts, which decides.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NoReturn, cast, get_origin

import msgspec
from attrs import NOTHING as REQUIRED
from msgspec import UNSET, UnsetType

from periskope_async._codec.annotations import is_model, model_in, some
from periskope_async._codec.compiled import Hook, assignment, compile_model, default, draft, others, unusual
from periskope_async._codec.detailed import detailed, whole
from periskope_async._codec.enums import OpenStrEnum
from periskope_async._codec.fields import WireField, own_fields, wire_fields, wire_key
from periskope_async._codec.marks import ABSENT, EMPTY_MAPPING
from periskope_async._codec.sparse import SparseValue
from periskope_async._codec.usual import HELPERS, TEXT, Names, usual

if TYPE_CHECKING:
    from cattrs import Converter

__all__ = ["Structs", "struct_steps"]

#: By model, keys that came and for which it has no slot.
Learned = Mapping[type, tuple[str, ...]]
Steps = tuple[Callable[[bytes], Any], Hook]

#: Keys that the struct of a model learns at most; what it does not learn takes the way by dicts.
_KEYS: Final = 64
#: Bodies by which it may fall behind before it gives up: one that is refused is one more, one that is read one less.
_PATIENCE: Final = 100
#: Refused bodies that it learns of.
_LESSONS: Final = 128
#: Keys that may be learned: what msgspec takes for one, of sane length.
_KEY: Final = re.compile(r"[^\x00-\x1f\x7f\"\\]{0,64}")


class Structs:
    """The way by structs of one class in this process: it learns from the bodies it refuses, or gives up.

    Attributes:
        steps: from a body to a struct, and from there to the model; None once it gave up.
    """

    __slots__ = ("_behind", "_cls", "_learned", "_lessons", "steps")

    def __init__(self, cls: Any) -> None:
        self._cls = cls
        self._behind = self._lessons = 0
        self._learned: dict[type, dict[str, None]] = {}
        self.steps: Steps | None = struct_steps(cls, {})

    def read(self, body: bytes) -> Any:
        """Return the model of a body.

        Raises:
            Exception: of any type: the body is to be read by way of dicts.
        """
        parse, structure = cast("Steps", self.steps)  # were it None, a TypeError is as good as any
        model: Any = structure(parse(body), self._cls)
        if self._behind > 0:
            self._behind -= 1
        return model

    def refused(self, value: Any) -> None:
        """Learn of a body that was good, and came as this JSON value. After 1, 2, 4 and so on the structs grow."""
        self._behind += 1
        if self._behind >= _PATIENCE:
            self.steps = None
            self._learned.clear()
        elif self.steps is not None and self._lessons < _LESSONS:
            self._lessons += 1
            for cls, key in rare_keys(self._cls, value):
                keys = self._learned.setdefault(cls, {})
                if len(keys) < _KEYS:
                    keys[key] = None
            if not self._lessons & self._lessons - 1:  # a power of two
                self.steps = struct_steps(self._cls, {cls: tuple(keys) for cls, keys in self._learned.items()})


def rare_keys(cls: Any, value: Any) -> Iterator[tuple[type, str]]:
    """Yield the keys in a JSON value for which the model has no slot, with the model they are of; likewise inside."""
    fields = {wire_key(a): a.type for a in _slotted(cls)}
    for key, inner in cast("dict[str, Any]", value or {}).items():
        if key not in fields:
            if _KEY.fullmatch(key):
                yield cls, key
        elif (model := _typed_model(fields[key])) is not None:
            one = is_model(some(fields[key]))
            many = cast("dict[str, Any]", inner).values() if isinstance(inner, dict) else cast("list[Any]", inner or [])
            for each in [cast("Any", inner)] if one else many:
                yield from rare_keys(model, each)


def _slotted(cls: Any) -> Iterator[Any]:
    return (a for a in own_fields(cls) if not isinstance(getattr(cls, a.name), SparseValue))


def _typed_model(annotation: Any) -> Any:
    """Return the model in an annotation that a struct holds as a struct; None of any other."""
    model = model_in(annotation)
    return model if model is not None and is_typed(model) else None


@cache
def is_typed(cls: Any) -> bool:
    """Say whether a model can be read from a struct: an id says whether it is there, and each field has one key."""
    fields = tuple(own_fields(cls))
    return any(a.default is REQUIRED for a in fields) and not any(a.metadata.get("other_keys") for a in fields)


def struct_steps(cls: Any, learned: Learned) -> Steps | None:
    """Return the two steps from a body to a model; None of a class that is not read from structs."""
    if not (is_model(cls) and is_typed(cls)):
        return None
    by_structs = detailed().copy()

    @cache
    def struct(model: Any) -> type:
        return _struct(model, learned.get(model, ()), struct)

    @cache
    def hook(model: Any, _: Any) -> Hook:
        if is_typed(model):
            return _compile(model, learned.get(model, ()), by_structs)
        return _by_dicts().get_structure_hook(model)

    by_structs.register_structure_hook_factory(is_model, hook)
    return msgspec.json.Decoder(struct(cls)).decode, whole(cls, by_structs)


@cache
def _by_dicts() -> "Converter":
    """Return the converter of models that stand inside others and are not read from structs."""
    converter = detailed().copy()
    converter.register_structure_hook_factory(is_model, cache(compile_model))
    return converter


@cache
def _fields(cls: Any) -> tuple[WireField, ...]:
    """Return the fields of a model. What a struct holds is never read by it."""
    converter = detailed().copy()
    converter.register_structure_hook_factory(
        is_model, lambda model, _: _refuse if is_typed(model) else _by_dicts().get_structure_hook(model)
    )
    return wire_fields(cls, converter)


def _refuse(_value: Any, _: Any) -> NoReturn:
    raise TypeError


def _struct(cls: Any, rare: tuple[str, ...], struct: Callable[[Any], type]) -> type:
    """Return the struct of a model, which holds what its keys hold, and UNSET for keys that do not come."""
    places = _places(cls, rare)
    fields: list[Any] = [(place, Any, UNSET) for place in places.values()]
    for number, a in enumerate(sorted(_slotted(cls), key=wire_key)):
        place, wanted = places[wire_key(a)], _type(a.type, struct)
        if a.default is REQUIRED:
            fields[number] = place, wanted
        elif wanted is not Any:
            fields[number] = place, wanted | None | UnsetType, UNSET
    renamed = {place: key for key, place in places.items()}
    return msgspec.defstruct(
        cls.__name__, fields, rename=renamed, kw_only=True, forbid_unknown_fields=True, eq=False, gc=False
    )


def _places(cls: Any, rare: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the fields of a struct by the keys of the model, in the order in which the API's examples have them.

    The order makes a tenth of the parsing: msgspec looks for each key behind the one before.
    """
    return {key: f"f{number}" for number, key in enumerate((*sorted(map(wire_key, _slotted(cls))), *rare))}


def _type(annotation: Any, struct: Callable[[Any], type]) -> Any:
    """Return what msgspec is to insist on: nothing where it would take what the model does not, or the reverse."""
    wanted, model = some(annotation), _typed_model(annotation)
    if wanted in (str, datetime) or (isinstance(wanted, type) and issubclass(wanted, OpenStrEnum)):
        return str
    if wanted is bool:
        return bool
    if model is None:
        return Any
    if is_model(wanted):
        return struct(model)
    return list[struct(model)] if get_origin(wanted) is tuple else dict[str, struct(model)]  # type: ignore[misc]  # made at run time


def _compile(cls: Any, rare: tuple[str, ...], converter: "Converter") -> Hook:
    """Return a hook from the struct of a model to the model."""
    wired = _fields(cls)
    places = _places(cls, rare)
    sent = [field for field in wired if field.unset is not ABSENT]
    left_out = [field for field in wired if field.unset is ABSENT and not field.is_sparse]
    may_come = [f"raw.{places[key]}, " for key in (*(field.key for field in left_out), *rare)]
    names: Names = {
        **HELPERS,
        "ABSENT": UNSET,
        "EMPTY_MAPPING": EMPTY_MAPPING,
        "MARK": ABSENT,
        "cls": cls,
        "draft": draft(cls),
        "nothing": (UNSET,) * len(may_come),
        "others": others(wired, iter),
        "unusual": unusual,
    }

    def read(field: WireField) -> list[str]:
        usually = _usual(field, names, converter)
        return assignment(field, names, f"raw.{places[field.key]}", usually, noted="MARK if v is ABSENT else v")

    source = [
        "def structure(raw, _=None, kind=kind, text=text, ABSENT=ABSENT, EMPTY_MAPPING=EMPTY_MAPPING):",
        "  model = draft()",
        "  wire = EMPTY_MAPPING",
        *(f"  {line}" for field in sent for line in read(field)),
        f"  if ({''.join(may_come)}) == nothing:",
        *(f"    model.{field.name} = {default(field, names)}" for field in left_out),
        "    model.extra = EMPTY_MAPPING",
        "  else:",
        *(f"    {line}" for field in left_out for line in read(field)),
        "    came = {}",
        *(f"    if (v := raw.{places[key]}) is not ABSENT: came[{key!r}] = v" for key in rare),
        "    model.extra, wire = others(came, wire)",
        "  model._wire = wire",
        "  model.__class__ = cls",
        "  return model",
    ]
    exec("\n".join(source), names)  # noqa: S102  # as attrs and cattrs do; it is made of class definitions only
    return names["structure"]  # type: ignore[no-any-return]  # exec has no types


def _usual(field: WireField, names: Names, converter: "Converter") -> tuple[str, ...]:
    """Do as `usual`, without the tests that the type of a struct's field has made."""
    wanted, model = some(field.type), _typed_model(field.type)
    test, *assign = usual(field, f"model.{field.name}", names, converter)
    if model is None:
        return test.replace(TEXT, "v") if wanted in (str, datetime) else test, *assign
    if is_model(wanted) and field.default is not REQUIRED:
        required = next(wire_key(a) for a in _slotted(model) if a.default is REQUIRED)
        return f"v and v.{_places(model)[required]}", *assign
    return "v", *assign
