"""Limiters that share a file, as processes do, with a clock that stands until it is moved; and real processes' ends."""

import asyncio
import errno
import fcntl
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from struct import unpack_from
from textwrap import dedent

import aiohttp
import pytest

from periskope_async import PeriskopeClient
from periskope_async._io import connections, host_budget, host_file
from periskope_async._io.host_budget import (
    DEFERRED,
    DEMAND,
    LEASE,
    LOCK_AGAIN,
    LOCK_LOST,
    LOOK,
    POLL,
    PROBE_POLL,
    REST,
    HostBudget,
)
from periskope_async._io.host_file import SLOTS_AT, HostFile, UnusableError, file_name, folder_path
from periskope_async._io.limiter import RateLimiter, limiter_for
from periskope_async._sansio import slots
from periskope_async._sansio.ahead import MAX_LEASE
from periskope_async._sansio.circuit import Health
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.ledger_image import LAYOUT
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async._sansio.secret import Secret
from periskope_async._sansio.slots import LAPSE, ON_ITS_WAY, SLOT_SIZE
from periskope_async.testing import FakePeriskope, RateLimitPolicy
from tests.support import ROOT, run_python

KEY = "CANARY-0123456789"
NOISE = Random(1).randbytes(12_000)  # noqa: S311  # repeatable


class Machine:
    """A machine with processes that share a budget, and its clock."""

    def __init__(self, folder: Path) -> None:
        self.now = 1000.0
        self.folder = folder / "budgets"
        self.file = self.folder / "name"
        self.processes: list[RateLimiter] = []

    def start(self, *, chosen: bool = True) -> RateLimiter:
        """Start a process."""
        ledger = Ledger()
        budget = HostBudget(ledger, str(self.folder), "name", lambda: self.now, chosen=chosen)
        process = RateLimiter(ledger, budget)
        self.processes.append(process)
        return process

    def ask(self, process: RateLimiter, *, wanted: float = 1) -> Permit | float:
        return process.admit(self.now, bulk=False, wanted=wanted)

    def send(self, process: RateLimiter) -> Permit:
        permit = self.ask(process)
        assert isinstance(permit, Permit), permit
        return permit

    def send_all(self, process: RateLimiter) -> list[Permit]:
        """Send as many requests as are let go."""
        sent = list[Permit]()
        while isinstance(permit := self.ask(process), Permit):
            sent.append(permit)
        return sent

    def hear(
        self, process: RateLimiter, permit: Permit, used: int | None = None, limit: int = 10, lasts: float = 5.0
    ) -> None:
        """Have a request answered, with how much of the limit is used in a window of so many seconds."""
        reading = None
        if used is not None:
            reading = RateReading(limit, limit - used, lasts, 1.0, None, lasts, length_reported=True)
        process.answer(permit, self.now, reading, Health.GOOD, 0)

    def open_window(self, process: RateLimiter, limit: int = 10, lasts: float = 5.0) -> None:
        self.hear(process, self.send(process), 1, limit, lasts)

    def close(self) -> None:
        for process in self.processes:
            budget_of(process)._close()


def budget_of(process: RateLimiter) -> HostBudget:
    """The budget of a process."""
    assert process._budget is not None
    return process._budget


def is_shared(process: RateLimiter) -> bool:
    """Whether a process has the file."""
    return budget_of(process)._file is not None


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """Make a machine on which nobody has a budget yet."""
    machine = Machine(tmp_path)
    yield machine
    machine.close()


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return what was logged of budgets since it was last asked."""
    caplog.set_level(logging.INFO, "periskope")

    def since() -> list[str]:
        messages = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return messages

    return since


# -- shared -----------------------------------------------------------------------------------------------------------


def test_one_window_for_all(machine: Machine) -> None:
    """Two processes send together what the limit allows; the other one's probe is waited for, and found out soon."""
    one, other = machine.start(), machine.start()
    permit = machine.send(one)
    assert machine.ask(other) == PROBE_POLL
    machine.hear(one, permit, 1)
    assert len(machine.send_all(one)) + len(machine.send_all(other)) == 9
    wait = machine.ask(other)
    assert isinstance(wait, float)
    assert POLL <= wait < 5.0
    assert one.rate_limit(machine.now) == other.rate_limit(machine.now)
    assert other.seconds_for(5, machine.now) == other.earliest(machine.now) - machine.now > 4.0


