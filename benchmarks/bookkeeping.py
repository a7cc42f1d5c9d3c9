"""What retries, pacing and deadlines cost a call that needs none of them: the same call with them and without."""

import asyncio
import gc
import time
from typing import Any, Final

from harness import MODES, Case, Lab, Series
from peers import KEY
from server import EXAMPLE_ID, RATE_LIMIT, body, loop_factory

CALLED: Final = "as the client does it"
STRAIGHT: Final = "built, sent once, judged, decoded"
LAYERS: Final = {CALLED: True, STRAIGHT: False}


def answer(count: int, *, called: bool) -> dict[str, float]:
    """Give that many answers in a worker to calls whose HTTP is left out."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return {"µs of CPU per call": runner.run(_answer(count, called=called)) / count * 1e6}


async def _answer(count: int, *, called: bool) -> float:
    from multidict import CIMultiDict

    from periskope_async import PeriskopeClient
    from periskope_async._io.result import read_result
    from periskope_async._sansio.response import Response
    from periskope_async.resources.tickets import GET

    example, headers = body(EXAMPLE_ID), CIMultiDict(RATE_LIMIT)

    async def exchange(*_: Any, **__: Any) -> Response:
        return Response(200, headers, example, 0.0)

    async with PeriskopeClient(KEY, base_url="http://127.0.0.1:9/v1") as client:
        caller: Any = client.tickets._caller  # noqa: SLF001  # what is measured lies between the public call and HTTP
        http = await caller.connections._open(caller.connections.state())  # noqa: SLF001  # likewise
        http.send = exchange

        async def straight(ticket_id: str) -> Any:
            request = GET.request(ticket_id=ticket_id)
            response = await http.send(request, None, new_connection=False)
            return read_result(request, response)

        call: Any = client.tickets.get if called else straight
        assert (await call(EXAMPLE_ID)).ticket.ticket_id == EXAMPLE_ID
        gc.collect()
        started = time.process_time()
        for _ in range(count):
            await call(EXAMPLE_ID)
        return time.process_time() - started


def overhead(lab: Lab) -> Series:
    """Make calls whose HTTP is left out, with all bookkeeping and without; the answers tell a rate limit."""
    return lab.measure(
        "bookkeeping",
        [
            Case(row, mode, "bookkeeping:answer", mode, {"count": lab.size(20_000), "called": called})
            for row, called in LAYERS.items()
            for mode in MODES
        ],
    )
