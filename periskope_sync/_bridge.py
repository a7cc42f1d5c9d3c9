"""From an async method to its blocking twin, types and all. Knows how to cross threads, and nothing of tickets.

    class Tickets(Facade[AsyncTickets]):
        get: Final = blocking(AsyncTickets.get)

`Final` is what lets mypy and pyright see the twin as a method with the original's signature.
"""

import asyncio
from collections import deque
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Collection,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing, suppress
from functools import cache, partial, wraps
from inspect import signature
from time import monotonic
from types import FunctionType
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, cast, get_args, get_origin

from periskope_async._io.source import Pulled
from periskope_async.errors import ClientClosedError
from periskope_sync._runner import LoopThread, loop_thread
from periskope_sync._threads import Inbox, make_inbox

__all__ = ["Facade", "blocking", "blocking_clone", "blocking_iter", "blocking_stream"]

A = TypeVar("A")
R = TypeVar("R")
P = ParamSpec("P")

#: So many items cross from thread to thread at once, at most: a hop costs as much as some ten items.
BATCH: Final = 256
#: Seconds after which a slow generator of the caller's hands over what it has.
MOMENT: Final = 0.005


class Facade(Generic[A]):
    """The blocking face of one async object."""

    def __init__(self, async_: A) -> None:
        self._async = async_

    def __init_subclass__(cls) -> None:
        """Let the twins show the class they are found in, in reprs and in `help()`."""
        for name, twin in vars(cls).items():
            if isinstance(twin, FunctionType):
                twin.__module__, twin.__qualname__ = cls.__module__, f"{cls.__qualname__}.{name}"


F = TypeVar("F", bound=Facade[Any])


def blocking(method: Callable[Concatenate[A, P], Coroutine[Any, Any, R]], /) -> Callable[Concatenate[Facade[A], P], R]:
    """Return the twin of a coroutine method: it returns the result."""

    @wraps(method)
    def twin(self: Facade[A], /, *args: P.args, **kwargs: P.kwargs) -> R:
        inbox = make_inbox()
        return loop_thread().call(_prepare(inbox, method, self, args, kwargs), inbox)

    return twin


def blocking_stream(
    method: Callable[Concatenate[A, P], AbstractAsyncContextManager[AsyncIterator[R]]], /
) -> Callable[Concatenate[Facade[A], P], AbstractContextManager[Iterator[R]]]:
    """Return the twin of a method for `async with` that yields an async iterator: `with`, a plain iterator."""

    @wraps(method)
    def twin(self: Facade[A], /, *args: P.args, **kwargs: P.kwargs) -> AbstractContextManager[Iterator[R]]:
        inbox = make_inbox()
        return _Stream(_prepare(inbox, method, self, args, kwargs), inbox)

    return twin


def blocking_iter(
    method: Callable[Concatenate[A, P], AsyncGenerator[R, None]], /
) -> Callable[Concatenate[Facade[A], P], Iterator[R]]:
    """Return the twin of an async generator method: a plain iterator, which may be dropped at any point."""

    @wraps(method)
    def twin(self: Facade[A], /, *args: P.args, **kwargs: P.kwargs) -> Iterator[R]:
        inbox = make_inbox()
        walk = _prepare(inbox, method, self, args, kwargs)
        # Not `with`: a dropped generator is closed in whatever thread collects it, which must not wait for the loop.
        yield from _Stream(lambda: aclosing(walk()), inbox).__enter__()

    return twin


def blocking_clone(method: Callable[Concatenate[A, P], A], /) -> Callable[Concatenate[F, P], F]:
    """Return the twin of a plain method that returns another object of its async class: it returns another facade."""

    @wraps(method)
    def twin(self: F, /, *args: P.args, **kwargs: P.kwargs) -> F:
        sibling = object.__new__(type(self))
        sibling._async = method(_async_of(self), *args, **kwargs)  # pyright: ignore[reportPrivateUsage]  # as below
        return sibling

    return twin


# -- the caller's own code -------------------------------------------------------------------------------------------


def _prepare(
    inbox: Inbox, method: Callable[..., R], facade: Facade[Any], args: Iterable[Any], kwargs: Mapping[str, Any]
) -> Callable[[], R]:
    """Return the call of *method*, ready for the loop: what is the caller's running code is run by the caller."""
    return partial(
        method,
        _async_of(facade),
        *(_adapt(inbox, method, position, value) for position, value in enumerate(args, 1)),
        **{name: _adapt(inbox, method, name, value) for name, value in kwargs.items()},
    )


def _async_of(facade: Facade[A]) -> A:
    return facade._async  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # for twins: methods made outside the class


def _adapt(inbox: Inbox, method: Callable[..., object], where: int | str, value: object) -> object:
    if callable(value):
        return _Callback(value, inbox)
    if not _is_lazy(value):
        return value
    items = cast("Iterable[object]", value)
    return _Pulled(items, inbox) if where in _async_parameters(method) else tuple(items)


@cache
def _async_parameters(method: Callable[..., object]) -> frozenset[int | str]:
    """Return positions and names of the parameters of *method* that may be given an async iterable."""
    found: set[int | str] = set()
    for position, parameter in enumerate(signature(method).parameters.values()):
        alternatives = parameter.annotation, *get_args(parameter.annotation)
        if any(get_origin(alternative) is AsyncIterable for alternative in alternatives):
            found |= {position, parameter.name}
    return frozenset(found)


