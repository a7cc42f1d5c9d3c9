"""A service on which every id's first attempt fails, over real sockets and in virtual time: slow, and no outage."""

import asyncio
from itertools import product
from typing import Any

import pytest

from periskope_async import PeriskopeClient
from periskope_async.testing import FakePeriskope, Fault, Faults
from tests.support import some, virtual_loop

IDS = 1000


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    """Run on a loop whose time is virtual: minutes of waiting take none of ours."""
    return "asyncio", {"loop_factory": virtual_loop}


def client_of(fake: FakePeriskope, **options: Any) -> PeriskopeClient:
    """Return a client of *fake*."""
    return PeriskopeClient(fake.api_key, base_url=fake.base_url, **options)


def now() -> float:
    """Return the loop's time."""
    return asyncio.get_running_loop().time()


FAULTS, RETRIES = (Fault.RESET_BEFORE, Fault.FIN, Fault.STATUS_503_BARE), (4, 1, 0)


@pytest.mark.parametrize(("fault", "retries"), some(product(FAULTS, RETRIES), (Fault.RESET_BEFORE, 4)))
async def test_every_first_attempt_fails(fault: Fault, retries: int) -> None:
    """A run of 1,000 ids makes two attempts for each, and takes no longer than their backoffs."""
    async with FakePeriskope(tickets=IDS, faults=Faults({fault: 1.0}, per_id=1)) as fake:
        async with client_of(fake, concurrency=32, retries=retries) as client:
            started = now()
            result = await client.tickets.get_many(fake.ticket_ids)
            took = now() - started
            ledger = client._caller.connections.limiter._ledger
            assert ledger.circuit is None
        assert (len(result.tickets), result.errors, result.skipped) == (IDS, {}, ())
        assert (fake.counts[fault], fake.calls) == (IDS, 2 * IDS)
        # Of each 32 ids, the one that waits longest takes 0.2 s; with an outage in the beginning, which nobody knows
        # from this, it is as long again.
        assert took < 0.2 * IDS / 32 + 2.0


@pytest.mark.slow
async def test_a_run_that_comes_in_an_outage() -> None:
    """Who probes an outage tries again before others try first: the run comes back with the first retry answered."""
    async with FakePeriskope(tickets=IDS, faults=Faults(per_id=1)) as fake, client_of(fake, concurrency=32) as client:
        fake.faults.add(Fault.STATUS_503_BARE)
        early = await client.tickets.get_many(fake.ticket_ids[:40], deadline=20.0)
        assert not early.fetched
        fake.faults.clear()
        fake.faults.rates = {Fault.FIN: 1.0}
        started = now()
        result = await client.tickets.get_many(fake.ticket_ids)
        took = now() - started
        assert (len(result.tickets), result.errors, result.skipped) == (IDS, {}, ())
        assert fake.counts[Fault.FIN] == IDS
        # The pause in which it comes, and that of one probe, are of up to half the outage's length; then it is over.
        assert took < 10.0 + 20.0 + 2.0


async def test_an_outage_that_begins_where_retries_were_answered() -> None:
    """A service that answered every second attempt, and then none, is hardly asked more often than there are ids."""
    async with FakePeriskope(tickets=IDS, faults=Faults({Fault.FIN: 1.0}, per_id=1)) as fake:
        fake.faults.add(Fault.STATUS_503_BARE, after=200)
        async with client_of(fake, concurrency=32, deadline=60.0) as client:
            result = await client.tickets.get_many(fake.ticket_ids)
        assert {*result.tickets, *result.errors, *result.skipped} == {*fake.ticket_ids}
        assert result.skipped
        assert 0 < fake.counts[Fault.STATUS_503_BARE] <= 0.1 * IDS + 32
        assert fake.calls <= 1.1 * IDS
