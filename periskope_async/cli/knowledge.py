"""The commands on the knowledge base. Must import nothing slow, as `app`."""

from typing import TYPE_CHECKING

import click

from periskope_async.cli.options import InOrder, asks, confirm, hands_on_connect, how_many, output, writes

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["knowledge_base"]

_is_document = click.option("--document", is_flag=True, help="The ID is a document's, not a question's.")
_attachments = click.option("--attachment", "attachments", multiple=True, metavar="URL", help="Repeatable.")


@click.group("knowledge-base", cls=InOrder)
def knowledge_base() -> None:
    """See to what the AI agent knows. `kb` for short.

    It knows questions and documents.
    """


@knowledge_base.command("list")
@click.option("--type", "type_", type=click.Choice(["faq", "document"]), help="Only questions, or chunks of documents.")
@how_many("item")
@output("table", "json", "csv")
@hands_on_connect
def list_(connect: "Connect", *, type_: str | None, limit: int | None, output: str) -> int:
    """List questions, and chunks of documents."""
    from periskope_async.cli.commands import knowledge_base as _knowledge_base

    return _knowledge_base.list_(connect, type_, limit, output)


@knowledge_base.command()
@click.argument("item_id", metavar="ID")
@_is_document
@output("view", "json")
@hands_on_connect
def get(connect: "Connect", *, item_id: str, document: bool, output: str) -> int:
    """Show a question with its answer, or the chunks of a document."""
    from periskope_async.cli.commands import knowledge_base as _knowledge_base

    return _knowledge_base.get(connect, item_id, document=document, output=output)


@knowledge_base.command()
@click.argument("question")
@click.argument("answer")
@_attachments
@writes
@hands_on_connect
def create(connect: "Connect", *, question: str, answer: str, attachments: tuple[str, ...]) -> int:
    """Add a question with its answer, and print its ID. Never sent twice."""
    from periskope_async.cli.commands import knowledge_base as _knowledge_base

    return _knowledge_base.create(connect, question, answer, attachments)


@knowledge_base.command()
@click.argument("place", metavar="PATH|URL")
@click.option("--name", metavar="TEXT", help="What it is called, where not as its path or URL ends.")
@writes
@output("table", "json")
@hands_on_connect
def upload(connect: "Connect", *, place: str, name: str | None, output: str) -> int:
    """Add a document, and say what became of it. Never sent twice.

    A file of yours is read and sent piece by piece; one by URL the service fetches. Exit code 1 says that the service
    has read it and not added it.
    """
    from periskope_async.cli.commands import knowledge_base as _knowledge_base

    return _knowledge_base.upload(connect, place, name, output)


@knowledge_base.command()
@click.argument("item_id", metavar="ID")
@click.option("--question", metavar="TEXT")
@click.option("--answer", metavar="TEXT")
@_attachments
@writes
@output("view", "json")
@hands_on_connect
def update(
    connect: "Connect",
    *,
    item_id: str,
    question: str | None,
    answer: str | None,
    attachments: tuple[str, ...],
    output: str,
) -> int:
    """Change a question and show it.

    The service takes question and answer together: what is not named is read first, and sent as it was.
    """
    from periskope_async.cli.commands import knowledge_base as _knowledge_base

    if question is None and answer is None and not attachments:
        raise click.UsageError("Nothing to change: give at least one value.")
    return _knowledge_base.update(connect, item_id, question, answer, attachments, output)


@knowledge_base.command()
@click.argument("item_id", metavar="ID")
@_is_document
@asks
@hands_on_connect
def delete(connect: "Connect", *, item_id: str, document: bool, yes: bool) -> int:
    """Delete a question, or a document with all its chunks."""
    from periskope_async.cli.commands import knowledge_base as _knowledge_base

    confirm(f"Delete {'the document' if document else 'the question'} {item_id} for good?", yes=yes)
    return _knowledge_base.delete(connect, item_id, document=document)
