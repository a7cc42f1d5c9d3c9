"""Classes that attrs makes when they are first used: they are what attrs' own would be, and few are made."""

import copy
import inspect
import pickle
import weakref
from typing import Any, ClassVar

import attrs
import pytest

from periskope_async import _deferred
from periskope_async._deferred import define, frozen
from tests.support import run_python


class Base:
    """What the points below rest on."""

    __slots__ = ()

    def where(self) -> str:
        """Return where it is."""
        return "base"


def written(decorate: Any) -> Any:
    """Return a class with what ours have: a default, a field of its own repr, a constant, methods, `super()`."""

    @decorate(kw_only=True)
    class Point(Base):
        """A point."""

        unit: ClassVar[str] = "cm"
        x: int
        y: int = attrs.field(default=7, repr=hex, metadata={"key": "Y"})

        def where(self) -> str:
            return f"{super().where()} at {self.x}"

        @classmethod
        def at(cls, x: int) -> Any:
            return cls(x=x)

        @property
        def total(self) -> int:
            return self.x + self.y

        def maker(self) -> object:
            return decorate

    return Point


def is_made(cls: type) -> bool:
    """Say whether attrs has made a class."""
    return type(vars(cls)["__attrs_attrs__"]) is not _deferred._Promise


@frozen
class Kept:
    """At the top of a module, where pickle finds it."""

    name: str


@pytest.mark.parametrize(("ours", "theirs"), [(frozen, attrs.frozen), (define, attrs.define)], ids=["frozen", "define"])
def test_a_class_is_what_attrs_makes_of_it(ours: Any, theirs: Any) -> None:
    """Fields, signature, repr, equality, hash, slots and methods are the same; nothing is made before it is wanted."""
    cls, twin = written(ours), written(theirs)
    assert not is_made(cls)
    assert (cls.__name__, cls.__qualname__, cls.__module__) == (twin.__name__, twin.__qualname__, twin.__module__)
    assert (cls.__doc__, cls.unit) == (twin.__doc__, twin.unit)
    assert cls.__slots__ == twin.__slots__
    assert not is_made(cls)
    assert inspect.signature(cls) == inspect.signature(twin)
    assert is_made(cls)
    assert attrs.fields(cls) == attrs.fields(twin)
    assert vars(cls).keys() == vars(twin).keys()
    point = cls(x=1)
    assert repr(point) == repr(twin(x=1))
    assert point == cls.at(1) != cls(x=2)
    assert (point.where(), point.total, point.maker(), weakref.ref(point)()) == ("base at 1", 8, ours, point)
    assert (cls.__hash__ is None) is (twin.__hash__ is None)
    assert attrs.evolve(point, y=8) == cls(x=1, y=8) != point
    assert copy.copy(point) == point
    for each in (point, twin(x=1)):
        if ours is frozen:
            with pytest.raises(attrs.exceptions.FrozenInstanceError):
                each.x = 3
        else:
            each.x = 3
        with pytest.raises(AttributeError):
            each.z = 3


def first_uses() -> dict[str, Any]:
    """Return what may be done to a class first."""
    state = pickle.dumps(Kept("a")).replace(b"Kept", b"Late")
    return {
        "an instance": lambda: Late("a"),
        "its fields": lambda: attrs.fields(Late),
        "whether it is one of attrs'": lambda: attrs.has(Late),
        "a pickle from another process": lambda: pickle.loads(state),  # noqa: S301  # made above
        "a subclass of attrs'": lambda: attrs.frozen(type("Sub", (Late,), {"__annotations__": {"more": int}})),
        "a subclass that adds to __init__": lambda: initialised_later(Late),
    }


def initialised_later(cls: Any) -> None:
    """Make an instance of a subclass whose `__init__` calls that of its base."""
    type("Sub", (cls,), {"__init__": lambda self: cls.__init__(self, "a")})()


Late: Any = None


@pytest.mark.parametrize("use", first_uses())
def test_a_first_use_of_any_kind_has_it_made(use: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is done to a class first finds it as if attrs had made it at once."""

    @frozen
    class Late:
        name: str

    Late.__qualname__ = "Late"
    monkeypatch.setitem(globals(), "Late", Late)
    assert not is_made(Late)
    first_uses()[use]()
    assert is_made(Late)
    assert repr(Late("a")) == "Late(name='a')"


def test_what_a_class_defines_itself_is_kept() -> None:
    """A method of its own stays, and what attrs does not add for that is missing, also to a thread that comes late."""

    @define
    class Own:
        x: int

        def __init__(self) -> None:
            self.__attrs_init__(5)  # type: ignore[attr-defined]  # mypy looks for it in attrs' own alone

        def __getstate__(self) -> object:
            return self.x

    late = vars(Own)["__setstate__"]
    assert not hasattr(Own, "__setstate__")
    with pytest.raises(AttributeError, match="__setstate__"):
        late.__get__(None, Own)
    assert repr(Own()).endswith("Own(x=5)")


def test_a_first_ticket_has_few_classes_made() -> None:
    """One ticket in a new process has attrs make its own classes and those of a call, and none of lists or hooks."""
    code = """
        import asyncio, os, sys
        from periskope_async import PeriskopeClient
        from periskope_async.testing import FakePeriskope
        async def main():
            async with PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
                await client.tickets.get("BKT-001")
        with FakePeriskope(tickets=1) as fake:
            asyncio.run(main())
        found = {
            cls
            for name, module in list(sys.modules.items())
            if name.startswith("periskope_async.") and not name.startswith("periskope_async.testing")
            for cls in vars(module).values()
            if isinstance(cls, type) and "__attrs_attrs__" in vars(cls) and cls.__module__ == name
        }
        promised = {cls for cls in found if type(vars(cls)["__attrs_attrs__"]).__name__ == "_Promise"}
        print(*sorted(cls.__name__ for cls in found - promised))
        print(*sorted(cls.__name__ for cls in promised))
    """
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    made, promised = (set(line.split()) for line in done.stdout.splitlines())
    of_tickets = {"Model", "TicketInfo", "Ticket", "ChatInfo", "ChatMember", "_ContactDetails", "MessageInfo"}
    of_codec = {"WireField"}
    of_requests = {"Settings", "Operation", "Request", "Content", "Call", "Response", "FailedAttempt", "RetryBudget"}
    of_limits = {"CircuitBreaker", "Ledger", "Limit", "Permit", "RateLimit", "RateReading", "Reading", "Rule", "Window"}
    assert made == of_tickets | of_codec | of_requests | of_limits
    assert {"Chat", "Message", "TicketPage", "TicketRow", "Page", "Hooks", "ResponseEvent", "BulkResult"} <= promised
