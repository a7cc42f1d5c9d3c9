"""What `get` and `list` do, whatever they read: ask the client, print what it gives. Knows no options."""

from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import click
from attrs import frozen
from rich.console import RenderableType

from periskope_async import BulkResult, ConfigurationError, NotFoundError
from periskope_async._codec.model import Model
from periskope_async.cli.files import rows_to_csv
from periskope_async.cli.outcome import Failure, explain
from periskope_async.cli.running import account, display, run, waiting, width
from periskope_async.cli.text import visible, write, write_json

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["PAGE", "Shown", "get", "list_", "show"]

M = TypeVar("M", bound=Model)

#: The longest page that the service sends, rows.
PAGE = 2000


@frozen
class Shown(Generic[M]):
    """How a kind of things is read and shown.

    Attributes:
        name: where the client has them, which is also what several are called.
        model: what each is.
        table: makes one line of each, for a terminal of that width, columns; None for no limit.
        view: shows one in full.
    """

    name: str
    model: type[M]
    table: Callable[[Sequence[M], int | None], RenderableType]
    view: Callable[[M], RenderableType]


def get(connect: "Connect", kind: Shown[M], ids: Sequence[str], output: str) -> int:
    """Print what has these *ids* on standard output, and why any did not come on standard error."""

    async def fetch() -> BulkResult[M]:
        async with connect() as client:
            resource: Any = getattr(client, kind.name)
            if len(ids) == 1:  # whoever waits for one thing shall not wait through an outage, as bulk runs do
                return BulkResult({ids[0]: await resource.get(ids[0])})
            found: BulkResult[M] = await resource.get_many(ids)
            return found

    with waiting("Fetching"):
        try:
            found = run(fetch)
        except (ConfigurationError, NotFoundError) as error:
            if not (hint := _apart(ids)):
                raise
            outcome = explain(error)
            raise Failure(outcome.exit, outcome.message, hint) from None
    show(kind, list(found.fetched.values()), output, one=len(ids) == 1)
    code = account(found, kind.name)
    if hint := _apart(found.errors):
        click.echo(hint, err=True)
    return code


def _apart(failed: Iterable[str]) -> str:
    """Return a hint for who put commas between ids."""
    names = next((name.split(",") for name in failed if "," in name), None)
    return "" if names is None else f"Put blanks between IDs, not commas: {visible(' '.join(filter(None, names)))}"


def list_(
    connect: "Connect",
    kind: Shown[M],
    limit: int | None,
    walk: "Callable[[PeriskopeClient, int | None], AsyncGenerator[M, None]]",
    output: str,
) -> int:
    """Print the first *limit* rows, or all, of *walk*, which takes how many are wanted; say if there are more."""

    async def collect() -> list[M]:
        most = None if limit is None else limit + 1  # one more shows whether there are more
        async with connect() as client, aclosing(walk(client, most)) as rows:
            return [row async for row in rows]

    with waiting("Listing"):
        found = run(collect)
    show(kind, found[:limit], output)
    if limit is not None and len(found) > limit:
        click.echo(f"There are more than {limit:,}: --limit N shows more of them, --all shows all.", err=True)
    return 0


def show(kind: Shown[M], rows: Sequence[M], output: str, *, one: bool = False) -> None:
    """Print *rows*; with *one*, `json` is the object and no array."""
    match output:
        case "table":
            display(kind.table(rows, width()), wide=True)
        case "json" | "jsonl":
            values = [row.to_dict() for row in rows]
            write_json(values[0] if one else values, output)
        case "csv":
            write(rows_to_csv(kind.model, rows))
        case _:
            for row in rows:
                display(kind.view(row))
