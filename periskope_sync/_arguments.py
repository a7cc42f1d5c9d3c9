"""What a caller passes in that is code of its own: called and pulled in the thread of the call, for the loop."""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, Callable, Collection, Iterable, Iterator, Mapping
from functools import cache, partial
from inspect import signature
from time import monotonic
from typing import Final, TypeVar, cast, get_args, get_origin

from periskope_async._io.source import Pulled
from periskope_sync._loop_thread import LoopThread
from periskope_sync._process import loop_thread
from periskope_sync._threads import Inbox

__all__ = ["BATCH_ITEMS", "bind"]

R = TypeVar("R")

#: Items that cross from thread to thread at once, at most: a hop costs as much as some ten items.
BATCH_ITEMS: Final = 256
#: Seconds after which a slow generator of the caller's hands over what it has.
PULL_SECONDS: Final = 0.005


def bind(
    method: Callable[..., R], async_: object, args: Iterable[object], kwargs: Mapping[str, object], inbox: Inbox
) -> Callable[[], R]:
    """Return the call of *method*, ready for the loop: what is the caller's running code is run by the caller."""
    return partial(
        method,
        async_,
        *(_adapt(method, position, value, inbox) for position, value in enumerate(args, 1)),
        **{name: _adapt(method, name, value, inbox) for name, value in kwargs.items()},
    )


def _adapt(method: Callable[..., object], where: int | str, value: object, inbox: Inbox) -> object:
    if callable(value) and where != "model":  # of `request`: a class, which nobody calls
        return CallersFunction(value, inbox)
    if not _is_lazy(value):
        return value
    items = cast("Iterable[object]", value)
    return CallersItems(items, inbox) if where in _async_parameters(method) else tuple(items)


@cache
def _async_parameters(method: Callable[..., object]) -> frozenset[int | str]:
    """Return positions and names of the parameters of *method* that may be an async iterable."""
    found: set[int | str] = set()
    for position, parameter in enumerate(signature(method).parameters.values()):
        alternatives = parameter.annotation, *get_args(parameter.annotation)
        if any(get_origin(alternative) is AsyncIterable for alternative in alternatives):
            found |= {position, parameter.name}
    return frozenset(found)


def _is_lazy(value: object) -> bool:
    """Whether iterating over *value* may run code of the caller's: a generator, an open file, a database query."""
    return isinstance(value, Iterable) and not isinstance(value, Collection)


class CallersFunction:
    """A callback of the caller's, for the loop: called in the caller's thread."""

    def __init__(self, callback: Callable[..., object], inbox: Inbox) -> None:
        self._callback = callback
        self._inbox = inbox

    def __call__(self, *args: object) -> None:
        self._inbox.put(partial(self._callback, *args))


class CallersItems(Pulled[R]):
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
        until = monotonic() + PULL_SECONDS
        try:
            if self._iterator is None:
                self._iterator = iter(self._items)
            for item in self._iterator:
                stock.append(item)
                if len(stock) >= BATCH_ITEMS or monotonic() >= until:
                    exhausted = False
                    break
        finally:
            loop.post(partial(self._deliver, delivery, stock, exhausted=exhausted))

    def _deliver(self, delivery: asyncio.Event, stock: list[R], *, exhausted: bool) -> None:
        self._stock.extend(stock)
        self._exhausted = exhausted
        self._delivery = None
        delivery.set()
