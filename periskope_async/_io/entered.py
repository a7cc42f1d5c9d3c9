"""What is for `async with` and gives an async iterator, and says so to who uses it in another way."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

__all__ = ["Entered", "EnteredFirst"]

T = TypeVar("T")


class EnteredFirst:
    """What is entered before it is iterated over; how, stands in `how`, and is the answer to any other use."""

    how: str

    def __repr__(self) -> str:
        return f"<{self.how}>"

    if not TYPE_CHECKING:  # so that checkers go on to find the mistake

        def __iter__(self) -> NoReturn:
            raise TypeError(self.how)

        __next__ = __aiter__ = __anext__ = __await__ = __iter__
        __enter__ = __exit__ = __aenter__ = __aexit__ = __iter__  # a class has two of them


class Entered(EnteredFirst, AbstractAsyncContextManager[AsyncIterator[T]], Generic[T]):
    """An async context manager that gives an async iterator.

    Args:
        opened: what it is.
        how: how it is used.
    """

    def __init__(self, opened: AbstractAsyncContextManager[AsyncIterator[T]], how: str) -> None:
        self._opened = opened
        self.how = how

    async def __aenter__(self) -> AsyncIterator[T]:
        return await self._opened.__aenter__()

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return await self._opened.__aexit__(exc_type, exc, traceback)
