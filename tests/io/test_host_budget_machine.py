"""Two processes on one key, as one process can play them: a limiter each, over one file, in virtual time."""

import shutil
import tempfile
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize

from periskope_async._io.host_budget import HostBudget
from periskope_async._io.limiter import RateLimiter
from periskope_async._sansio.ledger import Ledger
from tests.io.test_limiter_machine import Gatekeeping

pytestmark = pytest.mark.timeout(400)  # as for the machine it is made of

PROCESSES = 2


class HostGatekeeping(Gatekeeping):
    """What holds for one ledger holds for several that share a file: the service refuses nobody."""

    @initialize(
        limit=st.integers(1, 12),
        window=st.sampled_from([1, 2, 5]),
        headers=st.sampled_from(["legacy", "legacy-ms", "legacy-delta", "nestjs", "draft-6", "draft-7", "draft-8"]),
        longer=st.sampled_from([None, 2]),
        start=st.floats(0, 2),
    )
    def open(self, limit: int, window: int, headers: str, longer: int | None, start: float) -> None:
        """As in one process, but with short windows: who waits for another process's answers asks every few ms."""
        super().open(limit, window, headers, longer, start)

    def make_limiters(self) -> list[RateLimiter]:
        self.folder = tempfile.mkdtemp()
        ledgers = [Ledger() for _ in range(PROCESSES)]
        return [RateLimiter(each, HostBudget(each, self.folder, "budget", self.loop.time)) for each in ledgers]

    def in_flight(self) -> int:
        """How many requests all processes have in flight; the file, for whoever reads it, counts the same."""
        budgets = [budget for limiter in self.limiters if (budget := limiter._budget) is not None]
        for budget in budgets:
            with budget:
                pass  # it notes the answers that waited for a step
        for budget in budgets:
            with budget:
                assert budget._file is None or budget._ledger.in_flight == sum(each._in_flight for each in budgets)
        return sum(budget._in_flight for budget in budgets)

    def teardown(self) -> None:
        super().teardown()
        for limiter in self.limiters:
            if limiter._budget is not None:
                limiter._budget._close()
        shutil.rmtree(self.folder)


TestHostGatekeeping: Any = HostGatekeeping.TestCase
TestHostGatekeeping.settings = settings(max_examples=2, stateful_step_count=20, deadline=None)


@pytest.mark.slow
class TestHostGatekeepingAtLength(TestHostGatekeeping):
    """The same with more examples than fit between two changes."""

    settings = settings(max_examples=16, stateful_step_count=40, deadline=None)