def test_several_limits(machine: Machine) -> None:
    """Where the service has several limits by name, processes share each of them."""
    one, other = machine.start(), machine.start()
    reading = RateReading(10, 9, 1.0, 1.0, None, 1.0, length_reported=True, name="short")
    reading.further = (RateReading(12, 11, 60.0, 1.0, None, 60.0, length_reported=True, name="long"),)
    one.answer(machine.send(one), machine.now, reading, Health.GOOD, 0)
    machine.now += 2 * DEMAND
    assert len(machine.send_all(other)) == 9
    machine.now += 1.2
    assert len([*machine.send_all(one), *machine.send_all(other)]) == 1  # a probe of the short one
    assert one._ledger.name == other._ledger.name == "short"
    assert [limit.name for limit in one._ledger.further] == ["long"]


def test_a_429_stops_all(machine: Machine) -> None:
    """A pause that one process is ordered is a pause of the others, and of one that starts in it."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    permit = machine.send(other)
    one_pause, _ = other.refuse(permit, machine.now, None, 30.0)
    assert one_pause == 30.0
    assert machine.ask(one) == machine.ask(machine.start()) == 30.0


def test_what_is_not_sent_is_there_for_others(machine: Machine) -> None:
    """A permit that is given back, or whose request was not sent, is anybody's again."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    sent = machine.send_all(one)
    assert machine.send_all(other) == []
    one.withdraw(sent.pop())
    one.lose(sent.pop(), unsent=True, failed=True)
    machine.now += DEMAND * 2
    assert len(machine.send_all(other)) == 2


def test_equal_shares_of_the_first_window(machine: Machine) -> None:
    """Who waited for the first probe's answer has a share of the window that it opens."""
    one, other = machine.start(), machine.start()
    permit = machine.send(one)
    assert machine.ask(other) == PROBE_POLL
    machine.hear(one, permit, 1)
    assert len(machine.send_all(one)) == 4
    assert len(machine.send_all(other)) == 5


def test_answers_are_noted_together(machine: Machine) -> None:
    """Answers that show nothing new wait for the next step of their process, or until it is idle."""
    one, other = machine.start(), machine.start()
    machine.open_window(one, 40)
    permits = machine.send_all(one)
    for position, permit in enumerate(permits[:-1]):
        machine.hear(one, permit, position + 2, 40)
        assert len(budget_of(one)._deferred) <= 16
    assert budget_of(one)._deferred
    machine.now += DEFERRED
    machine.ask(other)
    assert other._ledger.in_flight > 1
    machine.hear(one, permits[-1], 40, 40)
    one.hand_back()
    machine.ask(other)
    assert (other._ledger.in_flight, budget_of(one)._deferred) == (0, [])


def test_answers_are_noted_in_a_step_that_looks_at_the_others(machine: Machine) -> None:
    """Answers that a step notes stay noted where the same step finds that others are to have the rest of the window."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    permits = [machine.send(one) for _ in range(4)]
    assert isinstance(machine.ask(other), Permit)
    machine.now += DEFERRED
    for position, permit in enumerate(permits[:-1]):
        machine.hear(one, permit, position + 3)
    assert len(budget_of(one)._deferred) == 3
    assert machine.ask(one) == POLL
    machine.hear(one, permits[-1], 6)
    one.hand_back()
    assert budget_of(one)._in_flight == 0
    assert one._ledger.in_flight == 1


def test_an_answer_is_not_held_back_for_long(machine: Machine) -> None:
    """An answer that waits for the next step goes with the next answer, if that comes later than a moment."""
    one = machine.start()
    machine.open_window(one)
    first, second, _ = machine.send(one), machine.send(one), machine.send(one)
    machine.hear(one, first, 2)
    assert len(budget_of(one)._deferred) == 1
    machine.now += 1.01 * DEMAND
    machine.hear(one, second, 3)
    assert (one._ledger.in_flight, budget_of(one)._deferred) == (1, [])


@pytest.mark.parametrize(("after", "used", "waits"), [(0.1, 2, True), (4.8, 2, False), (0.1, 1, False), (0.1, 4, True)])
def test_which_last_answer_waits(machine: Machine, after: float, used: int, *, waits: bool) -> None:
    """The last answer waits too, unless its window is about to end, or it shows another one."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    permit = machine.send(one)
    machine.now += after
    machine.hear(one, permit, used)
    assert bool(budget_of(one)._deferred) == waits
    machine.ask(other)
    assert other._ledger.in_flight == 1 + waits


def test_where_others_use_the_key_no_last_answer_waits(machine: Machine) -> None:
    """What is left is only known for sure from answers where clients that share nothing use the key."""
    one = machine.start()
    machine.open_window(one)
    for used in (5, 6):  # of which three are somebody else's
        machine.hear(one, machine.send(one), used)
        one.hand_back()
    machine.hear(one, machine.send(one), 7)
    assert budget_of(one)._deferred == []


