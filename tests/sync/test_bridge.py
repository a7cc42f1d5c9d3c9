import asyncio
import gc
import inspect
import itertools
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import pytest

from periskope_async.errors import ClientClosedError, ConfigurationError
from periskope_sync import _arguments, _streams
from periskope_sync._arguments import BATCH_ITEMS
from periskope_sync._bridge import Facade, blocking
from periskope_sync._loop_thread import LoopThread
from periskope_sync._process import loop_thread

T = TypeVar("T")


class AsyncNumbers:
    """An async class of the shape of `Tickets`, which logs what it went through."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.threads: set[str] = set()
        self.read = 0

    async def get(self, text: str, *, base: int = 10) -> int:
        """Return the number that *text* spells."""
        await asyncio.sleep(0)
        self.threads.add(threading.current_thread().name)
        return int(text, base)

    async def add(self, values: Iterable[str]) -> int:
        """Return the sum of *values*."""
        self.threads.add(threading.current_thread().name)
        return sum(map(int, values))

    async def get_many(
        self, texts: Iterable[str] | AsyncIterable[str], *, on_progress: Callable[[int], None] | None = None
    ) -> list[int]:
        """Return the numbers that *texts* spell, in any order, read by three workers."""
        self.threads.add(threading.current_thread().name)
        numbers: list[int] = []
        shared = texts if isinstance(texts, AsyncIterable) else _each(texts)

        async def work() -> None:
            async for text in shared:
                numbers.append(await self.get(text))
                if on_progress is not None:
                    on_progress(len(numbers))

        async with asyncio.TaskGroup() as workers:
            for _ in range(3 if isinstance(texts, AsyncIterable) else 1):
                workers.create_task(work())
        return numbers

    @asynccontextmanager
    async def stream(self, texts: Iterable[str] | AsyncIterable[str]) -> AsyncGenerator[AsyncIterator[int]]:
        """Stream the numbers that *texts* spell."""
        if isinstance(texts, str):
            raise ValueError("texts: a string")  # noqa: TRY004  # as the package does
        self.log.append("entered")
        try:
            yield self._numbers(texts)
        finally:
            await asyncio.sleep(0)
            self.log.append("left")

    async def _numbers(self, texts: Iterable[str] | AsyncIterable[str]) -> AsyncGenerator[int]:
        async for text in texts if isinstance(texts, AsyncIterable) else _each(texts):
            self.read += 1
            yield await self.get(text)

    async def walk(self, count: int) -> AsyncGenerator[int]:
        """Walk from 0 up to *count*."""
        try:
            for number in range(count):
                await asyncio.sleep(0)
                self.read += 1
                yield number
        finally:
            self.log.append("left")

    def checked_walk(self, count: int) -> AsyncGenerator[int]:
        """Walk from 0 up to *count*, which may not be negative."""
        if count < 0:
            raise ValueError("count: below 0")
        return self.walk(count)

    def plain(self) -> int:
        """Return what has no twin."""
        return 1


async def _each(texts: Iterable[str]) -> AsyncGenerator[str]:
    for text in texts:
        yield text


class Numbers(Facade[AsyncNumbers]):
    """The blocking twin of `AsyncNumbers`."""

    get: Final = blocking(AsyncNumbers.get)
    add: Final = blocking(AsyncNumbers.add)
    get_many: Final = blocking(AsyncNumbers.get_many)
    stream: Final = blocking(AsyncNumbers.stream)
    walk: Final = blocking(AsyncNumbers.walk)
    checked_walk: Final = blocking(AsyncNumbers.checked_walk)


@pytest.fixture
def source() -> AsyncNumbers:
    """Give the async object behind `numbers`."""
    return AsyncNumbers()


@pytest.fixture
def numbers(source: AsyncNumbers) -> Numbers:
    """Give a blocking twin of the test's own."""
    return Numbers(source)


def settled(log: list[T], length: int) -> list[T]:
    """Return *log* once it has *length* entries; what is dropped is let go a moment later, in the loop."""
    until = time.monotonic() + 5
    while len(log) < length and time.monotonic() < until:
        time.sleep(0.001)
    return log


def texts(count: int) -> Iterator[str]:
    """Yield numbers as text, from a generator."""
    yield from map(str, range(count))


# -- plain calls -------------------------------------------------------------------------------------------------


def test_coroutine_becomes_a_result(numbers: Numbers) -> None:
    """A twin takes the original's arguments and returns what the original would return when awaited."""
    assert numbers.get("12") == 12
    assert numbers.get(text="12", base=3) == 5


