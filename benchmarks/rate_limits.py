"""How much of a rate limit a bulk run uses, in real time: `python benchmarks/rate_limits.py [dialect ...]`.

For each dialect of the headers: how long the run takes by the limit alone (the ideal), how long it took, and how often
the service refused. Not part of `run.py`, because it measures waiting: a full round takes minutes, and little of the
processor.
"""

import asyncio
import sys
import time
from itertools import product

from periskope_async import PeriskopeClient
from periskope_async.testing import FakePeriskope, RateLimitPolicy

#: Requests, window in seconds, tickets.
POLICIES = ((100, 2.0, 1000), (100, 1.0, 3000))
DIALECTS = ("legacy", "legacy-ms", "legacy-delta", "draft-6", "draft-7", "draft-8")


async def measure(policy: RateLimitPolicy, tickets: int) -> tuple[float, int, int]:
    """Return the seconds a run took, the tickets it fetched, and how often it was refused."""
    with FakePeriskope(tickets=tickets, rate_limit=policy) as fake:
        async with PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
            started = time.perf_counter()
            result = await client.tickets.get_many(fake.ticket_ids)
            took = time.perf_counter() - started
        refused = sum(request.status == 429 for request in fake.requests)
    return took, len(result.tickets), refused


async def main(dialects: tuple[str, ...]) -> None:
    """Measure every dialect under every policy, and print a line for each."""
    print("| limit | headers | tickets | ideal, s | took, s | ratio | 429s |\n|---|---|---|---|---|---|---|")
    for (limit, window, tickets), dialect in product(POLICIES, dialects):
        took, fetched, refused = await measure(RateLimitPolicy(limit, window, headers=dialect), tickets)
        ideal = (-(-tickets // limit) - 1) * window
        row = (f"{limit} / {window:g} s", dialect, fetched, f"{ideal:g}", f"{took:.2f}", f"{took / ideal:.3f}", refused)
        print("|", " | ".join(map(str, row)), "|", flush=True)
        assert fetched == tickets


if __name__ == "__main__":
    asyncio.run(main(tuple(sys.argv[1:]) or DIALECTS))
