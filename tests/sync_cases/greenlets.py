"""Blocking calls in greenlets. `python greenlets.py CASE LOOP`, with the service in the environment.

CASE: `gevent`, `imported_first` (the package before gevent replaces the standard library), `eventlet`. LOOP: `asyncio`
or `uvloop`. Printed at the end, as JSON.
"""

import itertools
import json
import os
import sys
import warnings
from typing import Any

CASE, LOOP = sys.argv[1:]
if LOOP == "asyncio":
    sys.modules["uvloop"] = None  # type: ignore[assignment]  # as where it is not installed

seen: dict[str, Any] = {}


def descriptors() -> int:
    """Return how many files are open."""
    return len(os.listdir("/dev/fd"))  # noqa: PTH208  # a name is enough to be counted


def eventlet() -> None:
    """Make a call where eventlet has replaced the standard library."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it is deprecated, and says so
        import eventlet

        eventlet.monkey_patch()
    import periskope_sync

    client = periskope_sync.PeriskopeClient()
    for call in (lambda: client.tickets.get("BKT-001"), client.__enter__, lambda: next(client.tickets.list())):
        try:
            call()
        except periskope_sync.ConfigurationError as error:
            seen.setdefault("errors", []).append(str(error))


def gevent() -> None:
    """Make calls of every kind where gevent has replaced the standard library."""
    if CASE == "imported_first":
        import periskope_sync
    from gevent import Timeout, monkey, sleep, spawn
    from gevent.pool import Pool

    monkey.patch_all()
    import periskope_sync

    ticks = []

    def tick() -> None:
        while True:
            ticks.append(1)
            sleep(0.001)

    ticker = spawn(tick)
    ids = [f"BKT-{number:03}" for number in range(1, 201)]
    with periskope_sync.PeriskopeClient() as client:
        seen["get"] = client.tickets.get("BKT-001").ticket.ticket_id
        # One call may take less than a tick; were the thread held by calls, none would come however many are made.
        seen["others"] = any(client.tickets.get(ticket_id) and len(ticks) > 1 for ticket_id in ids)
        seen["greenlets"] = [info.ticket.ticket_id for info in Pool(100).imap(client.tickets.get, ids)] == ids
        progress = []
        result = client.tickets.get_many(iter(ids), on_progress=progress.append)
        seen["run"] = len(result.tickets), len(progress)
        with client.tickets.stream(iter(ids)) as results:
            seen["stream"] = len(list(itertools.islice(results, 150)))
        seen["walk"] = sum(1 for _ in client.tickets.list(page_size=50))
        try:
            with Timeout(0.2):
                client.tickets.get_many(f"BKT-{number % 300:03}" for number in itertools.count(1))
        except Timeout:
            seen["cancelled"] = True
        seen["after"] = client.tickets.get("BKT-002").ticket.ticket_id
    before = descriptors()
    for _ in range(5):
        with periskope_sync.PeriskopeClient() as client:
            list(Pool(20).imap_unordered(client.tickets.get, ids[:50]))
    seen["leaked"] = max(0, descriptors() - before - 5)
    ticker.kill()


if __name__ == "__main__":
    (eventlet if CASE == "eventlet" else gevent)()
    json.dump(seen, sys.stdout)
