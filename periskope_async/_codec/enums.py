"""Enums the service may add to."""

from enum import IntEnum, StrEnum
from typing import Self

__all__ = ["OpenIntEnum", "OpenStrEnum"]


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
        # The first releases of Python 3.11 look up by name, and no member has this one's.
        return type(self), (self._value_,)

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
        # The first releases of Python 3.11 look up by name, and no member has this one's.
        return type(self), (self._value_,)

    @property
    def is_known(self) -> bool:
        """Whether this version of the package has a name for the value."""
        return self._name_ in type(self).__members__
