"""What every model is made of: its base class, open enums, and marks for how the service spells "nothing".

Knows no resource, no JSON text and no cattrs; `_converter` reads what is declared here.
"""

import re
from collections.abc import Mapping, Sequence
from enum import Enum, IntEnum, StrEnum
from typing import Any, Final, Literal, NoReturn, Self

import attrs
from attrs import field, frozen

__all__ = [
    "ABSENT",
    "EMPTY_TEXT",
    "LEFT_OUT",
    "NOTHING",
    "Absent",
    "Model",
    "OpenIntEnum",
    "OpenStrEnum",
    "identity",
    "masked",
]


class Absent(Enum):
    """The type of `ABSENT`. An enum, because its members stay the same object through pickle and copy."""

    ABSENT = "absent"


#: Stands for a key that is not there, where None stands for a JSON null.
ABSENT: Final[Literal[Absent.ABSENT]] = Absent.ABSENT


class _Nothing(dict[str, Any]):
    """A read-only empty dict, so that 60,000 models without unknown keys share one instead of holding one each."""

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("this mapping is read-only")

    __setitem__ = __ior__ = setdefault = update = _refuse  # pyright: ignore[reportAssignmentType]  # narrower on purpose

    def __hash__(self) -> int:  # type: ignore[override]  # read-only, and attrs hashes defaults when filtering
        return 0

    def __reduce__(self) -> str:
        return "NOTHING"


#: The one empty mapping.
NOTHING: Final[Mapping[str, Any]] = _Nothing()


class OpenStrEnum(StrEnum):
    """Strings the service may add to: a value unknown today is a member too, readable and equal to its text."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        # Built beside the class's table, not in it: what a server sends must not make the process grow.
        member = str.__new__(cls, value)
        member._name_, member._value_ = f"UNKNOWN_{value}", value
        return member

    def __reduce_ex__(self, _protocol: object) -> tuple[type[Self], tuple[str]]:
        return type(self), (
            self._value_,
        )  # the first releases of Python 3.11 look up by name, which is no member's here

    @property
    def is_known(self) -> bool:
        """Whether this version of the package has a name for the value."""
        return self._name_ in type(self).__members__


class OpenIntEnum(IntEnum):
    """Integers the service may add to: a value unknown today is a member too, readable and equal to its number."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, int):
            return None
        member = int.__new__(cls, value)
        member._name_, member._value_ = f"UNKNOWN_{value}", int(value)
        return member

    def __reduce_ex__(self, _protocol: object) -> tuple[type[Self], tuple[int]]:
        return type(self), (
            self._value_,
        )  # the first releases of Python 3.11 look up by name, which is no member's here

    @property
    def is_known(self) -> bool:
        """Whether this version of the package has a name for the value."""
        return self._name_ in type(self).__members__


#: Metadata of a field whose empty value the service spells `""` rather than null, `[]` or `{}`.
EMPTY_TEXT: Final[dict[str, Any]] = {"unset": ""}
#: Metadata of a field whose key the service leaves out when there is nothing to tell.
LEFT_OUT: Final[dict[str, Any]] = {"unset": ABSENT}


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

    extra: Mapping[str, Any] = field(default=NOTHING, hash=False, repr=False)
    #: JSON as it came, by field name, for fields that came spelled in another way than `to_dict()` would spell them.
    _wire: Mapping[str, Any] = field(default=NOTHING, alias="_wire", eq=False, hash=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object this came from: every key, unknown ones too, in the spelling it came in.

        A field changed by `attrs.evolve`, and a model you built yourself, is spelled as the service usually does.
        """
        from periskope_async._converter import to_dict

        return to_dict(self)
