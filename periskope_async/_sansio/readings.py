"""What was read by id: how old it is, who is reading it now, what a write made doubtful. Pure: times are passed in.

A reading has a key, which is all that decides what comes: what is read, by which id, for which phone. It has a subject
too, the id alone, however it is spelled: a write drops readings by that, for it changes a thing for all who read it.
"""

import json
from collections import OrderedDict
from collections.abc import Hashable, Iterable
from typing import Any, Final, Generic, Protocol, TypeVar, cast
from urllib.parse import parse_qsl, unquote

from attrs import define

from periskope_async._sansio.ids import MAX_ID
from periskope_async._sansio.operation import Request
from periskope_async._sansio.upload import FileBody

__all__ = ["Flight", "Reading", "Readings", "collection_of", "named_by", "subject_of"]


@define
class Reading:
    """What came when something was read.

    Attributes:
        value: what came.
        sent_at: when the request was sent that brought it, seconds.
        subject: the id that it is of.
    """

    value: Any
    sent_at: float
    subject: str


class Flight(Protocol):
    """A request under way that more than one call may wait for.

    Attributes:
        key: of the reading that it will be.
        route: the key, and what else the calls must have in common to share it.
        subject: the id that it is of.
        collection: what the id is in, such as `tickets`.
    """

    key: Hashable
    route: Hashable
    subject: str
    collection: str

    @property
    def sent_at(self) -> float | None:
        """When the request was sent whose answer is awaited, seconds; None while none is."""


F = TypeVar("F", bound=Flight)


class Readings(Generic[F]):
    """What is known of the things that were read, the latest used last, and which requests are under way for them.

    Args:
        size: how many readings to keep at most.
    """

    def __init__(self, size: int) -> None:
        self._size: Final = size
        self._kept: Final[OrderedDict[Hashable, Reading]] = OrderedDict()
        self._keys: Final[dict[str, set[Hashable]]] = {}  # of what is kept, by subject
        self._flights: Final[dict[Hashable, F]] = {}

    def find(self, key: Hashable, oldest: float) -> Reading | None:
        """Return the reading under *key* if it was sent at *oldest* or later. Other threads may change the table."""
        reading = self._kept.get(key)
        if reading is None or not reading.sent_at >= oldest:  # so put, a limit that is not a number finds nothing
            return None
        try:
            self._kept.move_to_end(key)
        except KeyError:  # dropped at this moment
            return None
        return reading

    def flight(self, route: Hashable, oldest: float) -> F | None:
        """Return what is under way there, if what it is to bring was sent at *oldest* or later, or is still to be."""
        flight = self._flights.get(route)
        return None if flight is None or (flight.sent_at is not None and flight.sent_at < oldest) else flight

    def depart(self, flight: F) -> None:
        """Let others find *flight*, in the place of an older one on the same route."""
        self._flights[flight.route] = flight

    def land(self, flight: F, value: Any) -> None:
        """Keep what *flight* brought, unless it was dropped or something newer is kept; nobody finds it any more."""
        known, sent_at = self._kept.get(flight.key), flight.sent_at
        if not self.leave(flight) or sent_at is None or (known is not None and known.sent_at > sent_at):
            return
        self._kept[flight.key] = Reading(value, sent_at, flight.subject)
        self._kept.move_to_end(flight.key)
        self._keys.setdefault(flight.subject, set()).add(flight.key)
        while len(self._kept) > self._size:
            self._forget(next(iter(self._kept)))

    def leave(self, flight: F) -> bool:
        """Let nobody find *flight* any more; return whether anybody could."""
        if self._flights.get(flight.route) is not flight:
            return False
        del self._flights[flight.route]
        return True

    def drop(self, subjects: Iterable[str]) -> None:
        """Forget what is kept of these things, and what flies: it may have seen them as they were before."""
        named = set(subjects)
        for subject in named & self._keys.keys():
            for key in tuple(self._keys[subject]):
                self._forget(key)
        for flight in tuple(self._flights.values()):
            if flight.subject in named or flight.collection in named:
                del self._flights[flight.route]

    def __len__(self) -> int:
        return len(self._kept) + len(self._flights)

    def _forget(self, key: Hashable) -> None:
        subject = self._kept.pop(key).subject
        keys = self._keys[subject]
        keys.discard(key)
        if not keys:
            del self._keys[subject]


def subject_of(resource_id: str) -> str:
    """Return what all spellings of an id have in common, as far as the service might take them for one."""
    return resource_id.strip().casefold().removesuffix("@c.us")


def collection_of(request: Request[Any]) -> str:
    """Return what the thing that a request is about is in: `tickets` of `/tickets/BKT-001`."""
    return request.path.split("/")[1].casefold()


def named_by(request: Request[Any]) -> set[str]:
    """Return the subjects of all things that a write may change: those that it names, wherever it does.

    One whose path names none may make one: then its collection is among them, of which nobody shall be brought what was
    sent before.
    """
    template = request.operation.path.split("/")
    parts = [part for part, name in zip(request.path.split("/"), template, strict=False) if part != name]
    texts = [unquote(part) for part in parts or request.path.split("/")]
    texts += [value for _, value in parse_qsl(request.query)]
    if request.resource_id is not None:
        texts.append(request.resource_id)
    body = request.body.body if isinstance(request.body, FileBody) else request.body
    if body is not None and request.content_type == "application/json":
        texts += _texts(json.loads(body))
    return {subject_of(text) for text in texts if 0 < len(text) <= MAX_ID}


def _texts(json_value: object) -> list[str]:
    """Return every text in a JSON value, names of fields too, however deep it is."""
    found, unread = list[str](), [json_value]
    while unread:
        value = unread.pop()
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            unread += cast("list[object]", value)
        elif isinstance(value, dict):
            fields = cast("dict[str, object]", value)
            unread += [*fields, *fields.values()]
    return found
