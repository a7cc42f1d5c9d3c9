"""`periskope messages find | settle`: what became of sends whose answer was lost. Knows no options."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from shlex import quote
from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Table
from rich.text import Text

from periskope_async import FoundSend, Outgoing, SendManyResult
from periskope_async._sansio.arguments import as_datetime
from periskope_async.cli.commands.sending import journal_of
from periskope_async.cli.outcome import Exit, Failure
from periskope_async.cli.running import display, run, waiting
from periskope_async.cli.text import visible, write_json

if TYPE_CHECKING:
    from periskope_async import PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["find", "settle"]

#: How far back sends are looked for where nobody says.
_A_DAY: Final = timedelta(days=1)

Found = dict[Any, tuple[FoundSend, ...]]


def find(connect: "Connect", outgoing: Sequence[Outgoing], file: str | None, since: str | None, output: str) -> int:
    """Print the traces of messages, of those in a *file* only the unclear ones; return the exit code."""
    after = datetime.now(UTC) - _A_DAY if since is None else as_datetime("since", since)

    async def look() -> Found:
        async with connect() as client:
            if file is None:
                return {each.key: await client.messages.find_sent(each, since=after) for each in outgoing}
            before = await client.messages.settle(outgoing, journal=journal_of(file))
            unclear = [message for message in outgoing if message.key in before.unclear]
            return await _look_for_each(client, unclear, after, {receipt.queue_id for receipt in before.sent.values()})

    with waiting("Looking"):
        found = run(look)
    if not found:
        click.echo("No message of the file is unclear.", err=True)
        return Exit.OK
    chats = {message.key: message.chat_id for message in outgoing}
    _print([_row(key, chats[key], trace) for key, traces in found.items() for trace in traces or (None,)], output)
    if file is not None:
        click.echo("\n".join(_commands(file, found)), err=True)
    elif not any(found.values()):
        raise Failure(Exit.NOT_FOUND, "No trace of it.", _NO_PROOF)
    return Exit.OK


_NO_PROOF: Final = "That proves nothing in the first moments: look again before you send it once more."


async def _look_for_each(
    client: "PeriskopeClient", outgoing: Sequence[Outgoing], since: datetime, known: set[str]
) -> Found:
    """Look for messages of a file, of which some may be alike: what is *known* is of others, no trace of two."""
    found: Found = {}
    for message in outgoing:
        traces = await client.messages.find_sent(message, since=since)
        found[message.key] = tuple(trace for trace in traces if _name(trace) not in known)[:1]
        known |= set(map(_name, found[message.key]))
    return found


def _row(key: Any, chat_id: str, trace: FoundSend | None) -> dict[str, Any]:
    ids = (None, None, None) if trace is None else (trace.queue_id, trace.message_id, trace.status)
    return {"key": key, "chat_id": chat_id, **dict(zip(("queue_id", "message_id", "status"), ids, strict=True))}


def _commands(file: str, found: Found) -> list[str]:
    """Return the commands that note what was found in the journal, and that go on."""
    options = [
        f"--not-sent {quote(str(key))}" if not traces else f"--sent {quote(f'{key}={_name(traces[0])}')}"
        for key, traces in found.items()
    ]
    return [
        *([f"No trace of some. {_NO_PROOF}"] if not all(found.values()) else []),
        "Once you are sure:",
        *(f"  periskope messages settle {quote(file)} {option}" for option in options),
        f"  periskope messages send --from {quote(file)}",
    ]


def _name(trace: FoundSend) -> str:
    return str(trace.queue_id or trace.message_id)


def _print(rows: Sequence[Mapping[str, Any]], output: str) -> None:
    match output:
        case "json" | "jsonl":
            write_json(rows, output)
        case _:
            grid = Table.grid(padding=(0, 2, 0, 0))
            for row in rows:
                lost = row["queue_id"] is None and row["message_id"] is None
                what = "no trace" if lost else row["status"] or "in the chat"
                grid.add_row(
                    Text(visible(str(row["key"])), "bold"),
                    Text(what, "yellow" if lost else "green"),
                    Text(visible(row["queue_id"] or row["message_id"] or "")),
                )
            display(grid, wide=True)


def settle(
    connect: "Connect", outgoing: Sequence[Outgoing], file: str, sent: Sequence[str], not_sent: Sequence[str]
) -> int:
    """Note what became of unclear messages in the journal of their *file*, and say what is left."""
    keys = {str(message.key): message.key for message in outgoing}
    found = dict[Any, FoundSend | None]()
    for word in sent:
        name, equals, queue_id = word.rpartition("=")
        if not (equals and queue_id):
            raise Failure(Exit.USAGE, f"--sent {word}: expected KEY=QUEUE_ID, as `messages find` prints it.")
        found[_key(keys, name)] = FoundSend(queue_id, None, None)
    for name in not_sent:
        if _key(keys, name) in found:
            raise Failure(Exit.USAGE, f"{name} is both: sent and not sent.")
        found[_key(keys, name)] = None

    async def note() -> SendManyResult:
        async with connect() as client:
            return await client.messages.settle(outgoing, journal=journal_of(file), found=found)

    now = run(note)
    grid = Table.grid(padding=(0, 2, 0, 0))
    for what, count in (("sent", len(now.sent)), ("unclear", len(now.unclear)), ("to be sent", len(now.skipped))):
        grid.add_row(what, f"{count:,}")
    display(grid)
    return Exit.OK


def _key(keys: Mapping[str, Any], name: str) -> Any:
    if name not in keys:
        raise Failure(Exit.USAGE, f"The file holds no message that is called {name}.")
    return keys[name]
