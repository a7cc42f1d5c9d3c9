"""What the pages of all lists have in common."""

from collections.abc import Sequence
from typing import Any, Generic, TypeVar

import attrs
from attrs import field

from periskope_async._codec.marks import LEFT_OUT
from periskope_async._codec.model import Model
from periskope_async._deferred import frozen

__all__ = ["Page", "rows_first", "show_count"]

Row_co = TypeVar("Row_co", bound=Model, covariant=True)


@frozen(kw_only=True)
class Page(Model, Generic[Row_co]):
    """One page of a list.

    Attributes:
        count: the service's own count; what it counts is not documented, so do not end a walk on it.
        first: the number of the first row, counted from 1 (`from` in JSON).
        last: the number of the last row (`to` in JSON).
    """

    count: int | None = field(default=None, metadata=LEFT_OUT)
    first: int | None = field(default=None, metadata=LEFT_OUT | {"key": "from"})
    last: int | None = field(default=None, metadata=LEFT_OUT | {"key": "to"})

    @property
    def rows(self) -> tuple[Row_co, ...]:
        """The rows, in the order of the service: the one name for what each page calls after its objects."""
        name = next(a.name for a in attrs.fields(type(self)) if a.metadata.get("rows"))
        rows: tuple[Row_co, ...] = getattr(self, name)
        return rows


def rows_first(_cls: type, fields: Sequence["attrs.Attribute[Any]"]) -> list["attrs.Attribute[Any]"]:
    """Put the rows of a page before what is inherited: they are what a page is for."""
    return sorted(fields, key=lambda a: not a.metadata.get("rows"))


def show_count(rows: tuple[Model, ...]) -> str:
    """Return the repr of the rows of a page: their number."""
    return f"<{len(rows)} rows>"