def test_error_is_the_originals(numbers: Numbers) -> None:
    """An error of the original comes out as it is."""
    with pytest.raises(ValueError, match="base 10"):
        numbers.get("x")


def test_wrong_arguments_are_a_type_error(numbers: Numbers) -> None:
    """A call that does not fit the signature fails as it would on the original."""
    with pytest.raises(TypeError, match="texte"):
        numbers.get(texte="1")  # type: ignore[call-arg]  # the mistake under test


def test_twin_describes_itself() -> None:
    """Signature, docstring and name of a twin are right for `help()` and for tracebacks."""
    assert inspect.signature(Numbers.get) == inspect.signature(AsyncNumbers.get)
    assert inspect.getdoc(Numbers.walk) == inspect.getdoc(AsyncNumbers.walk)
    assert Numbers.stream.__qualname__ == "Numbers.stream"
    assert Numbers.stream.__module__ == __name__
    assert not inspect.iscoroutinefunction(Numbers.get)


def test_collections_are_read_in_the_loop(numbers: Numbers, source: AsyncNumbers) -> None:
    """A list is handed to the loop as it is, and everything of the original runs there."""
    assert numbers.get_many(["1", "2"]) == [1, 2]
    assert source.threads == {"periskope-loop"}


# -- the caller's own code ---------------------------------------------------------------------------------------


def test_generator_runs_in_the_callers_thread(numbers: Numbers) -> None:
    """A generator among the arguments is pulled in the thread that made the call, each item once."""
    here: set[threading.Thread] = set()

    def pulled() -> Iterator[str]:
        for text in texts(1000):
            here.add(threading.current_thread())
            yield text

    assert sorted(numbers.get_many(pulled())) == list(range(1000))
    assert here == {threading.current_thread()}


def test_lazy_iterable_is_begun_in_the_callers_thread(numbers: Numbers) -> None:
    """What can be iterated over and is not a collection, as a database query, is begun where it was made."""

    class Query:
        def __iter__(self) -> Iterator[str]:
            assert threading.current_thread() is threading.main_thread()
            return texts(3)

    assert sorted(numbers.get_many(Query())) == [0, 1, 2]


def test_generator_for_what_cannot_wait(numbers: Numbers) -> None:
    """A generator for a parameter that takes no async iterable is read before the call."""
    assert numbers.add(texts(4)) == 6
    assert numbers.add(values=texts(4)) == 6


def test_generator_may_make_blocking_calls(numbers: Numbers) -> None:
    """One call may feed another, as `stream(row.id for row in list())` does."""
    assert sorted(numbers.get_many(str(number) for number in numbers.walk(600))) == list(range(600))


def test_slow_generator_hands_over_what_it_has(numbers: Numbers, source: AsyncNumbers) -> None:
    """A generator that waits between items does not hold back those it has yielded."""
    read: list[int] = []

    def slowly() -> Iterator[str]:
        for number in range(3):
            read.append(source.read)
            time.sleep(2 * _arguments.PULL_SECONDS)
            yield str(number)

    with numbers.stream(slowly()) as stream:
        assert list(stream) == [0, 1, 2]
    assert read[-1] > 0


def test_generators_error_is_the_callers(numbers: Numbers, source: AsyncNumbers) -> None:
    """An error in the caller's generator comes out as it is, and ends the run."""

    def failing() -> Iterator[str]:
        yield "1"
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        numbers.get_many(failing())
    with pytest.raises(LookupError, match="mine"), numbers.stream(failing()) as stream:
        list(stream)
    assert settled(source.log, 2) == ["entered", "left"]


def test_stream_goes_on_after_its_generators_error(numbers: Numbers) -> None:
    """Who catches the generator's error and reads on gets the end of the stream, not a hang."""

    def failing() -> Iterator[str]:
        yield from texts(2 * BATCH_ITEMS)
        raise LookupError("mine")

    with numbers.stream(failing()) as stream:
        with pytest.raises(LookupError, match="mine"):
            list(stream)
        assert list(stream) == []


def test_generator_is_not_pulled_after_the_end(numbers: Numbers) -> None:
    """After leaving a stream, the caller's generator is where it was, and can be read on."""
    pulled = texts(100_000)
    with numbers.stream(pulled) as stream:
        assert next(stream) == 0
    rest = int(next(pulled))
    assert rest <= 2 * BATCH_ITEMS + 1


def test_callback_runs_in_the_callers_thread(numbers: Numbers) -> None:
    """A callback is called in the thread that made the call, for every event, before the call returns."""
    seen: list[tuple[int, threading.Thread]] = []
    numbers.get_many(["1", "2", "3"], on_progress=lambda done: seen.append((done, threading.current_thread())))
    assert seen == [(done, threading.current_thread()) for done in (1, 2, 3)]