def test_answers_of_several_limits_wait(machine: Machine) -> None:
    """An answer that shows nothing new of any limit waits for the next step; permits of all of them are taken ahead."""

    def hear(permit: Permit, used: int, names: tuple[str, ...] = ("short", "long")) -> None:
        readings = [
            RateReading(limit, limit - used, 5.0, 1.0, None, 5.0, length_reported=True, name=name)
            for limit, name in zip((100, 200), names, strict=False)
        ]
        readings[0].further = tuple(readings[1:])
        one.answer(permit, machine.now, readings[0], Health.GOOD, 0)

    one = machine.start()
    hear(machine.send(one), 1)
    hear(machine.send(one), 2)
    assert len(budget_of(one)._deferred) == 1
    permit = machine.send(one)
    while not budget_of(one)._lease:
        machine.now += 0.001
        machine.send(one)
    ahead = machine.send(one)
    assert ahead.at == machine.now
    assert [each.at for each in ahead.further] == [machine.now]
    one.hand_back()
    hear(permit, 3, ("short",))
    hear(ahead, 4, ("long", "short"))
    assert budget_of(one)._deferred == []


def take_ahead(machine: Machine, process: RateLimiter, limit: int = 1000) -> list[Permit]:
    """Open a window and send requests, one soon after the other, until some permits are taken ahead."""
    machine.open_window(process, limit)
    sent = list[Permit]()
    while len(budget_of(process)._lease) < MAX_LEASE - 1:
        machine.now += 0.001
        sent.append(machine.send(process))
    return sent


async def test_permits_are_taken_ahead(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where requests follow each other fast, one step serves several; others know of all when it is done."""
    locks = 0
    lock = HostFile.lock

    def counting(file: HostFile) -> bool:
        nonlocal locks
        locks += 1
        return lock(file)

    monkeypatch.setattr(HostFile, "lock", counting)
    one, other = machine.start(), machine.start()
    machine.open_window(one, 1000)
    for used in range(2, 202):
        machine.now += 0.001
        machine.hear(one, machine.send(one), used, 1000)
    assert locks < 80
    await one.rest()
    limit = other.rate_limit(machine.now)
    assert limit is not None
    assert limit.remaining == 799
    assert budget_of(other)._ledger.in_flight == 0


async def test_a_closed_client_hands_back_at_once(machine: Machine) -> None:
    """What a client has taken ahead, and what it has not said yet, is everybody's once it is closed."""
    one, other = machine.start(), machine.start()
    sent = take_ahead(machine, one)
    for used, permit in enumerate(sent, 2):
        machine.hear(one, permit, used, 1000)
    await one.rest()
    await one.rest()  # there is nothing more
    limit = other.rate_limit(machine.now)
    assert limit is not None
    assert limit.remaining == 1000 - 1 - len(sent)
    assert budget_of(other)._ledger.in_flight == 0


async def test_who_is_idle_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks for nothing more hands back what was taken ahead for it, though it stays open."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with FakePeriskope(rate_limit=RateLimitPolicy(1000, 60.0)) as fake:
        async with fake.client(budget="host") as client:
            while True:  # until permits are taken ahead, and answers wait for the next step
                await client.tickets.get("BKT-001")
                one = budget_of(client._caller.connections.limiter)
                if one._lease and one._deferred:
                    break
            assert one._in_flight > 0
            async with asyncio.timeout(10):
                while one._lease or one._deferred:  # noqa: ASYNC110  # nothing says so
                    await asyncio.sleep(LEASE / 5)
            ledger = Ledger()
            other = HostBudget(ledger, one._folder, one._name)
            with other:
                assert ledger.in_flight == 0
                limit = ledger.rate_limit(other._clock())
            other._close()
            assert limit is not None
            assert limit.remaining == 1000 - fake.calls


def test_who_is_left_without_a_loop_holds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was taken ahead is handed back when the event loop ends, though the client stays open for the next one."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    async def fetch(client: PeriskopeClient) -> None:
        budget = budget_of(client._caller.connections.limiter)
        while not (budget._lease and budget._deferred):
            await client.tickets.get("BKT-001")

    with FakePeriskope(rate_limit=RateLimitPolicy(1000, 60.0)) as fake:
        client = fake.client(budget="host")
        for _ in range(2):
            asyncio.run(fetch(client))
            budget = budget_of(client._caller.connections.limiter)
            assert (budget._lease, budget._deferred, budget._in_flight) == ([], [], 0)
        asyncio.run(client.aclose())


@pytest.mark.parametrize("close", [False, True])
def test_a_borrowed_session_ends_with_its_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, close: bool) -> None:
    """What was taken ahead is handed back too where the session is the application's, whether the client is closed."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    async def fetch(fake: FakePeriskope) -> HostBudget:
        async with aiohttp.ClientSession() as session:
            client = fake.client(budget="host", session=session)
            budget = budget_of(client._caller.connections.limiter)
            while not (budget._lease and budget._deferred):
                await client.tickets.get("BKT-001")
            assert len(connections._lent) == kept + 1
            if close:
                await client.aclose()
            return budget

    kept = len(connections._lent)
    with FakePeriskope(rate_limit=RateLimitPolicy(1000, 60.0)) as fake:
        budget = asyncio.run(fetch(fake))
        assert (budget._lease, budget._deferred, budget._in_flight) == ([], [], 0)
    assert len(connections._lent) == kept  # nothing is kept of the loop that ended


def test_who_has_something_in_flight_says_so(machine: Machine) -> None:
    """A request that takes long counts as long as its process runs; where that is held up, no longer than a moment."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    machine.send(one)
    for _ in range(int(2 * LAPSE / one.idle)):
        machine.now += one.idle
        one.hand_back()
    with budget_of(other):
        assert other._ledger.in_flight == 1
    machine.now += LAPSE + 0.5
    with budget_of(other):
        assert other._ledger.in_flight == 0


