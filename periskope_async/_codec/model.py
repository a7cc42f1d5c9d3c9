"""The base class of every model."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from attrs import field, frozen

from periskope_async._codec.marks import EMPTY_MAPPING

__all__ = ["Model", "identity", "masked"]


def masked(identifier: str) -> str:
    """Return the repr of an id with every phone number in it cut to its last four digits: `'…1844@c.us'`."""
    return repr(re.sub(r"\d{4,}(?=\d{4})", "…", identifier))


def identity(_cls: type, fields: Sequence["attrs.Attribute[Any]"]) -> list["attrs.Attribute[Any]"]:
    """Leave only the required fields, the ids, in hash and repr: hashes stay cheap, logs short and free of people."""
    return [
        f.evolve(hash=required, repr=(masked if f.type is str else True) if required else False)
        for f in fields
        for required in [f.default is attrs.NOTHING]
    ]


@frozen(kw_only=True)
class Model:
    """The base of every model: frozen, slotted, picklable, compared by meaning.

    Attributes:
        extra: what the service sent and this version has no field for. It goes back out on `to_dict()`.
    """

    extra: Mapping[str, Any] = field(default=EMPTY_MAPPING, hash=False, repr=False)
    #: JSON as it came, by field name, for fields that came spelled in another way than `to_dict()` would spell them.
    _wire: Mapping[str, Any] = field(default=EMPTY_MAPPING, alias="_wire", eq=False, hash=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object this came from: every key, unknown ones too, in the spelling it came in.

        A field changed by `attrs.evolve`, and a model you built yourself, is spelled as the service usually does.
        """
        from periskope_async._codec.converter import to_dict

        return to_dict(self)
