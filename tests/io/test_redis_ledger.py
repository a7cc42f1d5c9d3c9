"""A ledger in Redis, with a store that answers when a test says so, and a clock that stands until it is moved."""

import logging
import threading
from typing import Any

import pytest

from periskope_async._io.host_budget import HostBudget
from periskope_async._io.redis_ledger import RedisLedger
from periskope_async._io.redis_script import TIMEOUT
from periskope_async._io.redis_steps import ATTEMPTS, BEAT, BULK_PATIENCE, PATIENCE
from periskope_async._sansio.circuit import Health
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async._sansio.remote_clock import RemoteClock
from periskope_async._sansio.shared_ledger import SharedLedger
from periskope_async._sansio.shared_slots import LAPSE


class Store:
    """Holds transactions back until it is asked for them."""

    def __init__(self) -> None:
        self.kicks = 0
        self.delay = -1.0
        self.problem: Exception | None = None

    def kick(self, delay: float) -> None:
        assert delay >= 0
        self.kicks += 1
        self.delay = delay
        if self.problem is not None:
            raise self.problem

    async def rest(self) -> None:
        """Nothing is open."""

    def finish(self) -> None:
        """Nothing is due."""


class Bench:
    """A ledger without a budget of the machine, and its clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.store = Store()
        self.ledger = RedisLedger(SharedLedger(), "name", "redis://cache", clock=lambda: self.now)
        self.ledger.store = self.store

    def ask(self, *, bulk: bool = False) -> Permit | float:
        return self.ledger.admit(self.now, bulk=bulk, wanted=0)

    def run(self, *answers: Any) -> int:
        """Run a transaction; return how many commands it sent."""
        transaction = self.ledger._transaction()
        sent = 0
        try:
            next(transaction)
            sent += 1
            for answer in answers:
                transaction.send(answer)
                sent += 1
        except StopIteration:
            return sent
        transaction.close()
        return sent


EMPTY = (0, "", "0", "0", "", [], 0)
STORED = (1, "version", "0", "0", "", [], 0)
OVERTAKEN = (2, "version", "0", "0", "", [], 0)


@pytest.fixture
def bench() -> Bench:
    """Make a ledger."""
    return Bench()


def test_who_waits_for_redis_waits_not_for_long(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """A first request waits for an answer; if none comes in time, it goes; what comes then is shared again."""
    assert bench.ask() == PATIENCE
    bench.now += PATIENCE / 2
    assert bench.ask() == PATIENCE / 2
    bench.now += PATIENCE
    assert isinstance(bench.ask(), Permit)
    assert bench.ledger.describe() == ("redis, but on its own: it does not answer in time", False)
    assert bench.run(EMPTY, STORED) == 2
    assert bench.ledger.describe()[1]
    assert [record.getMessage() for record in caplog.records] == [
        "budget 'redis': this process goes on on its own: it does not answer in time",
        "budget 'redis': shared again",
    ]


def test_a_bulk_run_waits_longer(bench: Bench) -> None:
    """A bulk run waits for Redis for seconds, unless a single call waits too: that takes the process with it."""
    assert bench.ask(bulk=True) == BULK_PATIENCE
    bench.now += 2 * PATIENCE
    assert bench.ask(bulk=True) == BULK_PATIENCE - 2 * PATIENCE
    assert isinstance(bench.ask(), Permit)
    assert not bench.ledger.describe()[1]


def test_an_answer_that_is_late_is_asked_for_again(bench: Bench) -> None:
    """A step that was taken, but whose answer came too late, is not taken twice: its version tells."""
    bench.ask()
    transaction = bench.ledger._transaction()
    next(transaction)
    first = transaction.send(EMPTY)
    bench.now += TIMEOUT
    again = transaction.throw(TimeoutError())
    assert again[0] == "EVAL"
    assert again[3:] == first[3:]  # the script goes out whole, with the same step
    version = again[8]
    with pytest.raises(StopIteration):
        transaction.send((0, version, "0", "0", "", [], 0))
    assert bench.ledger.ledger.joined
    assert isinstance(bench.ask(), Permit)


def test_a_late_step_that_others_have_written_after(bench: Bench) -> None:
    """It counts, and what it leased is handed back by the next one, which leases anew."""
    bench.ask()
    assert bench.run(EMPTY, OVERTAKEN) == 2
    assert bench.ledger.ledger.joined
    assert len(bench.ledger.ledger._returns) == 1
    assert isinstance(bench.ask(), float)
    bench.run(STORED)
    assert not bench.ledger.ledger._returns
    assert isinstance(bench.ask(), Permit)


def test_a_step_that_is_taken_after_its_process_has_parted(bench: Bench) -> None:
    """Who went on alone while a step was on its way counts what it was granted for nothing, and joins by another."""
    bench.ask()
    transaction = bench.ledger._transaction()
    next(transaction)
    transaction.send(EMPTY)
    bench.now += PATIENCE
    assert isinstance(bench.ask(), Permit)
    assert not bench.ledger.describe()[1]
    assert transaction.send(STORED)[0] == "EVALSHA"
    assert not bench.ledger.describe()[1]
    with pytest.raises(StopIteration):
        transaction.send(STORED)
    assert bench.ledger.describe()[1]


def test_answers_that_are_always_late(bench: Bench) -> None:
    """As long as calls wait it is asked again, and no longer."""
    bench.ask()
    transaction = bench.ledger._transaction()
    next(transaction)
    for _ in range(round(PATIENCE / TIMEOUT) - 1):
        bench.now += TIMEOUT
        assert transaction.throw(TimeoutError("late"))[0] == "EVAL"
    bench.now += TIMEOUT
    with pytest.raises(StopIteration):
        transaction.throw(TimeoutError("late"))
    assert bench.ledger.describe() == ("redis, but on its own: TimeoutError: late", False)


def test_who_has_requests_in_flight_says_so(bench: Bench) -> None:
    """As long as an answer is waited for, Redis hears of it now and then; afterwards no more."""
    bench.ask()
    bench.run(EMPTY, STORED)
    assert isinstance(bench.ask(), Permit)
    assert bench.run(STORED) == 1
    assert bench.store.delay == BEAT < LAPSE / 3
    bench.ledger.ledger.own = 0
    bench.store.delay = -1.0
    bench.run(STORED)
    assert bench.store.delay == -1.0


async def test_a_transaction_that_is_interrupted(bench: Bench) -> None:
    """Where the loop ends in the middle, calls go on; after the last call nobody has to know."""
    bench.ask()
    assert bench.run() == 1
    assert bench.ledger.describe() == ("redis, but on its own: it was interrupted", False)
    quiet = Bench()
    quiet.ask()
    await quiet.ledger.rest()
    quiet.run()
    assert quiet.ledger.describe()[1]


def test_nothing_to_run_it(bench: Bench) -> None:
    """Where no thread starts, as when the interpreter exits, calls go on at once."""
    bench.store.problem = RuntimeError("can't start new thread")
    bench.ask()
    assert isinstance(bench.ask(), Permit)
    assert bench.ledger.describe() == ("redis, but on its own: nothing runs it", False)


def test_others_that_are_always_faster(bench: Bench) -> None:
    """Who loses every time lets the others go on, and asks again a little later."""
    bench.ask()
    lost = [(0, f"v{number}", "0", "0", "", [], 0) for number in range(ATTEMPTS)]
    assert bench.run(*lost) == ATTEMPTS
    wait = bench.ask()
    assert isinstance(wait, float)
    assert 0 < wait < 0.1


def test_a_lost_step_whose_version_came_back(bench: Bench) -> None:
    """What was not written does not count, whatever version is there."""
    bench.ask()
    assert bench.run(EMPTY, EMPTY, STORED) == 3
    assert isinstance(bench.ask(), Permit)


def test_what_is_taken_ahead_is_handed_back(bench: Bench) -> None:
    """It costs a step, at once; where there is nothing to hand back, or nobody to hand it to, none."""
    bench.ask()
    bench.run(EMPTY, STORED)
    kicks = bench.store.kicks
    bench.ledger.hand_back()
    assert (bench.store.kicks, bench.store.delay) == (kicks + 1, 0.0)
    bench.run(STORED)
    bench.ledger.hand_back()
    assert bench.store.kicks == kicks + 1
    bench.ask()
    bench.run(STORED)
    kicks = bench.store.kicks
    bench.ledger._part("a test")
    bench.ledger.hand_back()
    assert bench.store.kicks == kicks


def test_a_transaction_that_is_overtaken(bench: Bench) -> None:
    """A transaction that comes to itself after another has begun leaves all as it is."""
    bench.ask()
    late = bench.ledger._transaction()
    next(late)
    assert bench.run(EMPTY, STORED) == 2
    with pytest.raises(StopIteration):
        late.send(EMPTY)
    assert bench.ledger.ledger.joined


def test_urgent_news_and_other(bench: Bench) -> None:
    """An answer that opens a window is written; one more asks for another write, with nobody in a hurry."""
    bench.ask()
    bench.run(EMPTY, STORED)
    permit = bench.ask()
    assert isinstance(permit, Permit)
    kicks = bench.store.kicks
    reading = RateReading(10, 9, 5.0, 1.0, None, 5.0, length_reported=True)
    bench.ledger.answer(permit, bench.now, reading, Health.GOOD)
    assert bench.store.kicks == kicks + 1


def test_no_limit_whatever_comes_first(bench: Bench) -> None:
    """An answer without headers that comes during a step is written once, and then nothing is asked of Redis."""
    bench.ask()
    bench.run(EMPTY, STORED)
    permit = bench.ask()
    assert isinstance(permit, Permit)
    bench.ask()
    step = bench.ledger._transaction()
    next(step)
    bench.ledger.answer(permit, bench.now, None, Health.GOOD)
    with pytest.raises(StopIteration):
        step.send(STORED)
    kicks = bench.store.kicks
    for _ in range(3):
        permit = bench.ask()
        assert isinstance(permit, Permit)
        bench.ledger.answer(permit, bench.now, None, Health.GOOD)
    assert bench.store.kicks > kicks
    assert bench.run(STORED) == 1
    kicks = bench.store.kicks
    permit = bench.ask()
    assert isinstance(permit, Permit)
    bench.ledger.answer(permit, bench.now, None, Health.GOOD)
    assert (bench.run(), bench.store.kicks) == (0, kicks)
    assert bench.ledger.describe() == ("redis; not shared, for the service reports no rate limit", True)


def test_it_changed_while_somebody_waited_for_the_lock(bench: Bench) -> None:
    """Who enters as Redis fails enters what the machine shares, and the other way."""
    entered = threading.Event()

    class Host:
        lock = threading.Lock()
        entries = 0

        def __enter__(self) -> None:
            self.lock.acquire()
            self.entries += 1

        def __exit__(self, *_: object) -> None:
            self.lock.release()

        def start(self, in_flight: int) -> None:
            """Go on."""

        def stop(self) -> None:
            """Stop."""

    host: Any = Host()
    ledger = RedisLedger(SharedLedger(), "name", "redis://cache", host, clock=lambda: bench.now)
    ledger.store = bench.store

    def enter() -> None:
        with ledger:
            entered.set()

    thread = threading.Thread(target=enter)
    with ledger.lock:
        thread.start()
        assert not entered.wait(0.02)
        ledger._part("a test")
    assert entered.wait(10)
    thread.join()
    assert host.entries == 1


def test_the_clock_of_another() -> None:
    """The fastest answer tells best; a clock that was set is believed at once."""
    clock = RemoteClock()
    clock.note(5_000_000, 100.0, 100.2)
    clock.note(5_101_000, 100.2, 100.202)
    assert clock.here(clock.at(100.0)) == pytest.approx(100.0, abs=1e-5)
    assert clock.here(5_101_000) == pytest.approx(100.201)
    clock.note(5_900_000, 100.3, 101.3)  # a second under way: it shows little
    assert clock.here(5_101_000) == pytest.approx(100.201)
    clock.note(3_605_000_000, 102.0, 102.2)
    assert clock.here(3_605_000_000) == pytest.approx(102.1)


@pytest.fixture(autouse=True)
def _log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "periskope")


def test_a_budget_of_the_machine_that_cannot_be_used() -> None:
    """Where the machine shares nothing, Redis is all there is, and leaving it changes nothing."""
    ledger = SharedLedger()
    host = HostBudget(ledger, "", "")
    host._end("this system has nothing to share by")
    bench = Bench()
    both = RedisLedger(ledger, "name", "redis://cache", host, clock=lambda: bench.now)
    both.store = bench.store
    both._part("a test")
    both._part("a test")
    assert isinstance(both.admit(bench.now, bulk=False, wanted=0), Permit)
    assert host._ended


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        "OK",
        (1,),
        (0, "", "noon", "0", "", [], 0),
        (0, "", "0", "0", "", ["odd"], 0),
        (0, "", "0", "0", "a", [], 0),
        (0, "", "0", "0", "", [], "many"),
        (1, "version", "0", "0", "", [("noise",), "0"], 0),
    ],
)
def test_an_answer_that_makes_no_sense(bench: Bench, nonsense: object) -> None:
    """What is not an answer of the script is a fault of Redis: calls go on without it, and come back to it."""
    bench.ask()
    assert bench.run(nonsense) == 1
    assert "redis, but on its own" in bench.ledger.describe()[0]
    assert isinstance(bench.ask(), Permit)
    assert bench.run(EMPTY, STORED) == 2
    assert bench.ledger.describe()[1]


def test_leases_that_nobody_can_have_taken(bench: Bench) -> None:
    """A count below nothing, which somebody else has written, is not room for more."""
    bench.ask()
    assert bench.run((0, "", "0", "0", "", [], -50), STORED) == 2
    assert bench.ledger.ledger.view.leased == 0