def test_a_permit_ahead_does_not_keep(machine: Machine) -> None:
    """A permit that nobody asks for soon is handed back by the next step, for the next call to take anew."""
    process = machine.start()
    take_ahead(machine, process)
    sent = budget_of(process)._in_flight
    machine.now += 1.01 * LEASE
    machine.send(process)
    assert budget_of(process)._lease == []
    assert budget_of(process)._in_flight == sent - (MAX_LEASE - 1) + 1


def test_no_permit_ahead_is_used_in_a_pause(machine: Machine) -> None:
    """Once a process was refused, none sends what it took ahead, nor anything else before the pause ends."""
    one, other = machine.start(), machine.start()
    take_ahead(machine, one)
    other.refuse(machine.send(other), machine.now, None, 3.0)
    assert machine.ask(one) == 3.0
    assert budget_of(one)._lease == []
    machine.now += 3.0
    machine.send(one)
    assert isinstance(machine.ask(other), float)


def test_no_permit_ahead_is_used_after_its_window(machine: Machine) -> None:
    """When a window has ended, one request probes, whatever was taken ahead of it just before."""
    one, other = machine.start(), machine.start()
    machine.open_window(one, 1000)
    window = one._ledger.window
    assert window is not None
    ends_at = window.closes_at
    machine.now = ends_at - LEASE / 2
    while len(budget_of(one)._lease) < MAX_LEASE - 1:
        machine.now += 0.0001
        machine.send(one)
    machine.now = ends_at
    machine.send(one)
    assert budget_of(one)._lease == []
    assert isinstance(machine.ask(one), float)
    assert isinstance(machine.ask(other), float)


