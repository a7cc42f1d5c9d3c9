"""A large answer is decoded while others of its loop are served."""

import asyncio
import json

from multidict import CIMultiDict

from periskope_async._codec.converter import ROWS_AT_ONCE
from periskope_async._io.result import LARGE_BODY_BYTES, decode_ahead, read_result
from periskope_async._sansio.response import Response
from periskope_async.resources.tickets import LIST
from periskope_async.testing import FakePeriskope

ROWS = 2_000
BODY = json.dumps({"tickets": [{"ticket_id": f"BKT-{number}", "subject": "x" * 50} for number in range(ROWS)]}).encode()


async def test_others_have_turns_while_a_page_is_decoded() -> None:
    """Of a page of 2,000 rows no more than ROWS_AT_ONCE are decoded between two turns of the loop."""
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1

    answer = Response(200, CIMultiDict(), BODY)
    assert len(BODY) > LARGE_BODY_BYTES
    other = asyncio.ensure_future(count_turns())
    page = await decode_ahead(LIST.request(), answer)
    other.cancel()
    assert turns >= ROWS / ROWS_AT_ONCE
    assert len(page.rows) == ROWS
    assert read_result(LIST.request(), answer, page) is page
    assert page == read_result(LIST.request(), answer)


async def test_a_large_refusal_is_no_page() -> None:
    """A large body that comes with an error status is left to who classifies it."""
    assert await decode_ahead(LIST.request(), Response(500, CIMultiDict(), BODY)) is None


async def test_a_large_page_comes_over_the_wire() -> None:
    """A list with a page too large for one go is what a list in small pages is."""
    async with FakePeriskope(150) as fake, fake.client() as client:
        page = await client.tickets.list_page()
        small = [row async for row in client.tickets.list(page_size=50)]
    assert len(page.to_json()) > LARGE_BODY_BYTES
    assert list(page.rows) == small
    assert len(small) == 150
