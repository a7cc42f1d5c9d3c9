"""How the service spells "nothing": marks for model fields."""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, Literal, NoReturn

__all__ = ["ABSENT", "EMPTY_MAPPING", "EMPTY_TEXT", "LEFT_OUT", "Absent"]


class Absent(Enum):
    """The type of `ABSENT`. An enum, because its members stay the same object through pickle and copy."""

    ABSENT = "absent"


#: Stands for a key that is not there, where None stands for a JSON null.
ABSENT: Final[Literal[Absent.ABSENT]] = Absent.ABSENT


class _EmptyMapping(dict[str, Any]):
    """A read-only empty dict, so that 60,000 models without unknown keys share one instead of holding one each."""

    def _refuse(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise TypeError("this mapping is read-only")

    __setitem__ = __ior__ = setdefault = update = _refuse  # pyright: ignore[reportAssignmentType]  # narrower on purpose

    def __hash__(self) -> int:  # type: ignore[override]  # read-only, and attrs hashes defaults when filtering
        return 0

    def __reduce__(self) -> str:
        return "EMPTY_MAPPING"


#: The one empty mapping.
EMPTY_MAPPING: Final[Mapping[str, Any]] = _EmptyMapping()


#: Metadata of a field whose empty value the service spells `""` rather than null, `[]` or `{}`.
EMPTY_TEXT: Final[dict[str, Any]] = {"unset": ""}


#: Metadata of a field whose key the service leaves out when there is nothing to tell.
LEFT_OUT: Final[dict[str, Any]] = {"unset": ABSENT}
