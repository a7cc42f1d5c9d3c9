"""The ways that requests can go, as far as they can on the aiohttp that is installed here."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from periskope_async._io.probe import works_directly


@cache
def works_here() -> bool:
    """Whether the direct way works here: on an aiohttp on which it does not, its tests are skipped."""

    async def probe() -> bool:
        return works_directly()

    with ThreadPoolExecutor(1) as pool:  # here a loop may run
        return pool.submit(asyncio.run, probe()).result()
