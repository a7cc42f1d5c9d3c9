"""What retries, pacing and deadlines cost a call that needs none of them, and what one costs whose answer is kept."""

import asyncio
import gc
import time
from typing import Any, Final

from harness import MODES, Case, Lab, Series
from peers import KEY
from server import EXAMPLE_ID, RATE_LIMIT, body, loop_factory

CALLED: Final = "as the client does it"
STRAIGHT: Final = "built, sent once, judged, decoded"
KEPT: Final = "kept, with max_age"
LAYERS: Final = (CALLED, STRAIGHT, KEPT)


def answer(count: int, *, layer: str) -> dict[str, float]:
    """Give that many answers in a worker to calls whose HTTP is left out."""
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return {"µs of CPU per call": runner.run(_answer(count, layer)) / count * 1e6}


async def _answer(count: int, layer: str) -> float:
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

        async def kept(ticket_id: str) -> Any:
            return await client.tickets.get(ticket_id, max_age=3600)

        call: Any = {CALLED: client.tickets.get, STRAIGHT: straight, KEPT: kept}[layer]
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
            Case(layer, mode, "bookkeeping:answer", mode, {"count": lab.size(20_000), "layer": layer})
            for layer in LAYERS
            for mode in MODES
        ],
    )