def test_a_pause_that_cannot_be_read(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the file cannot be read any more, or is gone, a process goes on alone without what it took ahead."""

    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, "broken")

    one, other = machine.start(), machine.start()
    take_ahead(machine, one)
    monkeypatch.setattr(HostFile, "peek", broken)
    monkeypatch.setattr(HostFile, "read", broken)
    machine.send(one)
    assert (is_shared(one), budget_of(one)._lease) == (False, [])
    monkeypatch.undo()
    machine.now += 6.0
    take_ahead(machine, other)
    budget_of(other)._close()
    machine.send(other)
    assert is_shared(other)


def test_permits_ahead_end_with_their_window(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a process took ahead before it fell silent may have been sent: it counts in one more window, not in two."""
    monkeypatch.setattr(slots, "LAPSE", 60.0)  # so that windows end before
    silent, other = machine.start(), machine.start()
    sent = len(take_ahead(machine, silent))
    for counted in (sent + MAX_LEASE - 1, sent):
        machine.now += 6.0
        machine.open_window(other, 1000)
        limit = other.rate_limit(machine.now)
        assert limit is not None
        assert limit.remaining == 1000 - 1 - counted


def test_permits_ahead_are_of_ones_own_share(machine: Machine) -> None:
    """A process takes ahead no more than half of what it may have, so that the others find theirs."""
    one, other = machine.start(), machine.start()
    machine.open_window(one, 40)
    machine.send(other)
    machine.now += DEFERRED
    for _ in range(19):
        machine.now += 0.001
        assert isinstance(machine.ask(one), Permit)
        budget = budget_of(one)
        assert len(budget._lease) <= max(0, 20 - budget._taken)
    assert len(machine.send_all(other)) == 19


def test_equal_shares(machine: Machine) -> None:
    """Of processes that want more than there is each has its share; who wants no more leaves it to the others."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    sent = machine.send_all(one)  # nobody else wants any
    assert isinstance(machine.ask(other), float)
    for position, permit in enumerate(sent):
        machine.hear(one, permit, position + 2)
    machine.now += 5.0
    assert isinstance(machine.ask(other), float)
    machine.now += 0.1
    machine.open_window(one)
    first = machine.send_all(one)
    assert machine.ask(one) == POLL
    second = machine.send_all(other)
    assert (len(first), len(second)) == (4, 5)
    for process, permits in ((one, first), (other, second)):
        for position, permit in enumerate(permits):
            machine.hear(process, permit, position + 2)
    machine.now += 5.0
    assert isinstance(machine.ask(other), float)
    machine.now += 0.1
    machine.open_window(one)
    assert len(machine.send_all(one)) == 4
    machine.now += DEMAND + 2 * POLL + DEFERRED  # the other one no longer asks
    assert len(machine.send_all(one)) == 5


def test_a_service_without_a_limit(machine: Machine) -> None:
    """A process that hears of no limit leaves the file after its first answer; the first limit brings it back."""
    one, other = machine.start(), machine.start()
    machine.hear(one, machine.send(one))
    assert not is_shared(one)
    machine.hear(other, machine.send(other))
    assert len([machine.send(one) for _ in range(50)]) == 50
    assert not is_shared(one)
    assert budget_of(one).describe() == ("host; not shared, for the service reports no rate limit", True)
    machine.hear(one, machine.send(one), 3)
    machine.send(one)
    assert is_shared(one)
    assert "shared in" in budget_of(one).describe()[0]


def test_nothing_is_made_before_a_limit_is_known(machine: Machine) -> None:
    """Where nobody has chosen, there is nothing on the disk before a rate limit is known, and nothing is shared."""
    process = machine.start(chosen=False)
    machine.hear(process, machine.send(process))
    machine.hear(process, machine.send(process))
    assert not machine.folder.exists()
    assert process.describe_budget() == ("host; not shared, for the service reports no rate limit", True)
    assert budget_of(process)._in_flight == 0
    machine.open_window(process)
    machine.hear(process, machine.send(process), 4)  # others have sent theirs unasked, too: this one probes for all
    assert machine.file.exists()
    assert len(machine.send_all(process)) == 3  # what is in flight may be of others who have sent one unasked
    later = machine.start(chosen=False)
    assert isinstance(machine.ask(later), float)
    assert is_shared(later)


def test_who_has_not_chosen_is_not_bothered(machine: Machine, logged: Callable[[], list[str]]) -> None:
    """Where nobody has chosen and nothing can be shared, each has its own, without a word."""
    machine.folder.write_text("a file")
    process = machine.start(chosen=False)
    machine.open_window(process)
    assert len(machine.send_all(process)) == 9
    assert logged() == []
    assert process.describe_budget() == ("own, for processes cannot share it here: Not a directory", True)


def test_doctor_counts_the_others(machine: Machine) -> None:
    """The description says how many other processes ask for requests now."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    machine.send_all(other)
    machine.now += DEFERRED
    assert budget_of(one).describe() == (f"host, shared in {machine.folder}; other processes at work: 1", True)


def test_the_file_is_the_users_alone_and_without_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folder 0700, file 0600; neither its name nor what is in it shows key or service; each key has its own."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    secret = Secret(KEY)
    limiter = limiter_for("https://a/v1", secret, "host")
    assert limiter is limiter_for("https://a/v1", secret, "host") is not limiter_for("https://a/v1", secret)
    now = host_budget.time.monotonic()
    permit = limiter.admit(now, bulk=False, wanted=1)
    assert isinstance(permit, Permit)
    limiter.answer(permit, now, RateReading(10, 9, 5.0, 1.0), Health.GOOD, 0)
    folder = Path(folder_path())
    assert folder.parent == tmp_path
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    for text in (KEY.encode(), b"https", b"CANARY"):
        assert text not in file.read_bytes() + file.name.encode()
    names = {
        file_name(url, Secret(key), layout)
        for url in ("https://a/v1", "https://b/v1")
        for key in (KEY, KEY + "1", "x" * 300)
        for layout in (LAYOUT, LAYOUT + 1)
    }
    assert len(names) == 12
    assert file.name in names


# -- nothing is worse than alone --------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", bytes(9000), b"\xff" * 9000, NOISE, b"\1\0\0\0" * 500])
def test_a_damaged_file(machine: Machine, content: bytes) -> None:
    """Whatever the file holds, before or midway, the next step makes it whole, and asks the service with one probe."""
    machine.folder.mkdir(0o700)
    machine.file.write_bytes(content)
    machine.file.chmod(0o600)
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    assert machine.send(other)
    machine.file.write_bytes(content)
    machine.now += DEFERRED
    permit = machine.send(one)
    assert machine.ask(other) == PROBE_POLL
    machine.hear(one, permit, 3)
    machine.now += DEFERRED
    sent = machine.send_all(other) + machine.send_all(one)
    assert 1 <= len(sent) <= 7  # what was in flight unknown to the file may count twice, but not go uncounted
    assert is_shared(one)
    assert is_shared(other)


def make_pipe(file: Path) -> None:
    """A pipe, which would let who opens it wait."""
    os.mkfifo(file, 0o600)


def make_link(file: Path) -> None:
    """A link to a file of somebody's choice."""
    (file.parent / "target").touch(0o600)
    file.symlink_to(file.parent / "target")


def make_second_name(file: Path) -> None:
    """A file that has another name too."""
    file.touch(0o600)
    (file.parent / "again").hardlink_to(file)


def open_to_all(file: Path) -> None:
    """A file that others may read."""
    file.touch()
    file.chmod(0o644)


def open_folder(file: Path) -> None:
    """A folder that others may look into."""
    file.parent.chmod(0o755)


def link_folder(file: Path) -> None:
    """A link to a folder of somebody's choice."""
    file.parent.rename(file.parent.with_name("real"))
    file.parent.symlink_to(file.parent.with_name("real"))


def no_folder(file: Path) -> None:
    """A file in the place of the folder."""
    file.parent.rmdir()
    file.parent.touch()


BAD_PLACES = [make_pipe, make_link, make_second_name, open_to_all, open_folder, link_folder, no_folder, Path.mkdir]


@pytest.mark.parametrize("spoil", BAD_PLACES)
def test_a_file_that_is_not_ours_alone(
    machine: Machine, logged: Callable[[], list[str]], spoil: Callable[[Path], None]
) -> None:
    """What others may read or write, or is no plain file, is not used: the process goes on alone, and says so once."""
    machine.folder.mkdir(0o700)
    spoil(machine.file)
    one = machine.start()
    machine.open_window(one)
    assert len(machine.send_all(one)) == 9
    (warning,) = logged()
    assert warning.startswith("budget 'host': this process goes on with a budget of its own: ")
    assert not is_shared(one)
    assert not budget_of(one).describe()[1]
    machine.now += REST
    assert isinstance(machine.ask(one), Permit | float)
    assert logged() == []


def test_another_users_file(machine: Machine, logged: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another user's folder is not used; once it is ours, the process shares again, and says that too."""
    user = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: user + 1)
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    machine.send(one)
    assert "others may read or write it" in budget_of(one).describe()[0]
    monkeypatch.undo()
    machine.now += REST - 0.1
    assert machine.send(one)
    assert not is_shared(one)
    machine.now += 0.1
    permit = machine.send(one)
    machine.hear(one, permit, 4)
    assert is_shared(one)
    assert [message.partition(":")[2] for message in logged()][-1] == " shared again"
    assert machine.send_all(other)


def test_a_full_disk(machine: Machine, logged: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a write that fails nor one that stops midway fails a call; with room again, processes share again."""
    write, failures = os.pwrite, []

    def full(descriptor: int, data: bytes, position: int) -> int:
        failures.append(position)
        if len(failures) % 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data[:7], position)

    one, other = machine.start(), machine.start()
    machine.open_window(other)
    monkeypatch.setattr(os, "pwrite", full)
    for _ in range(4):
        machine.now += 5.2
        machine.open_window(one)
        machine.open_window(other)
    assert len(failures) >= 4
    monkeypatch.undo()
    assert sum("budget of its own" in message for message in logged()) >= 2
    machine.now += REST + 5.2
    machine.open_window(one)
    assert 8 <= len(machine.send_all(one)) + len(machine.send_all(other)) <= 9
    assert is_shared(one)
    assert is_shared(other)


def test_a_file_that_cannot_be_looked_at(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read error in the middle of a step fails no call: the step goes on alone."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    assert isinstance(machine.ask(other), Permit)
    failures = []

    def broken(_: HostFile) -> None:
        failures.append(machine.now)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(HostFile, "is_linked", broken)
    machine.now += LOOK
    assert isinstance(machine.ask(one), Permit)
    assert len(failures) == 1
    assert not is_shared(one)
    assert not budget_of(other).describe()[1]
    assert len(failures) == 2


def test_who_holds_the_lock_was_stopped(machine: Machine, logged: Callable[[], list[str]]) -> None:
    """Requests wait for the lock a moment, then go on alone, and answers at once; what was sent alone counts later."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    sent = [machine.send(one), machine.send(other)]
    with machine.file.open("rb") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        assert machine.ask(one) == LOCK_AGAIN
        machine.hear(one, sent[0], 3)
        assert logged() == []
        machine.now += LOCK_LOST
        alone = [machine.send(one), machine.send(one)]
        assert len(logged()) == 1
        assert "has it locked" in budget_of(one).describe()[0]
        machine.hear(one, alone[0], 4)
    machine.now += DEFERRED
    permit = machine.send(one)
    assert logged() == ["budget 'host': shared again"]
    assert permit.generation == sent[0].generation
    machine.now += 2 * DEMAND
    assert len(machine.send_all(other)) == 4  # of ten: the first, one of each, two alone, one, and these


def test_a_window_that_one_process_saw_alone(machine: Machine) -> None:
    """Who comes back from another window than the others' brings no count of it, and no answer that is meant for it."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    with machine.file.open("rb") as stopped:
        fcntl.flock(stopped, fcntl.LOCK_EX)
        assert machine.ask(one) == LOCK_AGAIN
        machine.now += 5.2
        machine.open_window(one)
        late = [machine.send(one), machine.send(one)]
    machine.open_window(other)
    for permit in late:
        machine.hear(one, permit, 2)
    assert one._ledger.window is not None
    assert one._ledger.window.sent + one._ledger.window.others <= 4


def test_removed_by_who_tidies_up(machine: Machine) -> None:
    """Where the file was removed, processes find each other in a new one."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    machine.hear(other, machine.send(other), 2)
    machine.file.unlink()
    for _ in range(2):
        machine.now += LOOK
        for process in (one, other):
            permit = machine.ask(process)
            if isinstance(permit, Permit):
                machine.hear(process, permit, 5)
    assert machine.file.exists()
    assert one.rate_limit(machine.now) == other.rate_limit(machine.now)
    assert is_shared(one)
    assert is_shared(other)


def test_who_is_silent_has_nothing_in_flight(machine: Machine) -> None:
    """A process that lives and is silent for a minute counts no more; when it speaks again, it does again."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    held = machine.send(one), machine.send(one)
    machine.now += LAPSE
    machine.hear(other, machine.send(other), 1)
    assert other._ledger.in_flight == 2
    machine.now += 1
    machine.send(other)
    assert other._ledger.in_flight == 1
    for permit in held:
        machine.hear(one, permit, 3)
    machine.send(one)
    machine.now += DEFERRED
    machine.ask(other)
    with budget_of(other):
        assert other._ledger.in_flight == sum(budget_of(process)._in_flight for process in (one, other))


def test_a_busy_service_keeps_its_image_fresh(machine: Machine) -> None:
    """What does not change for minutes while somebody asks is no older for that."""
    one = machine.start()
    machine.open_window(one)
    machine.refused = one.refuse(machine.send(one), machine.now, None, 300.0)  # type: ignore[attr-defined]
    for _ in range(20):
        machine.now += 14
        assert isinstance(machine.ask(one), float)
    assert isinstance(machine.ask(machine.start()), float)


def test_more_processes_than_slots(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds no slot goes on alone; the slot of a process that has ended is free."""
    monkeypatch.setattr(host_file, "SLOTS", 1)
    one, other = machine.start(), machine.start()
    machine.open_window(one)
    machine.send(other)
    assert not is_shared(other)
    assert "1 processes use it" in budget_of(other).describe()[0]
    budget_of(one)._close()
    machine.now += REST
    machine.send_all(other)
    assert is_shared(other)


def test_a_name_that_is_too_long(machine: Machine) -> None:
    """A limit with an endless name is not shared; the process goes on alone for good."""
    one = machine.start()
    permit = machine.send(one)
    reading = RateReading(10, 9, 5.0, 1.0, name="x" * 100)
    one.answer(permit, machine.now, reading, Health.GOOD, 0)
    machine.now += 2 * REST
    assert machine.send(one)
    assert not is_shared(one)
    assert "name of a limit" in budget_of(one).describe()[0]


def test_a_loop_with_a_clock_of_its_own(machine: Machine) -> None:
    """A loop in virtual time shares nothing: its times mean nothing to others."""
    one = machine.start()
    assert isinstance(one.admit(machine.now + 3600.0, bulk=False, wanted=1), Permit)
    assert not is_shared(one)
    assert isinstance(one.admit(machine.now + 3600.0, bulk=False, wanted=1), float)
    assert "clock of its own" in budget_of(one).describe()[0]


def test_a_system_without_such_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has nothing to share by, each process has its own budget, and the description says why."""
    monkeypatch.delattr(fcntl, "F_OFD_SETLK")
    limiter = limiter_for("https://none/v1", Secret(KEY), "host")
    assert limiter.describe_budget() == (
        "host, but on its own: this system has no locks that end with their process",
        False,
    )
    assert isinstance(limiter.admit(host_budget.time.monotonic(), bulk=False, wanted=1), Permit)
    assert limiter_for("https://none/v1", Secret(KEY), "auto").describe_budget()[1]


def test_a_system_that_does_not_name_its_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a name for the machine's start no file could be known for one of another start: nothing is shared."""

    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(host_file, "open", missing, raising=False)
    with pytest.raises(UnusableError, match="one start"):
        file_name("https://a/v1", Secret(KEY), LAYOUT)


def test_an_error_inside_a_step_leaves_no_lock(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An interrupt while the file is read leaves neither the thread's lock nor the file's behind."""
    one, other = machine.start(), machine.start()
    machine.open_window(one)

    def interrupted(*_: object) -> bytes:
        raise KeyboardInterrupt

    monkeypatch.setattr(HostFile, "read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        machine.ask(one)
    monkeypatch.undo()
    assert machine.send(other)
    assert machine.send(one)


# -- processes --------------------------------------------------------------------------------------------------------

PROCESS = """
    import sys, time
    from periskope_async._io.host_budget import HostBudget
    from periskope_async._io.limiter import RateLimiter
    from periskope_async._sansio.ledger import Ledger

    ledger = Ledger()
    limiter = RateLimiter(ledger, HostBudget(ledger, sys.argv[1], "name"))
    for _ in range(3):
        limiter.admit(time.monotonic(), bulk=False, wanted=1)
    print(limiter._budget._in_flight, flush=True)
    time.sleep(60)
"""


def test_a_killed_process_has_nothing_in_flight(machine: Machine) -> None:
    """What a process had in flight when it was killed may still reach the service for a moment; then it is nobody's."""
    machine.now = host_budget.time.monotonic()
    one = machine.start()
    machine.open_window(one, lasts=600.0)  # however long the other one takes to start
    with subprocess.Popen(
        [sys.executable, "-c", dedent(PROCESS), str(machine.folder)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "3\n"
            file = budget_of(one)._file
            assert file is not None
            (said_at,) = unpack_from("<d", file.read(), SLOTS_AT + SLOT_SIZE)
            machine.now = said_at + 0.5 * ON_ITS_WAY
            machine.send(one)
            assert one._ledger.in_flight == 4
        finally:
            process.send_signal(signal.SIGKILL)
    machine.now = said_at + 0.9 * ON_ITS_WAY
    machine.send(one)
    assert one._ledger.in_flight == 5
    machine.now = said_at + 1.1 * ON_ITS_WAY
    machine.send(one)
    assert one._ledger.in_flight == 3


def test_a_fork_leaves_the_file_to_the_parent(tmp_path: Path) -> None:
    """A child forked in the middle of a step neither holds the parent's lock nor its slot, and has its own."""
    done = run_python(
        f"""
        import os, time
        from periskope_async._io.limiter import limiter_for
        from periskope_async._sansio.secret import Secret

        os.environ["TMPDIR"] = {str(tmp_path)!r}
        limiter = limiter_for("https://a/v1", Secret("key"), "host")
        limiter.admit(time.monotonic(), bulk=False, wanted=1)
        unused = limiter_for("https://b/v1", Secret("key"), "host")
        with limiter._budget:
            child = os.fork()
            if not child:
                assert limiter._budget._file is None
                mine = limiter_for("https://a/v1", Secret("key"), "host")
                assert mine is not limiter
                until = time.monotonic() + 20
                while not mine._budget._locked and time.monotonic() < until:  # the parent has it yet
                    wait = mine.admit(time.monotonic(), bulk=False, wanted=1)
                print(mine._budget._file.slot, mine._ledger.in_flight - mine._budget._in_flight, flush=True)
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        print(limiter._budget._file.slot, limiter._ledger.in_flight, flush=True)
        """
    )
    assert (done.stdout, done.stderr) == ("1 1\n0 1\n", "")


def test_slots_lie_behind_the_image() -> None:
    """A slot is where no image reaches."""
    assert SLOTS_AT >= 1870
