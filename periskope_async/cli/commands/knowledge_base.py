"""`periskope knowledge-base ...`: asks the client and prints what it gives. Knows no options, and asks nobody."""

from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from periskope_async.cli.commands import reading
from periskope_async.cli.outcome import Exit
from periskope_async.cli.render_knowledge import document_table, item_table, item_view
from periskope_async.cli.running import ask, display, progress, run
from periskope_async.cli.text import JSON, check_readable, visible, write_json
from periskope_async.models import KbDocumentCreated, KbItem

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["create", "delete", "get", "list_", "update", "upload"]

_ITEMS: Final = reading.Shown("knowledge_base", KbItem, item_table, item_view)


def list_(connect: "Connect", kind: str | None, limit: int | None, output: str) -> int:
    """Print items: the first *limit*, or all; with *kind*, those alone."""
    filters: dict[str, Any] = {} if kind is None else {"type": kind}

    def walk(client: "PeriskopeClient", most: int | None) -> AsyncGenerator[KbItem, None]:
        return client.knowledge_base.list(limit=most, **filters)

    return reading.list_(connect, _ITEMS, limit, walk, output)


def get(connect: "Connect", item_id: str, *, document: bool, output: str) -> int:
    """Print a question, or the chunks of a document."""

    async def fetch(client: "PeriskopeClient") -> Sequence[KbItem]:
        base = client.knowledge_base
        return await base.get_document(item_id) if document else [await base.get_faq(item_id)]

    reading.show(_ITEMS, ask(connect, "Fetching", fetch), output, one=not document)
    return 0


def create(connect: "Connect", question: str, answer: str, attachments: Sequence[str]) -> int:
    """Add a question, and print its id."""
    files = _files(attachments)
    name = ask(connect, "Adding", lambda client: client.knowledge_base.create_faq(question, answer, **files))
    click.echo(visible(name))
    return 0


def upload(connect: "Connect", place: str, name: str | None, output: str) -> int:
    """Add a document by its path or URL, and print what became of it; fail if it was not added."""
    if place.startswith(("http://", "https://")):
        made = ask(connect, "Adding", lambda client: client.knowledge_base.create_document(url=place, filename=name))
    else:
        made = _send(connect, Path(place), name)
    if output in JSON:
        write_json([each.to_dict() for each in made], output)
    else:
        display(document_table(made), wide=True)
    return Exit.OK if all(each.document_id for each in made) else Exit.SOME_FAILED


def _send(connect: "Connect", path: Path, name: str | None) -> tuple[KbDocumentCreated, ...]:
    """Send a file, and show on a terminal how far it is."""
    check_readable(path)

    async def send() -> tuple[KbDocumentCreated, ...]:
        async with connect() as client:
            return await client.knowledge_base.create_document(
                content=path, filename=name, on_progress=lambda now: report(now, None)
            )

    with progress() as report:
        return run(send)


def update(
    connect: "Connect",
    item_id: str,
    question: str | None,
    answer: str | None,
    attachments: Sequence[str],
    output: str,
) -> int:
    """Change a question and print it; what is None stays as it is."""

    async def send(client: "PeriskopeClient") -> KbItem:
        base, asked, said = client.knowledge_base, question, answer
        if asked is None or said is None:
            item = await base.get_faq(item_id)
            asked = item.question or "" if asked is None else asked
            said = item.answer or "" if said is None else said
        return await base.update_faq(item_id, asked, said, **_files(attachments))

    reading.show(_ITEMS, [ask(connect, "Updating", send)], output, one=True)
    return 0


def delete(connect: "Connect", item_id: str, *, document: bool) -> int:
    """Delete a question or a document, and print nothing."""

    async def send(client: "PeriskopeClient") -> None:
        base = client.knowledge_base
        await (base.delete_document if document else base.delete_faq)(item_id)

    ask(connect, "Deleting", send)
    return 0


def _files(attachments: Sequence[str]) -> dict[str, Any]:
    return {"attachments": attachments} if attachments else {}
