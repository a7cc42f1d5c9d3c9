"""What models are declared with: how the service spells "nothing", oddly spelled types, and the mark of a model."""

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, Final, Literal, NoReturn, TypeAlias

__all__ = [
    "ABSENT",
    "EMPTY_MAPPING",
    "EMPTY_TEXT",
    "LEFT_OUT",
    "NULL",
    "ROWS",
    "Absent",
    "AnyText",
    "Labels",
    "LooseInt",
    "LooseText",
    "Spelling",
    "Structured",
    "counted_as",
    "in_column",
    "keyed",
]


class Structured:
    """What is read and written field by field: the base of `Model`, down here so that no import leads back up."""

    __slots__ = ()


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


class Spelling(Enum):
    """How a type stands in JSON where it may stand otherwise than its plain form does. See `readers.READERS`."""

    LABELS = "names in a text, separated by commas, or in an array"
    DIGITS = "a whole number, or its digits as text"
    NUMERAL = "text, or a whole number that stands for its digits"
    ANY_TEXT = "text, empty text too"


#: Names of labels, and nothing else: a plain `tuple[str, ...]` is read from an array and never split at commas.
Labels: TypeAlias = Annotated[tuple[str, ...], Spelling.LABELS]
#: A whole number that the service's pages also show as text.
LooseInt: TypeAlias = Annotated[int, Spelling.DIGITS]
#: Text that the service's pages also show as a whole number.
LooseText: TypeAlias = Annotated[str, Spelling.NUMERAL]
#: Text inside an array or a mapping, where `""` is a value like any other and no way to say "nothing".
AnyText: TypeAlias = Annotated[str, Spelling.ANY_TEXT]


#: Metadata of a field whose empty value the service spells `""` rather than null, `[]` or `{}`.
EMPTY_TEXT: Final[dict[str, Any]] = {"unset": ""}

#: Metadata of an array or mapping whose empty value the service spells null rather than `[]` or `{}`.
NULL: Final[dict[str, Any]] = {"unset": None}

#: Metadata of a field whose key the service leaves out when it has no value.
LEFT_OUT: Final[dict[str, Any]] = {"unset": ABSENT}

#: Metadata of the field of a page that holds its rows.
ROWS: Final[dict[str, Any]] = {"rows": True}


def keyed(key: str, *others: str) -> dict[str, Any]:
    """Return the metadata of a field whose key in JSON is `key`, or now and then one of `others`."""
    return {"key": key, "other_keys": others}


def in_column(name: str) -> dict[str, Any]:
    """Return the metadata of a field whose column in records is called as in another model's."""
    return {"column": name}


def counted_as(column: str) -> dict[str, Any]:
    """Return the metadata of an array whose length is a column of records as well."""
    return {"count": column}
