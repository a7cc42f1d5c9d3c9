"""What `list` returns: an async generator that says how it is read to who takes it for something else."""

from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import Any, NoReturn, TypeVar

__all__ = ["Rows"]

RowT = TypeVar("RowT")


class Rows(AsyncGenerator[RowT, None]):
    """An async generator's stand-in, which hands it out to `async for`, so that a row costs nothing more."""

    __slots__ = ("_rows",)

    def __init__(self, rows: AsyncGenerator[RowT, None]) -> None:
        self._rows = rows

    def __aiter__(self) -> AsyncIterator[RowT]:
        return self._rows

    async def __anext__(self) -> RowT:
        return await anext(self._rows)

    async def asend(self, value: None, /) -> RowT:
        return await self._rows.asend(value)

    async def athrow(
        self, typ: Any, val: Any = None, tb: TracebackType | None = None, /
    ) -> RowT:  # not the deprecated three arguments: the exception alone goes on
        error = typ if val is None else val
        return await self._rows.athrow(error if tb is None else error.with_traceback(tb))

    async def aclose(self) -> None:
        await self._rows.aclose()


def _mistaken(problem: str) -> Any:
    def method(_: object) -> NoReturn:
        raise TypeError(
            f"{problem}: read it with 'async for row in ...list()', or one page with 'await ...list_page()'"
        )

    return method


# Set from outside, so that a type checker goes on refusing both before they are run.
setattr(Rows, "__iter__", _mistaken("an async list cannot be read with 'for'"))  # noqa: B010
setattr(Rows, "__await__", _mistaken("an async list cannot be awaited"))  # noqa: B010
