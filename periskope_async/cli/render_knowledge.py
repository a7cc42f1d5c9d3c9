"""The knowledge base as a person wants to read it. Knows no client and no options."""

from collections.abc import Iterable

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from periskope_async.cli.render import facts_grid, fitting, local_time
from periskope_async.cli.render_directory import plain_table
from periskope_async.cli.text import visible
from periskope_async.models import KbDocumentCreated, KbItem

__all__ = ["document_table", "item_table", "item_view"]


def item_table(items: Iterable[KbItem], width: int | None = None) -> Table:
    """Return a table with one line for each item. *width*: columns of the terminal, None for no limit."""
    wide = ("Item", "Type", "Document", "Question")
    headings = fitting(width, wide, ("Item", "Type", "Question"), ("Item", "Question"))
    rows = ((each.context_id, each.type, each.document_id, each.question) for each in items)
    return plain_table(headings, ([row[wide.index(heading)] for heading in headings] for row in rows))


def item_view(item: KbItem) -> RenderableType:
    """Return an item in full, but for its embedding."""
    facts = facts_grid(
        ("ID", item.context_id),
        ("Type", item.type),
        ("Document", item.document_id),
        ("Attachments", item.attachments),
        ("Created", local_time(item.created_at)),
        ("Changed", local_time(item.updated_at)),
    )
    answer = Padding(Text(visible(item.answer or "")), (0, 0, 0, 2))
    return Group(Text(visible(item.question or item.context_id), "bold"), answer, facts)


def document_table(made: Iterable[KbDocumentCreated]) -> Table:
    """Return a table with one line for what became of each document."""
    rows = (
        (each.document_id or "not added", each.status, f"{each.chunks_count or 0} chunks", each.file_name, each.reason)
        for each in made
    )
    return plain_table((), rows)
