"""The ids of a run, whatever they come as."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import count
from typing import Any

import pytest

from periskope_async import ConfigurationError
from periskope_async._io import source as _source
from periskope_async._io.source import Pulled, Source


class Thread(Pulled[Any]):
    """Ids that another thread pulls out of a plain iterable, as the blocking client has them."""

    def __init__(self, *ids: object) -> None:
        self._ids = iter(ids)

    async def __anext__(self) -> object:
        for item in self._ids:
            return item
        raise StopAsyncIteration


async def walk(*ids: object) -> AsyncIterator[object]:
    """Give out ids one loop turn at a time."""
    for item in ids:
        await asyncio.sleep(0)
        yield item


async def everything(source: Source) -> list[tuple[object, object]]:
    """Take all there is: each id, and what it is called in results."""
    found: list[tuple[object, object]] = []
    while (taken := await source.take()) is not None:
        found.append(taken)
    return found


@pytest.mark.parametrize("kind", [list, iter, walk, Thread])
async def test_each_id_once(kind: Any) -> None:
    """Duplicates are passed over, also of what cannot be a key; at the end it is known how many there were."""
    ids = ["a", "b", "a", ["x"], ["x"], 5, "b"]
    source = Source(kind(ids) if kind in {list, iter} else kind(*ids), "ids")
    assert source.total == (7 if kind is list else None)
    assert await everything(source) == [("a", "a"), ("b", "b"), (["x"], "['x']"), (5, 5)]
    assert (source.ended, source.total) == (True, 4)
    assert await source.take() is None
    assert await source.rest() == []


@pytest.mark.parametrize("kind", [list, iter, Thread])
async def test_the_rest_is_known_where_it_can_be(kind: Any) -> None:
    """What was not taken is told, each once, where nobody has to be waited for."""
    ids = ["a", "b", "a", "c", ["x"], "c"]
    source = Source(kind(*ids) if kind is Thread else kind(ids), "ids")
    assert await source.take() == ("a", "a")
    assert await source.rest() == ["b", "c", "['x']"]


async def test_the_rest_of_an_async_iterable_is_not_waited_for() -> None:
    """What the caller's async code would still give out is not known."""
    source = Source(walk("a", "b"), "ids")
    assert await source.take() == ("a", "a")
    assert await source.rest() == []


@pytest.mark.parametrize("kind", [iter, Thread])
async def test_the_rest_is_bounded(kind: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ids without end so many are told as skipped, and no more."""
    monkeypatch.setattr(_source, "MAX_SKIPPED_IDS", 3)
    source = Source(Thread(*range(9)) if kind is Thread else count(), "ids")  # type: ignore[arg-type]  # careless ids
    assert await source.take() == (0, 0)
    assert await source.rest() == [1, 2, 3]
    assert not source.ended


@pytest.mark.parametrize("more", [["b"], []])
async def test_an_id_that_comes_late(more: list[str]) -> None:
    """Whatever a generator gives out although it was told to end is among the rest, and nothing is lost."""
    waits = asyncio.Event()

    async def stubborn() -> AsyncIterator[str]:
        yield "a"
        with suppress(asyncio.CancelledError):
            waits.set()
            await asyncio.Event().wait()
        for item in more:
            yield item

    source = Source(stubborn(), "ids")
    assert await source.take() == ("a", "a")
    worker = asyncio.create_task(source.take())
    await waits.wait()
    worker.cancel("it is over")
    with pytest.raises(asyncio.CancelledError, match="it is over"):
        await worker
    assert await source.rest() == more


async def test_what_ids_raise_is_raised() -> None:
    """A failure of the caller's ids is the caller's."""

    async def broken() -> AsyncIterator[str]:
        yield "a"
        raise OSError("the disk is gone")

    source = Source(broken(), "ids")
    assert await source.take() == ("a", "a")
    with pytest.raises(OSError, match="disk"):
        await source.take()


@pytest.mark.parametrize(
    ("ids", "reason"), [("BKT-001", "got one text"), (b"BKT-001", "got one text"), (5, "got int"), (None, "NoneType")]
)
def test_what_is_no_collection_of_ids(ids: Any, reason: str) -> None:
    """One text, or what cannot be iterated over, is refused by the caller's own name for it."""
    with pytest.raises(ConfigurationError, match=rf"^ids: .*{reason}"):
        Source(ids, "ids")
