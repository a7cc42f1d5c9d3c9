"""attrs' `frozen` and `define`, for classes of which a process uses few: attrs makes one when it is first used.

To make a class, attrs writes its methods and has them compiled: 2 to 9 million instructions. Who wants one ticket
imports fifty classes that he does not use. Until then a class has what its body says, its slots, and promises.
"""

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, get_origin

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable

    from attrs import define, frozen  # to checkers they are attrs' own, which they know

__all__ = ["define", "frozen"]

#: What can be asked of a class before it has an instance, or makes one of it. All else follows with these.
_FIRST = ("__attrs_attrs__", "__attrs_props__", "__init__", "__setstate__")


class _Promise:
    """What attrs will have put in this place of a class once somebody looks."""

    __slots__ = ("_make", "_name")

    def __init__(self, name: str, make: "Callable[[], type]") -> None:
        self._name = name
        self._make = make

    def __get__(self, instance: object, owner: type) -> Any:
        made = self._make()
        # `inspect` binds what it finds in a class to that class, as if it were an instance of its type.
        bases = owner.__mro__ if issubclass(owner, made) else made.__mro__
        for base in bases[bases.index(made) :]:
            if (found := vars(base).get(self._name, self)) is not self:
                return found.__get__(instance, owner) if hasattr(found, "__get__") else found
        raise AttributeError(f"type object {owner.__name__!r} has no attribute {self._name!r}", name=self._name)


def _deferred(decorate: "Callable[..., type]", written: type | None = None, /, **options: Any) -> Any:
    """Do as an attrs decorator does, but let it make the class when that is first used.

    Threads that use it at once may each have it made; they put the same in its place, and what is promised last: who
    finds a promise kept finds all of the class.
    """
    if written is None:
        return partial(_deferred, decorate, **options)
    body = {name: value for name, value in vars(written).items() if name not in {"__dict__", "__weakref__"}}

    def make() -> type:
        ours = {name for name, value in vars(cls).copy().items() if type(value) is not _Promise}
        by_attrs = vars(decorate(type(written)(cls.__name__, cls.__bases__, body), **options))
        for name in sorted(by_attrs.keys() - ours, key=promises.__contains__):
            setattr(cls, name, by_attrs[name])
        for name in promises.keys() - ours - by_attrs.keys():
            with suppress(AttributeError):  # another thread was faster
                delattr(cls, name)
        return cls

    promises = {name: _Promise(name, make) for name in _FIRST if name not in body}
    fields = [name for name, annotation in written.__annotations__.items() if _is_field(annotation)]
    slots = [name for name in fields if not any(name in getattr(base, "__slots__", ()) for base in written.__mro__)]
    if not any("__weakref__" in vars(base) for base in written.__mro__[1:]):
        slots.append("__weakref__")
    own = {name: value for name, value in body.items() if name not in fields}
    cls: type = type(written)(
        written.__name__,
        written.__bases__,
        {**own, **promises, "__slots__": tuple(slots), "__qualname__": written.__qualname__},
    )
    _adopt(cls, written)
    return cls


def _is_field(annotation: Any) -> bool:
    origin: Any = get_origin(annotation)
    return origin is not ClassVar


def _adopt(cls: type, written: type) -> None:
    """Have `super()`, in the methods of a class, mean the class that is used and not the one that was written."""
    for value in vars(cls).values():
        function = getattr(value, "__func__", getattr(value, "fget", value))
        for cell in getattr(function, "__closure__", None) or ():
            if cell.cell_contents is written:
                cell.cell_contents = cls


if not TYPE_CHECKING:
    define = partial(_deferred, attrs.define)
    frozen = partial(_deferred, attrs.frozen)
