"""Values that no repr, log, pickle, traceback or error shows."""

import json
from typing import Any, NoReturn, Self, SupportsIndex, TypeVar, cast
from urllib.parse import quote

__all__ = ["NotText", "Secret", "conceal"]

T = TypeVar("T")


class _Masked(str):
    """Text that travels as it is and prints as stars: in reprs, in logged headers, in a traceback's locals."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __getitem__(self, index: SupportsIndex | slice) -> str:
        return _Masked(super().__getitem__(index))  # who prints only the start of a long text takes a slice


class NotText:
    """In the place of a key that is not text: what type it had, and not what it held."""

    __slots__ = ("type_name",)

    def __init__(self, value: object) -> None:
        self.type_name: str = type(value).__name__

    def __repr__(self) -> str:
        return f"<{self.type_name}, not shown>"


def conceal(value: T) -> T:
    """Return text as the same text that does not show itself, and anything but None as something that shows its type.

    For whoever takes a key as an argument: a traceback shows the arguments of its frames.
    """
    if value is None or isinstance(value, NotText):
        return value
    return cast("T", _Masked(value) if isinstance(value, str) else NotText(value))


class Secret:
    """A value that no repr, log, pickle, traceback or error shows. Only `reveal()` gives it out."""

    __slots__ = ("_spellings", "_value")

    def __init__(self, value: str) -> None:
        self._value = _Masked(value)
        # As an answer may quote it: in JSON, in a URL. For most keys, both are the key itself.
        self._spellings = tuple(map(_Masked, {json.dumps(value)[1:-1], quote(value, safe="", errors="replace"), value}))

    def reveal(self, template: str = "{}") -> str:
        """Return *template* filled in with the value, as text whose repr is masked."""
        return _Masked(template.format(self._value))

    def scrub(self, value: Any) -> Any:
        """Return *value* with the secret masked in every text it holds."""
        match value:
            case str():
                for spelling in self._spellings:
                    value = value.replace(spelling, "***")
                return value
            case dict():
                return {self.scrub(key): self.scrub(item) for key, item in _any(value).items()}
            case list():
                return [self.scrub(item) for item in _any(value)]
            case tuple():
                return tuple(self.scrub(item) for item in _any(value))
            case _:
                return value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        msg = "a Secret does not pickle: make the client where it is used"
        raise TypeError(msg)


def _any(value: Any) -> Any:
    """Return *value*: what a container holds is not for a checker to know."""
    return value