def test_callbacks_error_is_the_callers(numbers: Numbers) -> None:
    """What a callback raises comes back as it is, and the next call works."""

    def refuse(done: int) -> None:
        raise SystemExit(done)

    with pytest.raises(SystemExit) as caught:
        numbers.get_many(texts(1000), on_progress=refuse)
    assert caught.value.code == 1
    assert numbers.get("1") == 1


# -- streams -----------------------------------------------------------------------------------------------------


def test_stream_is_a_plain_iterator(numbers: Numbers, source: AsyncNumbers) -> None:
    """A stream gives each item once and in order, more than a batch of them, and leaves its source at the end."""
    with numbers.stream(str(number) for number in range(1000)) as stream:
        assert list(stream) == list(range(1000))
        assert next(stream, None) is None
    assert source.log == ["entered", "left"]


@pytest.mark.parametrize("taken", [0, 1, BATCH_ITEMS, BATCH_ITEMS + 1])
def test_stream_can_be_left_anywhere(numbers: Numbers, source: AsyncNumbers, taken: int) -> None:
    """Leaving a stream leaves its source before `with` ends, wherever the reader was."""
    with numbers.stream(map(str, itertools.count())) as stream:
        assert list(itertools.islice(stream, taken)) == list(range(taken))
    assert source.log == ["entered", "left"]
    assert not tasks()


def test_stream_reads_a_batch_ahead_and_no_more(numbers: Numbers, source: AsyncNumbers) -> None:
    """While nobody takes, the stream stands still one batch ahead."""
    with numbers.stream(["1"] * 10 * BATCH_ITEMS) as stream:
        next(stream)
        until = time.monotonic() + 0.2
        while source.read < 2 * BATCH_ITEMS and time.monotonic() < until:
            time.sleep(0.01)
        assert source.read <= 2 * BATCH_ITEMS


def test_error_in_the_body_is_the_callers(numbers: Numbers, source: AsyncNumbers) -> None:
    """An exception in the body of `with` never enters the loop and is wrapped in nothing."""
    with pytest.raises(LookupError) as caught, numbers.stream(texts(10)) as stream:  # noqa: PT012  # the body is the case
        next(stream)
        raise LookupError
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert source.log == ["entered", "left"]


def test_error_in_the_stream_comes_after_what_was_read(numbers: Numbers, source: AsyncNumbers) -> None:
    """An error of the stream itself comes after the items before it, and once."""
    taken: list[int] = []
    with numbers.stream(["1", "2", "x", "4"]) as stream:
        with pytest.raises(ValueError, match="base 10"):
            taken.extend(stream)
        assert list(stream) == []
    assert source.log == ["entered", "left"]


def test_error_of_a_stream_that_takes_long_to_leave() -> None:
    """An error of the stream is not missed because leaving it takes a while."""

    class AsyncSlow:
        @asynccontextmanager
        async def stream(self) -> AsyncGenerator[AsyncIterator[int]]:
            try:
                yield self._failing()
            finally:
                await asyncio.sleep(0.05)

        async def _failing(self) -> AsyncGenerator[int]:
            yield 1
            raise LookupError

    class Slow(Facade[AsyncSlow]):
        stream: Final = blocking(AsyncSlow.stream)

    with Slow(AsyncSlow()).stream() as stream:
        assert next(stream) == 1
        with pytest.raises(LookupError):
            next(stream)


def test_leaving_does_not_disturb_a_stream_that_ends() -> None:
    """A stream that comes to its end by itself is left in peace, whatever its clean-up awaits."""
    left: list[bool] = []

    class AsyncShort:
        @asynccontextmanager
        async def stream(self) -> AsyncGenerator[AsyncIterator[str]]:
            try:
                yield _each(["1"])
            finally:
                await asyncio.sleep(0.05)
                left.append(True)

    class Short(Facade[AsyncShort]):
        stream: Final = blocking(AsyncShort.stream)

    with Short(AsyncShort()).stream() as stream:
        assert next(stream) == "1"
        time.sleep(0.01)
    assert left == [True]


def test_error_on_entering(numbers: Numbers, source: AsyncNumbers) -> None:
    """What entering raises comes out of `with`, and nothing stays open."""
    with pytest.raises(ValueError, match="a string"), numbers.stream("123"):
        pass
    assert source.log == []
    assert not tasks()


def test_stream_that_is_never_entered(numbers: Numbers, source: AsyncNumbers) -> None:
    """A stream that is made and dropped, or left without having been entered, does nothing."""
    numbers.stream(["1"])
    numbers.stream(["1"]).__exit__(None, None, None)
    assert source.log == []


