"""`periskope events`: what happens, as lines and as JSON, until Ctrl-C."""

import json
import os
import re
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from periskope_async.cli.commands import events as command
from periskope_async.testing import FakePeriskope
from tests.cli.conftest import Command

pytest.importorskip("socketio", reason="python-socketio is not installed")

TAKES = Callable[[int], None]


@pytest.fixture
def ends_after(monkeypatch: pytest.MonkeyPatch) -> TAKES:
    """Press Ctrl-C once so many events are printed."""
    show = command._print

    def ends(count: int) -> None:
        left = [count]

        def counted(*args: Any) -> None:
            show(*args)
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(command, "_print", counted)

    return ends


@pytest.fixture
def happens(fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Have something happen each time that somebody connects."""
    welcome = fake.socket.welcome

    def have(action: Callable[[], None]) -> None:
        def welcomed(peer: Any) -> None:
            welcome(peer)
            action()

        monkeypatch.setattr(fake.socket, "welcome", welcomed)

    return have


def test_lines(periskope: Command, fake: FakePeriskope, happens: Any, ends_after: TAKES) -> None:
    """Each event is a line with its type and what it is about; a gap says from when to when; Ctrl-C is no failure."""

    def act() -> None:
        fake.change("BKT-002", subject="Changed")
        fake.socket.emit("new\x1btoday", 1)
        fake.socket.drop()

    happens(act)
    ends_after(5)
    code, out, err = periskope("events")
    # More may be printed before Ctrl-C takes effect.
    first, second, gap, again, *_ = (line[10:] for line in out.splitlines())
    assert code == 0
    assert err == "Listening. Ctrl-C ends it.\n"
    assert (first, second) == ("ticket.updated  BKT-002", "new\N{REPLACEMENT CHARACTER}today")
    assert gap.startswith("gap  events may be missing from ")
    assert again == "new\N{REPLACEMENT CHARACTER}today"  # no change, no event


def test_json_lines(periskope: Command, fake: FakePeriskope, happens: Any, ends_after: TAKES) -> None:
    """As JSON, each is an object in a line, with what the service sent; of other types nothing is shown but gaps."""

    def act() -> None:
        fake.socket.emit("message.created", {"message_id": "m"})
        fake.change("BKT-002", subject="Größer")
        fake.socket.send('451-["ticket.x",{"_placeholder":true,"num":0}]')
        fake.socket.send("bAAE=")
        if fake.socket.counts["connected"] == 1:
            fake.socket.flood(2_000, "ticket.flood", 1)

    happens(act)
    ends_after(900)  # more may be printed before Ctrl-C takes effect
    code, out, _ = periskope("events", "--type", "ticket.*", "--type", "x", "--output", "jsonl")
    lines = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [line["event"] for line in lines[:3]] == ["ticket.updated", "ticket.x", "ticket.flood"]
    assert lines[0]["data"] == fake.get("BKT-002")
    assert lines[0]["key"].endswith(":BKT-002")
    assert lines[1]["data"] == {"data": "b'\\x00\\x01'"}
    assert {line["event"] for line in lines} == {"ticket.updated", "ticket.x", "ticket.flood"} | {
        line["event"] for line in lines if line.keys() == {"event", "since", "until", "dropped"}
    }


def test_json(periskope: Command, fake: FakePeriskope, happens: Any, ends_after: TAKES) -> None:
    """As `json`, it is spread over lines, to be read by people; a gap has its own form."""
    happens(fake.socket.drop)
    ends_after(1)
    code, out, _ = periskope("events", "--output", "json")
    gap, _ = json.JSONDecoder().raw_decode(out)
    assert code == 0
    assert out.startswith('{\n  "event": "gap",\n')
    assert (gap["event"], gap["dropped"], gap["since"] <= gap["until"]) == ("gap", 0, True)


def test_backfill(periskope: Command, fake: FakePeriskope, happens: Any, ends_after: TAKES) -> None:
    """What a backfill found is marked."""
    quiet: Any = fake._service.state.happenings

    def act() -> None:
        if fake.socket.counts["connected"] == 1:
            listeners, quiet.listeners = quiet.listeners, ()
            fake.change("BKT-002", subject="Missed")
            quiet.listeners = listeners
            fake.socket.drop()

    happens(act)
    ends_after(2)
    code, out, _ = periskope("events", "--backfill", "tickets")
    assert code == 0
    assert out.splitlines()[1][10:] == "ticket.updated  BKT-002  backfill"


def test_how_many_are_missing() -> None:
    """A gap of events that came too fast says how many."""
    from datetime import UTC, datetime

    from periskope_async.events import Gap

    now = datetime.now(UTC)
    assert command._line(Gap(now, now, dropped=1_234)).endswith(", 1,234 of them because they came too fast")


def test_a_type_that_may_be_misspelled(
    periskope: Command, happens: Any, ends_after: TAKES, fake: FakePeriskope
) -> None:
    """A type or pattern that fits no event known here is named, and waited for: the service may have it tomorrow."""
    happens(lambda: fake.socket.emit("ticket.create", 1))
    ends_after(1)
    code, out, err = periskope("events", "--type", "ticket.create", "--type", "t?cket.*", "--type", "gap")
    assert (code, out.splitlines()[0][10:]) == (0, "ticket.create")
    assert err.splitlines()[0] == (
        "ticket.create: this version knows no such event; did you mean ticket.created? It is waited for all the same."
    )
    assert len(err.splitlines()) == 2


def test_a_gap_by_the_clock_of_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A gap says seconds, in the time zone that the line begins with; of another day, with the day."""
    from datetime import UTC, datetime, timedelta

    from periskope_async.events import Gap

    monkeypatch.setenv("TZ", "Asia/Kolkata")
    time.tzset()
    now = datetime.now(UTC)
    line = command._line(Gap(datetime(2026, 1, 31, 20, 0, 1, tzinfo=UTC), now))
    assert re.fullmatch(r"gap  events may be missing from 2026-02-01 01:30:01 to \d\d:\d\d:\d\d", line)
    assert line.endswith((now + timedelta(hours=5.5)).strftime("%H:%M:%S"))


def test_refused(run: Command, fake: FakePeriskope) -> None:
    """A key that is refused is said as everywhere, with its exit code."""
    code, out, err = run("events", "--base-url", fake.base_url, "--api-key", "no", "--retries", "0")
    assert (code, out) == (3, "")
    assert "The service refused the key." in err