def _is_lazy(value: object) -> bool:
    """Whether iterating over *value* may run code of the caller's: a generator, an open file, a database query."""
    return isinstance(value, Iterable) and not isinstance(value, Collection)


class _Callback:
    """A callback of the caller's, for the loop: called in the caller's thread."""

    def __init__(self, callback: Callable[..., object], inbox: Inbox) -> None:
        self._callback = callback
        self._inbox = inbox

    def __call__(self, *args: object) -> None:
        self._inbox.put(partial(self._callback, *args))


class _Pulled(Pulled[R]):
    """An iterable of the caller's, for the loop: pulled in the caller's thread while the caller waits in a call."""

    def __init__(self, items: Iterable[R], inbox: Inbox) -> None:
        self._items = items
        self._iterator: Iterator[R] | None = None
        self._inbox = inbox
        self._stock: deque[R] = deque()
        self._exhausted = False
        self._delivery: asyncio.Event | None = None

    async def __anext__(self) -> R:
        while not self._stock:
            if self._exhausted:
                raise StopAsyncIteration
            if self._delivery is None:
                self._delivery = asyncio.Event()
                self._inbox.put(partial(self._pull, loop_thread(), self._delivery))
            await self._delivery.wait()
        return self._stock.popleft()

    def _pull(self, loop: LoopThread, delivery: asyncio.Event) -> None:
        stock: list[R] = []
        exhausted = True  # also when it raises: the error is the caller's at once, and the loop gets the rest
        until = monotonic() + MOMENT
        try:
            if self._iterator is None:
                self._iterator = iter(self._items)
            for item in self._iterator:
                stock.append(item)
                if len(stock) >= BATCH or monotonic() >= until:
                    exhausted = False
                    break
        finally:
            loop.post(partial(self._deliver, delivery, stock, exhausted=exhausted))

    def _deliver(self, delivery: asyncio.Event, stock: list[R], *, exhausted: bool) -> None:
        self._stock.extend(stock)
        self._exhausted = exhausted
        self._delivery = None
        delivery.set()


# -- streams ---------------------------------------------------------------------------------------------------------


class _Stream(AbstractContextManager[Iterator[R]]):
    """The caller's side of a stream."""

    def __init__(self, stream: Callable[[], AbstractAsyncContextManager[AsyncIterator[R]]], inbox: Inbox) -> None:
        self._loop = loop_thread()
        self._reader = _Reader(stream)
        self._inbox = inbox
        # What interrupts a finalizer ends it, and is told to nobody. So there are two.
        self._when_dropped = tuple(_Finalizer(self._loop.post, self._reader.cancel) for _ in range(2))

    def __enter__(self) -> Iterator[R]:
        try:
            self._loop.call(self._reader.open, self._inbox)
            return self._items()
        except BaseException:  # an interruption may come when all is open already
            self._let_go()
            raise

    def __exit__(self, *_: object) -> None:
        # The caller's exception, if any, stays on this side: the loop only learns that nobody reads on.
        try:
            with suppress(ClientClosedError):  # the loop is gone, and the stream with it
                self._loop.call(self._reader.close)
        except BaseException:  # an interruption may come when nothing is closed yet
            self._let_go()
            raise

    def _let_go(self) -> None:
        with suppress(ClientClosedError):
            self._loop.post(self._reader.cancel)

    def _items(self) -> Iterator[R]:
        while batch := self._loop.call(self._reader.take, self._inbox):
            yield from batch


class _Finalizer(partial[None]):
    """A call that is made when it is dropped. It is made in one step, which nothing can interrupt half-way."""

    def __del__(self) -> None:
        with suppress(ClientClosedError):
            self()


class _Reader(Generic[R]):
    """The loop's side of a stream: one task enters, reads a batch ahead, and leaves, as task groups demand."""

    def __init__(self, stream: Callable[[], AbstractAsyncContextManager[AsyncIterator[R]]]) -> None:
        self._stream = stream
        self._task: asyncio.Task[None] | None = None
        self._batch: list[R] = []
        self._error: BaseException | None = None
        self._entered = False
        self._leaving = False
        self._over = False
        self._opened = asyncio.Event()
        self._news = asyncio.Event()
        self._room = asyncio.Event()

    async def open(self) -> None:
        """Enter the stream and begin to read."""
        self._task = asyncio.create_task(self._read())
        await self._opened.wait()
        if not self._entered:
            self._raise_error()

    async def take(self) -> list[R]:
        """Return what has been read, at least one item; nothing when the stream has ended."""
        await self._news.wait()
        batch, self._batch = self._batch, []
        if not batch:
            self._raise_error()
        elif not self._over:
            self._news.clear()
        self._room.set()
        return batch

    def cancel(self) -> None:
        """Have the task leave the stream. If it does so already, let it."""
        if self._task is not None and not self._leaving:
            self._leaving = True
            self._task.cancel()

    async def close(self) -> None:
        """Leave the stream and wait until nothing of it is left."""
        self.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _read(self) -> None:
        try:
            async with self._stream() as items:
                self._entered = True
                self._opened.set()
                try:
                    async for item in items:
                        self._batch.append(item)
                        self._news.set()
                        if len(self._batch) >= BATCH:
                            self._room.clear()
                            await self._room.wait()
                finally:
                    self._leaving = True
        except BaseException as error:  # noqa: BLE001  # whatever it is, the caller is to see it
            self._error = error
        finally:
            self._over = True
            self._opened.set()
            self._news.set()

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error
