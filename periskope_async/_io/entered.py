"""What is for `async with` and gives an async iterator, and says so to who uses it in another way."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Generic, NoReturn, TypeVar

__all__ = ["Entered"]

T = TypeVar("T")


class Entered(AbstractAsyncContextManager[AsyncIterator[T]], Generic[T]):
    """What is entered before it is iterated over.

    Args:
        opened: what it is.
        how: how it is used, for those who do it otherwise.
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

    def __repr__(self) -> str:
        return f"<{self.how}>"

    if not TYPE_CHECKING:  # so that checkers go on to find the mistake

        def __aiter__(self) -> NoReturn:
            raise TypeError(self.how)

        __anext__ = __await__ = __enter__ = __exit__ = __iter__ = __next__ = __aiter__
