"""The objects of one resource by id: those there were from the start, and what became of them. No HTTP here."""

import json
import threading
from collections.abc import Callable, Iterable, KeysView, Mapping
from functools import cached_property
from typing import Any, Final, Protocol, cast

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.happenings import Happenings
from periskope_async.testing._service.resource import Resource

__all__ = ["Made", "MadeOnce", "Objects"]


#: Of the ids there are, an error names the first: a count.
_SHOWN_IDS: Final = 3


class Made(Protocol):
    """The objects there are before anybody puts anything; they may be made when they are asked for."""

    def ids(self) -> Iterable[str]:
        """Their ids, oldest first."""
        ...

    def body(self, name: str) -> bytes | None:
        """The object as its own page shows it; None for an id that is not one of theirs."""
        ...

    def row(self, name: str) -> bytes:
        """The object, of one of their ids, as a list shows it."""
        ...


class MadeOnce:
    """Objects made all at once, because they are few; not before they are asked for.

    Args:
        resource: what they are.
        make: makes them, by id.
    """

    def __init__(self, resource: Resource, make: Callable[[], Mapping[str, Json]]) -> None:
        self._resource = resource
        self._make = make

    @cached_property
    def _bodies(self) -> dict[str, bytes]:
        return {name: dumps(item) for name, item in self._make().items()}

    def ids(self) -> Iterable[str]:
        """Their ids, oldest first."""
        return self._bodies

    def body(self, name: str) -> bytes | None:
        """The object as its own page shows it; None for an id that is not one of theirs."""
        return self._bodies.get(name)

    def row(self, name: str) -> bytes:
        """The object, of one of their ids, as a list shows it."""
        return dumps(self._resource.row_of(json.loads(self._bodies[name]), None))


class Objects:
    """Objects that can be put, changed and removed. What was put is kept as the bytes that are served.

    Args:
        resource: what they are.
        made: those there are from the start.
        lock: held while what is read is what is written; of the whole service.
        timestamp: the service's time, as it writes it.
    """

    def __init__(self, resource: Resource, made: Made, lock: threading.RLock, timestamp: Callable[[], str]) -> None:
        self.resource = resource
        self._made = made
        self._lock = lock
        self._timestamp = timestamp
        #: Body and row of what was put or changed, by id. What is removed stays here for those who mention it.
        self._kept: dict[str, tuple[bytes, bytes]] = {}
        self._gone: set[str] = set()
        self._ids: tuple[str, ...] | None = None
        #: Is to know of every change. The service puts its own in the place of this one, which nobody hears.
        self.happenings: Happenings = Happenings(lock, timestamp)

    def ids(self) -> tuple[str, ...]:
        """Every object's id, oldest first."""
        with self._lock:
            if self._ids is None:
                made = dict.fromkeys(self._made.ids())
                self._ids = tuple(name for name in (made | self._kept) if name not in self._gone)
            return self._ids

    def body(self, name: str) -> bytes | None:
        """What the object's own page answers; None if it knows no such object."""
        return None if name in self._gone else self.last(name)

    def last(self, name: str) -> bytes | None:
        """The object as it last was, removed or not; None if there never was one."""
        return self.stored(name)

    def stored(self, name: str) -> bytes | None:
        """The object as it is kept, or as it is made."""
        kept = self._kept.get(name)
        return self._made.body(name) if kept is None else kept[0]

    def row(self, name: str) -> bytes:
        """What a list shows of an object that there is."""
        kept = self._kept.get(name)
        return self._made.row(name) if kept is None else kept[1]

    def get(self, name: str) -> Json:
        """The object as its own page shows it.

        Raises:
            KeyError: it knows no such object.
        """
        body = self.body(name)
        if body is None:
            raise KeyError(self._no_such(name))
        return cast("Json", json.loads(body))

    def put(self, item: Json) -> str:
        """Add an object, or replace the one of the same id; its id."""
        name = str(self.resource.object_in(item)[self.resource.id_key])
        kept = dumps(item), dumps(self.resource.row_of(item, self._timestamp()))
        with self._lock:
            before = self._now(name)
            if name in self._gone or self.stored(name) is None:
                self._ids = None
            self._kept[name] = kept
            self._gone.discard(name)
            self._say(name, before)
        return name

    def change(self, name: str, **fields: Any) -> None:
        """Give fields of an object other values. Nothing is checked.

        Raises:
            KeyError: it knows no such object.
        """
        with self._lock:
            item = self.get(name)
            self.resource.object_in(item).update(fields)
            self.put(item)

    def remove(self, name: str) -> None:
        """Forget an object: it answers as if it had never been."""
        with self._lock:
            before = self._now(name)
            self._gone.add(name)
            self._ids = None
            self._say(name, before)

    def _no_such(self, name: str) -> str:
        some, more = self.ids()[:_SHOWN_IDS], len(self.ids()) - _SHOWN_IDS
        there = ", ".join(some) + (f" and {more:,} more" if more > 0 else "") if some else "none"
        return f"no {self.resource.name} has the id {name!r}; there are {there}"

    def _now(self, name: str) -> Json | None:
        """The object, if somebody wants to know what happens to it; None if there is none."""
        body = self.body(name) if self.happenings.listeners else None
        return None if body is None else cast("Json", json.loads(body))

    def _say(self, name: str, before: Json | None) -> None:
        if self.happenings.listeners:
            self.happenings.changed(self.resource.plural, before, self._now(name))

    def put_ids(self) -> KeysView[str]:
        """The ids of all that was put or changed; for these alone `last` is not what there was from the start."""
        return self._kept.keys()