def test_left_where_it_cannot_wait(numbers: Numbers, source: AsyncNumbers) -> None:
    """A stream whose leaving is refused or interrupted raises that, and is let go all the same."""
    context = numbers.stream(str(number) for number in itertools.count(1))
    assert next(context.__enter__()) == 1

    async def leave() -> None:
        context.__exit__(None, None, None)

    with pytest.raises(ConfigurationError):
        asyncio.run(leave())
    assert settled(source.log, 2) == ["entered", "left"]
    assert not tasks()


def test_interrupted_while_entering() -> None:
    """An interruption while a stream is being entered cancels the entering, and nothing stays open."""
    ended: list[bool] = []

    class AsyncSlow:
        @asynccontextmanager
        async def stream(self, texts: AsyncIterable[str]) -> AsyncGenerator[AsyncIterator[str]]:
            try:
                yield aiter([text async for text in texts])  # type: ignore[arg-type]  # it never comes so far
            finally:
                ended.append(True)

    class Slow(Facade[AsyncSlow]):
        stream: Final = blocking(AsyncSlow.stream)

    def interrupted() -> Iterator[str]:
        yield "1"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), Slow(AsyncSlow()).stream(interrupted()):  # type: ignore[arg-type]  # lent as one
        pass
    assert settled(ended, 1) == [True]
    assert not tasks()


def test_leaving_when_the_loop_has_ended(numbers: Numbers, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stream whose loop has ended reads no further, and leaves without a word."""
    loop = LoopThread()
    monkeypatch.setattr(_streams, "loop_thread", lambda: loop)
    with numbers.stream(["1", "2"]) as stream:
        assert next(stream) == 1
        loop.end()
        with pytest.raises(ClientClosedError):
            list(stream)


# -- walks -------------------------------------------------------------------------------------------------------


def test_walk_is_a_plain_iterator(numbers: Numbers, source: AsyncNumbers) -> None:
    """An async generator becomes an iterator that gives each item once, and begins with the first."""
    walk = numbers.walk(1000)
    assert source.read == 0
    assert list(walk) == list(range(1000))
    assert source.log == ["left"]


def test_plain_method_that_returns_an_async_generator(numbers: Numbers, source: AsyncNumbers) -> None:
    """What a method returns decides what its twin is; what the method refuses, the twin refuses in the same moment."""
    assert list(numbers.checked_walk(1000)) == list(range(1000))
    assert source.log == ["left"]
    with pytest.raises(ValueError, match="below 0"):
        numbers.checked_walk(-1)


def test_walk_shows_what_it_is(numbers: Numbers) -> None:
    """An iterator's repr names the method it comes from."""
    assert "Numbers.walk" in repr(numbers.walk(1))
    assert "Numbers.checked_walk" in repr(numbers.checked_walk(1))


def test_method_without_a_twin(source: AsyncNumbers) -> None:
    """A method that returns nothing to wait for has no twin, and its call says so."""
    twin = blocking(AsyncNumbers.plain)  # type: ignore[call-overload]  # the mistake under test
    with pytest.raises(TypeError, match=r"AsyncNumbers\.plain: expected an async generator or stream, got 1"):
        twin(Facade(source))


@pytest.mark.parametrize("taken", [0, 1, BATCH_ITEMS, BATCH_ITEMS + 1])
def test_walk_can_be_dropped_anywhere(numbers: Numbers, source: AsyncNumbers, taken: int) -> None:
    """Dropping a walk leaves nothing behind, wherever it was."""
    walk = numbers.walk(10 * BATCH_ITEMS)
    assert list(itertools.islice(walk, taken)) == list(range(taken))
    del walk
    gc.collect()
    assert settled(source.log, min(taken, 1)) == ["left"] * min(taken, 1)
    assert source.read <= taken + 2 * BATCH_ITEMS


def test_walk_dropped_in_the_loop_does_not_wait_for_itself(numbers: Numbers, source: AsyncNumbers) -> None:
    """A walk that the garbage collector finds while it runs in the loop's own thread is let go all the same."""
    walks = [numbers.walk(10)]
    next(walks[0])

    async def drop() -> None:
        walks.clear()

    loop_thread().call(drop)
    assert settled(source.log, 1) == ["left"]


def tasks() -> set[str]:
    """Return the names of the tasks in the shared loop, but for the one that asks and the one that runs it all."""

    async def names() -> set[str]:
        await asyncio.sleep(0)
        return {task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()}

    return {name for name in loop_thread().call(names) if not name.endswith("LoopThread._main")}
