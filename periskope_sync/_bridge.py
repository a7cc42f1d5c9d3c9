"""From an async method to its blocking twin, types and all. Knows how to cross threads, and nothing of tickets.

    class Tickets(Facade[AsyncTickets]):
        get: Final = blocking(AsyncTickets.get)

`Final` is what lets mypy and pyright see the twin as a method with the original's signature.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, aclosing
from functools import wraps
from inspect import iscoroutinefunction
from types import FunctionType
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from periskope_sync._arguments import bind
from periskope_sync._process import loop_thread
from periskope_sync._streams import BlockingStream
from periskope_sync._threads import Inbox, make_inbox

__all__ = ["Facade", "blocking", "blocking_clone"]

A = TypeVar("A")
R = TypeVar("R")
P = ParamSpec("P")


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


@overload
def blocking(
    method: Callable[Concatenate[A, P], Coroutine[Any, Any, R]], /
) -> Callable[Concatenate[Facade[A], P], R]: ...


@overload
def blocking(
    method: Callable[Concatenate[A, P], AsyncGenerator[R, None]], /
) -> Callable[Concatenate[Facade[A], P], Iterator[R]]: ...


@overload
def blocking(
    method: Callable[Concatenate[A, P], AbstractAsyncContextManager[AsyncIterator[R]]], /
) -> Callable[Concatenate[Facade[A], P], AbstractContextManager[Iterator[R]]]: ...


def blocking(method: Callable[..., Any], /) -> Callable[..., Any]:
    """Return the blocking twin of *method*, of the kind that follows from what the method returns.

    - A coroutine: the twin returns its result.
    - An async generator: the twin returns a plain iterator, which may be dropped at any point.
    - What is for `async with` and yields an async iterator: the twin's is for `with`, and yields a plain iterator.
    """
    return _blocking_call(method) if iscoroutinefunction(method) else _blocking_stream(method)


def blocking_clone(method: Callable[Concatenate[A, P], A], /) -> Callable[Concatenate[F, P], F]:
    """Return the twin of a plain method that returns another object of its async class: it returns another facade."""

    @wraps(method)
    def twin(self: F, /, *args: P.args, **kwargs: P.kwargs) -> F:
        sibling = object.__new__(type(self))
        sibling._async = method(_async_of(self), *args, **kwargs)  # pyright: ignore[reportPrivateUsage]  # as below
        return sibling

    return twin


def _blocking_call(method: Callable[..., Coroutine[Any, Any, R]]) -> Callable[..., R]:
    @wraps(method)
    def twin(self: Facade[Any], /, *args: object, **kwargs: object) -> R:
        inbox = make_inbox()
        return loop_thread().call(bind(method, _async_of(self), args, kwargs, inbox), inbox)

    return twin


def _blocking_stream(
    method: Callable[..., AsyncGenerator[R, None] | AbstractAsyncContextManager[AsyncIterator[R]]],
) -> Callable[..., Iterator[R] | AbstractContextManager[Iterator[R]]]:
    @wraps(method)
    def walk(items: AsyncGenerator[R, None], inbox: Inbox) -> Iterator[R]:
        # Not `with`: a dropped generator is closed in whatever thread collects it, which must not wait for the loop.
        yield from BlockingStream(aclosing(items), inbox).__enter__()

    @wraps(method)
    def twin(
        self: Facade[Any], /, *args: object, **kwargs: object
    ) -> Iterator[R] | AbstractContextManager[Iterator[R]]:
        # Called where the caller is, so that what it refuses, it refuses at once. It makes an object and no more; all
        # that happens, happens in the loop, once that object is entered or iterated over.
        inbox = make_inbox()
        stream = bind(method, _async_of(self), args, kwargs, inbox)()
        match stream:
            case AsyncGenerator():
                return walk(stream, inbox)
            case AbstractAsyncContextManager():
                return BlockingStream(stream, inbox)
            case _:
                raise TypeError(f"{method.__qualname__}: expected an async generator or stream, got {stream!r}")

    return twin


def _async_of(facade: Facade[A]) -> A:
    return facade._async  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]  # for twins: methods made outside the class
