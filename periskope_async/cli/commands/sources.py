"""What can be exported, and where it comes from: by ids, or as a list has it. Knows no files and no options."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from periskope_async import Fetched
from periskope_async._io.changes import Subject
from periskope_async.cli.commands import changes, export
from periskope_async.cli.commands.export import Found, Source
from periskope_async.cli.files import Kind
from periskope_async.cli.running import waiting
from periskope_async.models import Chat, Contact, Message, TicketInfo

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = [
    "CHATS",
    "CONTACTS",
    "TICKETS",
    "check_state",
    "export_by_ids",
    "export_changed_messages",
    "export_messages",
]

TICKETS: Final = Kind("tickets", TicketInfo, ("ticket", "ticket_id"))
CHATS: Final = Kind("chats", Chat, ("chat_id",))
CONTACTS: Final = Kind("contacts", Contact, ("contact_id",))
_MESSAGES: Final = Kind("messages", Message, ("message_id",))


def export_by_ids(
    connect: "Connect",
    kind: Kind,
    *,
    ids: Sequence[str],
    everything: bool,
    ids_file: str | None,
    changed: bool,
    state: str | None,
    out: str,
    form: str | None,
    **what_is_there: bool,
) -> int:
    """Save the things of this *kind* that have these *ids*, or those in a file, or all, and return the exit code.

    Raises:
        UsageError: it is not said which.
        Failure: as for `export`.
        OSError: the file of ids cannot be read.
    """
    check_state(changed=changed, state=state)
    if ids == ("-",):
        ids, ids_file = (), "-"
    match changed + everything + bool(ids) + (ids_file is not None):
        case 0:
            raise click.UsageError(f"Say which {kind.name}: --all, --changed, --ids-file FILE, or IDs.")
        case 1:
            pass
        case _:
            raise click.UsageError(f"--all, --changed, --ids-file FILE and IDs each say which {kind.name}: choose one.")
    if state is not None:
        target = export.target(_path(out), form, kind)
        return changes.export_changed(connect, _about(kind), target, state, **what_is_there)
    wanted = None if everything else ids if ids_file is None else _read_ids(ids_file)
    target = export.target(_path(out), form, kind)
    return export.export(connect, _by_ids(kind, wanted), target, **what_is_there)


def check_state(*, changed: bool, state: str | None) -> None:
    """Insist that `--changed` and `--state` stand together.

    Raises:
        UsageError: they do not.
    """
    if changed and state is None:
        raise click.UsageError("--changed needs --state FILE: there the run keeps what it saw, for the next one.")
    if state is not None and not changed:
        raise click.UsageError("--state FILE is for --changed: add that, or leave --state out.")


def _about(kind: Kind, **query: Any) -> changes.About:
    def about(client: "PeriskopeClient") -> Subject[Any, Any]:
        resource: Any = getattr(client, kind.name)
        subject: Subject[Any, Any] = resource._subject(**query)  # noqa: SLF001  # ours; `changed_since` would keep all rows
        return subject

    return about


def export_changed_messages(
    connect: "Connect", state: str, *, out: str, form: str | None, query: Mapping[str, Any], **what_is_there: bool
) -> int:
    """Save the messages that changed since a state, and return the exit code.

    Raises:
        Failure: as for `export_changed`.
    """
    target = export.target(_path(out), form, _MESSAGES)
    return changes.export_changed(connect, _about(_MESSAGES, **query), target, state, **what_is_there)


def export_messages(
    connect: "Connect",
    walks: "Sequence[Callable[[PeriskopeClient], AsyncGenerator[Message, None]]]",
    *,
    out: str,
    form: str | None,
    **what_is_there: bool,
) -> int:
    """Save the messages of these *walks*, one after the other, and return the exit code.

    Raises:
        Failure: as for `export`.
    """
    target = export.target(_path(out), form, _MESSAGES)
    return export.export(connect, _walked(walks), target, **what_is_there)


def _path(out: str) -> Path | None:
    return None if out == "-" else Path(out)


def _read_ids(file: str) -> list[str]:
    """Return the ids in *file*, one a line, without blank lines; `-` is standard input."""
    # What is not UTF-8 goes on as it is: the client refuses such an id by itself, and the others count.
    with click.open_file(file, encoding="utf-8-sig", errors="surrogateescape") as lines:
        return [name for line in lines if (name := line.strip())]


def _by_ids(kind: Kind, ids: Sequence[str] | None) -> Source:
    """Find what has these *ids*, or whatever the list has; each is fetched by itself, for only so it comes in full."""

    @asynccontextmanager
    async def found(client: "PeriskopeClient", kept: set[str]) -> AsyncGenerator[Found]:
        resource: Any = getattr(client, kind.name)
        if ids is None:
            # All ids first: the rest is known then, and so the time it takes; and rows have no time to shift.
            with waiting(f"Listing {kind.name}"):
                wanted = [getattr(row, kind.id_key) async for row in resource.list()]
        else:
            wanted = list(ids)
        todo = [name for name in dict.fromkeys(wanted) if name not in kept]
        async with resource.stream(todo) as results:
            yield Found(len(todo), results)

    return found


def _walked(walks: "Sequence[Callable[[PeriskopeClient], AsyncGenerator[Message, None]]]") -> Source:
    """Find what lists have: a page of messages holds each in full, so a second run reads pages again, not messages."""

    @asynccontextmanager
    async def found(client: "PeriskopeClient", kept: set[str]) -> AsyncGenerator[Found]:
        async def rows() -> AsyncGenerator[Fetched[Message], None]:
            for walk in walks:
                async with aclosing(walk(client)) as messages:
                    async for message in messages:
                        if message.message_id not in kept:
                            yield Fetched(message.message_id, message)

        async def with_first() -> AsyncGenerator[Fetched[Message], None]:
            if first is not None:
                yield first
                async for row in rest:
                    yield row

        async with aclosing(rows()) as rest:
            with waiting("Listing messages"):
                first = await anext(rest, None)  # a list that cannot be read fails here
            async with aclosing(with_first()) as results:
                yield Found(None, results)

    return found
