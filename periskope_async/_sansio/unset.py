"""The sentinel for "not passed", where None means something of its own."""

from enum import Enum
from typing import Final, Literal

__all__ = ["UNSET", "Unset"]


class Unset(Enum):
    """The type of `UNSET`."""

    UNSET = "unset"

    def __repr__(self) -> str:
        return "UNSET"


#: Leaves a setting or a field as it is.
UNSET: Final[Literal[Unset.UNSET]] = Unset.UNSET
