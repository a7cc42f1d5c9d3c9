"""The base class of every model."""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import attrs
from attrs import field, frozen

from periskope_async._codec.annotations import is_model
from periskope_async._codec.columns import to_record
from periskope_async._codec.converter import decode, structure, to_dict
from periskope_async._codec.marks import EMPTY_MAPPING, LEFT_OUT, Structured
from periskope_async._codec.readers import copy_json
from periskope_async.errors import mask_numbers

__all__ = ["Model", "identity", "masked", "sparse"]


def masked(identifier: str) -> str:
    """Return the repr of an id with every phone number in it cut to its last four digits: `'…1844@c.us'`."""
    return repr(mask_numbers(identifier))


def identity(_cls: type, fields: Sequence["attrs.Attribute[Any]"]) -> list["attrs.Attribute[Any]"]:
    """Leave only the required fields, the ids, in hash and repr: hashes stay cheap, logs short and free of people."""
    for f in fields:
        required = f.default is attrs.NOTHING
        _change(f, hash=required, repr=(masked if f.type is str else True) if required else False)
    return list(fields)


def sparse(cls: type, fields: Sequence["attrs.Attribute[Any]"]) -> list["attrs.Attribute[Any]"]:
    """Do as `identity`, for objects that no sample shows in full: what is optional counts as usually left out."""
    for f in fields:
        if f.default is not attrs.NOTHING:
            _change(f, metadata=MappingProxyType({**LEFT_OUT, **f.metadata}))
    return identity(cls, fields)


def _change(f: "attrs.Attribute[Any]", **values: Any) -> None:
    """Change a field that attrs has made for the class at hand alone: a copy of each costs a quarter of the class."""
    for name, value in values.items():
        object.__setattr__(f, name, value)


class _Elsewhere:
    """In the place of an attribute that a part of the model has: says where it is."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __get__(self, model: object, cls: type) -> NoReturn:
        name = self._where.rpartition(".")[2]
        raise AttributeError(f"{cls.__name__!r} has no {name!r} itself: use .{self._where}", name=name, obj=model)

    def __repr__(self) -> str:
        return f"<see .{self._where}>"


@frozen(kw_only=True)
class Model(Structured):
    """The base of every model: frozen, slotted, picklable, compared by meaning.

    Attributes:
        extra: what the service sent and this version has no field for. It goes back out on `to_dict()`.
    """

    extra: Mapping[str, Any] = field(default=EMPTY_MAPPING, hash=False, repr=False)
    #: JSON as it came, by field name, for fields that came spelled in another way than `to_dict()` would spell them.
    _wire: Mapping[str, Any] = field(default=EMPTY_MAPPING, alias="_wire", eq=False, hash=False, repr=False)

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        """Have what the model is about, its required part, be found: `info.subject` says that it is in `info.ticket`.

        A `__getattr__` would do so too, and would slow down the attributes that are there.
        """
        names = {f.name for f in attrs.fields(cls)}
        for part in attrs.fields(cls):
            if part.default is attrs.NOTHING and is_model(part.type):
                for f in attrs.fields(part.type):
                    if f.name not in names and not hasattr(cls, f.name):
                        setattr(cls, f.name, _Elsewhere(f"{part.name}.{f.name}"))

    if not TYPE_CHECKING:  # so that checkers go on to find the mistake

        def __getitem__(self, key: object) -> NoReturn:
            where = f"the attribute .{key}" if key in attrs.fields_dict(type(self)) else "its attributes"
            raise TypeError(f"a {type(self).__name__} is not a mapping: use {where}, or to_dict() for the JSON")

        def __dir__(self) -> list[str]:
            hints = {
                name for cls in type(self).__mro__ for name, value in vars(cls).items() if type(value) is _Elsewhere
            }
            return [name for name in super().__dir__() if name not in hints]

    @classmethod
    def from_dict(cls, value: dict[str, Any]) -> Self:
        """Return the model that a JSON object describes, read as strictly as an answer of the service.

        Args:
            value: the object as `json.loads` returns it, or `to_dict`. The model keeps none of its dicts and lists.

        Raises:
            DecodeError: it does not describe this model; `problems` says what is wrong where.
        """
        with suppress(RecursionError):  # what nests without end is refused below, which says where it does
            value = copy_json(value)
        return structure(value, cls)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Return the model that JSON text describes, read as strictly as an answer of the service.

        Args:
            text: the JSON of one object, in UTF-8 where it is bytes.

        Raises:
            DecodeError: it is not JSON, or does not describe this model; `problems` says what is wrong where.
        """
        # What UTF-8 cannot hold is refused where everything is that is not UTF-8.
        return decode(text.encode(errors="surrogatepass") if isinstance(text, str) else text, cls)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        """Return what pydantic, and so FastAPI, reads, writes and documents a model by."""
        from periskope_async._codec.pydantic_schema import core_schema

        return core_schema(cls, handler.generate_schema)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object this came from: every key, unknown ones too, in the spelling it came in.

        A field changed by `attrs.evolve`, and a model you built yourself, is spelled as the service usually does.
        """
        return to_dict(self)

    def to_json(self) -> str:
        """Return what `to_dict` returns as JSON text.

        Raises:
            TypeError: a model you built yourself holds what JSON cannot.
            ValueError: likewise, of NaN and infinity.
        """
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    def to_record(self) -> dict[str, Any]:
        """Return this as one flat dict, for tables and data frames; `records.columns` says what its columns are."""
        return to_record(self)
