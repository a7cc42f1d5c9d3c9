"""Steps that a real Redis has taken though its answer was lost are taken once, whatever others did meanwhile."""

from collections.abc import Iterator
from typing import Any

import pytest

from periskope_async._io.redis_ledger import RedisLedger
from periskope_async._io.redis_script import SCRIPT
from periskope_async._sansio.circuit import Health
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async._sansio.shared_lease import MAX_LEASE
from periskope_async._sansio.shared_ledger import SharedLedger
from tests.redis_server import RedisServer, needs_redis

redis = pytest.importorskip("redis", reason="redis is not installed")
pytestmark = needs_redis

NAME = "periskope:late"
LIMIT = 100


class Process:
    """A ledger in Redis whose steps are taken when a test says so. Its clock stands still."""

    now = 1000.0

    def __init__(self, client: Any) -> None:
        self.client = client
        self.ledger = RedisLedger(SharedLedger(), NAME, "redis://cache", clock=lambda: self.now)
        self.ledger.store = self
        self.lost = 0

    def kick(self, delay: float) -> None:
        """Steps are taken by `run`."""

    async def rest(self) -> None:
        """Nothing is open."""

    def finish(self) -> None:
        """Nothing is due."""

    def run(self, meanwhile: "Process | None" = None) -> None:
        """Take what steps are due. With *meanwhile* the answer to the one that counts is lost, and then that one's."""
        transaction = self.ledger._transaction()
        command = next(transaction, None)
        while command is not None:
            was_stored, *rest = self.client.execute_command(*command)
            try:
                if was_stored and meanwhile is not None and not self.lost:
                    self.lost += 1
                    if meanwhile is not self:
                        meanwhile.run()
                    command = transaction.throw(TimeoutError("late"))
                else:
                    command = transaction.send((was_stored, *rest))
            except StopIteration:
                return

    def take(self, wanted: int) -> Permit:
        """Take one permit of a lease of so many; a step each where there is none."""
        for _ in range(3):
            found = self.ledger.admit(self.now, bulk=True, wanted=wanted)
            if isinstance(found, Permit):
                return found
            self.run()
        raise AssertionError("nothing was leased")

    def hear(self, permit: Permit, used: int) -> None:
        reading = RateReading(LIMIT, LIMIT - used, 60.0, 1.0, None, 60.0, length_reported=True)
        self.ledger.answer(permit, self.now, reading, Health.GOOD)

    def sent(self) -> int:
        """How many requests of the window are sent or leased, as Redis holds it."""
        self.run()
        shared = Ledger()
        assert self.ledger.ledger.view.load(shared, self.now)
        assert shared.window is not None
        return shared.window.sent


@pytest.fixture
def two() -> Iterator[tuple[Process, Process]]:
    """Two processes, of which the first has opened a window."""
    with RedisServer() as server, redis.Redis(port=server.port) as client:
        client.script_load(SCRIPT)
        one, other = Process(client), Process(client)
        one.hear(one.take(1), 1)
        one.run()
        other.hear(other.take(1), 2)
        other.run()
        for each in (one, other):
            each.ledger.ledger._ahead = MAX_LEASE  # as after leases that were used up
        yield one, other


def test_a_lease_whose_answer_was_lost_is_counted_once(two: tuple[Process, Process]) -> None:
    """What nobody has is left for the others."""
    one, other = two
    before = other.sent()
    assert isinstance(one.ledger.admit(one.now, bulk=True, wanted=5), float)
    one.run(meanwhile=one)
    assert one.lost == 1
    assert other.sent() == before + 5
    assert [isinstance(one.take(5 - number), Permit) for number in range(5)] == [True] * 5
    assert other.sent() == before + 5


def test_what_was_handed_back_as_others_wrote_is_handed_back_once(two: tuple[Process, Process]) -> None:
    """Twice, it would be requests for others that the service does not grant."""
    one, other = two
    before = other.sent()
    permit = one.take(6)
    assert other.sent() == before + 6
    one.hear(permit, 3)
    one.ledger.ledger.hand_back()
    theirs = other.take(1)
    other.hear(theirs, 4)
    other.ledger.ledger._urgent = 1  # an image, whatever it shows
    one.run(meanwhile=other)
    assert one.lost == 1
    assert other.sent() == one.sent() == before + 2


def test_what_was_leased_as_others_wrote_is_not_lost(two: tuple[Process, Process]) -> None:
    """It is handed back, and taken anew of what is there now."""
    one, other = two
    before = other.sent()
    theirs = other.take(1)
    assert isinstance(one.ledger.admit(one.now, bulk=True, wanted=5), float)
    other.hear(theirs, 3)
    other.ledger.ledger._urgent = 1  # likewise
    one.run(meanwhile=other)
    assert one.lost == 1
    assert isinstance(one.take(5), Permit)
    assert other.sent() == one.sent() == before + 6
