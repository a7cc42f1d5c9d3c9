"""The table of readings: what is fresh, what a write drops, what leaves first. No clock, no loop."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import define
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from periskope_async._sansio.operation import Operation, Request
from periskope_async._sansio.readings import Readings, collection_of, named_by, subject_of
from periskope_async._sansio.upload import FileBody
from periskope_async.resources import chats, contacts, messages, tickets

SIZE = 3
SUBJECTS = st.sampled_from(["a", "b", "c", "d", "e"])
PHONES = st.sampled_from(["", "1"])


@define(eq=False)
class Flying:
    """A request under way."""

    key: tuple[str, str]
    route: tuple[str, str]
    subject: str
    collection: str = "things"
    sent_at: float | None = None


def flying(subject: str, sent_at: float | None = None, phone: str = "") -> Flying:
    """Return a request under way for *subject*."""
    return Flying((subject, phone), (subject, phone), subject, sent_at=sent_at)


def table(size: int = SIZE) -> Readings[Flying]:
    """Return an empty table."""
    return Readings(size)


def kept(readings: Readings[Flying], subject: str, sent_at: float, value: str = "value", phone: str = "") -> Flying:
    """Have *readings* keep something of *subject*."""
    flight = flying(subject, sent_at, phone)
    readings.depart(flight)
    readings.land(flight, value)
    return flight


class Machine(RuleBasedStateMachine):
    """Departs, lands, finds and drops, beside the plainest model of it: a list of all that landed, the newest use last.

    The clock goes on with every step.
    """

    def __init__(self) -> None:
        super().__init__()
        self.readings = table()
        self.now = 0.0
        self.kept: list[tuple[tuple[str, str], float, object]] = []
        self.flights: dict[tuple[str, str], Flying] = {}
        self.landing: list[Flying] = []

    def tick(self) -> float:
        self.now += 1.0
        return self.now

    @rule(subject=SUBJECTS, phone=PHONES)
    def depart(self, subject: str, phone: str) -> None:
        """A request begins, and waits to be sent."""
        flight = flying(subject, None, phone)
        self.readings.depart(flight)
        self.flights[flight.route] = flight
        self.landing.append(flight)

    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        """A request is sent, for the first time or again."""
        if self.landing:
            data.draw(st.sampled_from(self.landing)).sent_at = self.tick()

    @rule(data=st.data())
    def land(self, data: st.DataObject) -> None:
        """A request that was sent is answered: kept if nothing dropped or replaced it, and none newer is kept."""
        sent = [flight for flight in self.landing if flight.sent_at is not None]
        if not sent:
            return
        flight = data.draw(st.sampled_from(sent))
        self.landing.remove(flight)
        value = object()
        self.readings.land(flight, value)
        if self.flights.get(flight.route) is not flight or flight.sent_at is None:
            return
        del self.flights[flight.route]
        if any(key == flight.key and sent_at > flight.sent_at for key, sent_at, _ in self.kept):
            return
        self.kept = [entry for entry in self.kept if entry[0] != flight.key]
        self.kept = [*self.kept, (flight.key, flight.sent_at, value)][-SIZE:]

    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """A request fails, or all who waited for it left: nobody finds it, nothing is kept."""
        if self.landing:
            flight = data.draw(st.sampled_from(self.landing))
            self.landing.remove(flight)
            assert self.readings.leave(flight) == (self.flights.get(flight.route) is flight)
            if self.flights.get(flight.route) is flight:
                del self.flights[flight.route]

    @rule(subjects=st.lists(SUBJECTS, max_size=2))
    def write(self, subjects: list[str]) -> None:
        """A write ends."""
        self.readings.drop(subjects)
        self.kept = [entry for entry in self.kept if entry[0][0] not in subjects]
        self.flights = {route: each for route, each in self.flights.items() if each.subject not in subjects}

    @rule(subject=SUBJECTS, phone=PHONES, max_age=st.sampled_from([0.5, 2.0, 5.0, 100.0]))
    def find(self, subject: str, phone: str, max_age: float) -> None:
        """Somebody asks: what is found is the newest that landed and was not dropped, and no older than allowed."""
        key, oldest = (subject, phone), self.tick() - max_age
        found = self.readings.find(key, oldest)
        expected = [entry for entry in self.kept if entry[0] == key and entry[1] >= oldest]
        assert [found.value] == [entry[2] for entry in expected] if found else not expected
        self.kept = [entry for entry in self.kept if entry not in expected] + expected
        under_way = self.flights.get(key)
        joined = self.readings.flight(key, oldest)
        if under_way is not None and (under_way.sent_at is None or under_way.sent_at >= oldest):
            assert joined is under_way
        else:
            assert joined is None

    @invariant()
    def bounded(self) -> None:
        """No more is kept than its size, and nothing that nobody finds."""
        assert len(self.readings) == len(self.kept) + len(self.flights)
        assert {key for keys in self.readings._keys.values() for key in keys} == {entry[0] for entry in self.kept}


TestMachine = Machine.TestCase


@pytest.mark.parametrize("age", [float("nan"), -1.0])
def test_an_age_that_is_none_finds_nothing(age: float) -> None:
    """An age that nothing can have is not taken for any."""
    readings = table()
    kept(readings, "a", 5.0)
    assert readings.find(("a", ""), 5.0 - age) is None


def test_a_reading_that_another_thread_drops_is_not_found() -> None:
    """Between finding a reading and noting its use, another thread may drop it: then nothing is found."""
    readings = table()
    kept(readings, "a", 1.0)

    class Slow(str):
        """Is hashed when it is looked for, and again when its use is noted."""

        __slots__ = ()
        hashed = 0

        def __hash__(self) -> int:
            Slow.hashed += 1
            if Slow.hashed == 2:
                readings.drop(["a"])
            return super().__hash__()

    assert readings.find((Slow("a"), ""), 0.0) is None
    assert Slow.hashed == 2
    assert not readings


@pytest.mark.parametrize("spelling", ["919876500001", "919876500001@c.us", " 919876500001@C.US "])
def test_spellings_of_an_id_are_one_subject(spelling: str) -> None:
    """A write drops what was read, in whatever way either spells the id."""
    assert subject_of(spelling) == "919876500001"


def custom(method: str, path: str, **values: Any) -> Request[Any]:
    """Return a request that no resource makes."""
    return Request(Operation("request", method, path, None, idempotent=True), path, **values)


WITH_FILE = FileBody(b'{"chat_id": "1@c.us", "media": {"filename": "file.pdf", "filedata": ""}}', 0, tuple, print)

WRITES: dict[str, tuple[Callable[[], Request[Any]], set[str]]] = {
    "a field": (lambda: tickets.UPDATE.request(ticket_id="BKT-1", body={"status": "closed"}), {"bkt-1", "closed"}),
    "a quoted id": (lambda: tickets.UPDATE.request(ticket_id="B/1", body={}), {"b/1"}),
    "one thing below another": (lambda: chats.MARK_READ.request(chat_id="91987@c.us"), {"91987"}),
    "many in the body": (
        lambda: chats.UPDATE_LABELS.request(body={"chat_ids": ["1@c.us", "2@g.us"], "labels": "vip"}),
        {"chats", "labels", "1", "2@g.us", "vip"},
    ),
    "a new one": (lambda: contacts.CREATE.request(body={"contact_id": "91987"}), {"contacts", "create", "91987"}),
    "keys of an object": (lambda: messages.SEND.request(body={"chat_id": "1", "x": {"2": [3, None]}}), {"1", "2"}),
    "no id is so long": (lambda: messages.SEND.request(body={"chat_id": "1", "message": "m" * 300}), {"1"}),
    "the query": (lambda: custom("DELETE", "/chats", query="chat_id=1%40c.us"), {"chats", "1"}),
    "any path": (lambda: custom("PATCH", "/tickets/BKT-1"), {"tickets", "bkt-1"}),
    "beside a file": (lambda: custom("POST", "/message/send", body=WITH_FILE), {"1", "file.pdf"}),
    "a body that is not JSON": (lambda: custom("POST", "/x", body=b"\x00", content_type="a/b", resource_id="7"), {"7"}),
}


@pytest.mark.parametrize("name", WRITES)
def test_what_a_write_names(name: str) -> None:
    """A write drops all that it names: in its path, its query, or anywhere in its body, under whatever name."""
    build, expected = WRITES[name]
    assert named_by(build()) >= expected
    assert all(len(text) <= 256 for text in named_by(build()))


def test_a_write_of_one_thing_names_its_collection_not() -> None:
    """A write with an id in its path makes nothing new, so what flies of other things goes on."""
    assert "tickets" not in named_by(tickets.UPDATE.request(ticket_id="BKT-1", body={}))
    assert collection_of(tickets.GET.request(ticket_id="BKT-1")) == "tickets"


def test_what_is_made_is_not_awaited_from_before() -> None:
    """A create drops what flies of its collection: it may bring a 404 for what now exists. What is kept stays."""
    readings = table()
    kept(readings, "a", 1.0)
    flight = flying("b")
    readings.depart(flight)
    readings.drop(["things"])
    assert readings.flight(flight.route, 0.0) is None
    assert readings.find(("a", ""), 0.0) is not None


def test_what_goes_leaves_other_readings_of_the_same_thing() -> None:
    """A thing that was read for two phones is still dropped for one when the other had to go."""
    readings = table(2)
    for subject, phone in (("a", ""), ("a", "1"), ("b", "")):
        kept(readings, subject, 1.0, phone=phone)
    assert readings.find(("a", ""), 0.0) is None
    readings.drop(["a"])
    assert readings.find(("a", "1"), 0.0) is None
    assert readings.find(("b", ""), 0.0) is not None


def test_a_table_without_room_keeps_nothing() -> None:
    """With a size of 0, requests are shared and nothing is kept."""
    readings = table(0)
    kept(readings, "a", 1.0)
    assert not readings
