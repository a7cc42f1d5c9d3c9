"""The ways that requests can go, as far as they can on the aiohttp that is installed here."""

import asyncio
from functools import cache

from periskope_async._io.probe import works_directly


@cache
def works_here() -> bool:
    """Whether the direct way works here: on an aiohttp on which it does not, its tests are skipped."""

    async def probe() -> bool:
        return works_directly()

    return asyncio.run(probe())
