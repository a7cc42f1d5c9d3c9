"""`periskope messages send | broadcast`: messages, sent once. Knows no options, and asks nobody."""

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import click
from rich.table import Table
from rich.text import Text

from periskope_async import Outgoing, PeriskopeError, SendManyResult
from periskope_async.cli.files import csv_row
from periskope_async.cli.outcome import Exit, Outcome, Unsent, exit_of, explain, explain_all
from periskope_async.cli.running import display, progress, run, waiting
from periskope_async.cli.text import JSON, print_error, visible, write, write_json

if TYPE_CHECKING:
    from periskope_async import BroadcastReceipt, PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["broadcast", "earlier_run", "journal_of", "send"]

#: What is printed of each.
_REPORTED: Final = ("key", "chat_id", "outcome", "queue_id", "unique_id", "reason")
#: How far this machine's clock may be ahead of the service's, of whose messages some are looked for since a time.
_LEEWAY: Final = timedelta(minutes=5)
_STYLES: Final = {
    "sent": "green",
    "already sent": "dim",
    "failed": "bold red",
    "unclear": "bold yellow",
    "skipped": "dim",
}


def earlier_run(connect: "Connect", outgoing: Sequence[Outgoing], file: str) -> SendManyResult:
    """Return what an earlier run with the same *file* did, by its journal."""

    async def read() -> SendManyResult:
        async with connect() as client:
            return await client.messages.settle(outgoing, journal=journal_of(file))

    return run(read)


def journal_of(file: str) -> str:
    """Return where is noted what of the messages in *file* was sent."""
    return f"{file}.journal"


def send(
    connect: "Connect",
    outgoing: Sequence[Outgoing],
    output: str,
    *,
    file: str | None,
    before: SendManyResult,
    one_by_one: bool,
) -> int:
    """Send messages, say what became of each, and return the exit code.

    Args:
        connect: makes the client.
        outgoing: what to send.
        output: what to print.
        file: where they come from, beside which is noted what was sent; None for the command itself.
        before: what an earlier run with the file did.
        one_by_one: whether each is a call by itself, as on a dry run, which notes nothing.
    """
    journal = None if file is None else journal_of(file)
    left = [message for message in outgoing if message.key not in before.sent.keys() | before.unclear.keys()]
    look = _how_to_look(file, since_now=not before.unclear)

    async def work() -> SendManyResult:
        async with connect() as client:
            if one_by_one or (journal is None and len(outgoing) == 1):
                with waiting("Sending"):
                    return await _one_by_one(client, left)
            with progress() as report:
                return await client.messages.send_many(
                    outgoing, journal=journal, on_progress=lambda now: report(now, client.rate_limit)
                )

    try:
        result = run(work)
    except KeyboardInterrupt:
        message = "Stopped. What was under way may have been sent all the same."
        hint = "The same command goes on from there." if journal else look
        print_error(Outcome(Exit.INTERRUPTED, message, hint))
        return Exit.INTERRUPTED
    if one_by_one:
        if file is not None:
            click.echo(
                f"Sent already: {len(before.sent):,} of {len(outgoing):,}. Unclear: {len(before.unclear):,}.", err=True
            )
        return Exit.OK
    _print([_row(message, result, before) for message in outgoing], output)
    return _account(result, look)


def _how_to_look(file: str | None, *, since_now: bool) -> str:
    """Return how to find out whether messages were sent whose answers are lost; it names no people, for logs.

    *since_now*: whether all of them are of this run. When another one sent its own, nobody knows.
    """
    what = "CHAT_ID TEXT" if file is None else f"--from {shlex.quote(file)}"
    since = f" --since {(datetime.now(UTC) - _LEEWAY).isoformat(timespec='minutes')}" if since_now else ""
    return f"Do not send it again before you have looked:\n  periskope messages find {what}{since}"


def broadcast(connect: "Connect", outgoing: Sequence[Outgoing], times: Mapping[str, Any], output: str) -> int:
    """Have one message sent to many chats, print the id of the broadcast, and return the exit code.

    Args:
        connect: makes the client.
        outgoing: the same message, once for each chat.
        times: when it begins, and how long it waits between two chats.
        output: what to print.
    """
    first = outgoing[0]

    async def work() -> "BroadcastReceipt":
        async with connect() as client:
            return await client.messages.broadcast(
                [message.chat_id for message in outgoing],
                first.message,
                media=first.media,
                poll=first.poll,
                reply_to=first.reply_to,
                **times,
            )

    with waiting("Sending"):
        receipt = run(work)
    if output in JSON:
        write_json(receipt.to_dict(), output)
    else:
        write(f"{receipt.broadcast_id}\n".encode())
    return Exit.OK


async def _one_by_one(client: "PeriskopeClient", outgoing: Sequence[Outgoing]) -> SendManyResult:
    result = SendManyResult()
    for message in outgoing:
        key: Any = message.key
        try:
            result.sent[key] = await client.messages.send(
                message.chat_id, message.message, media=message.media, poll=message.poll, reply_to=message.reply_to
            )
        except Unsent:
            continue
        except PeriskopeError as error:
            (result.unclear if error.maybe_sent else result.failed)[key] = error
    return result


def _row(message: Outgoing, result: SendManyResult, before: SendManyResult) -> dict[str, Any]:
    """Return what became of a message, as it is printed."""
    key: Any = message.key
    row: dict[str, Any] = dict.fromkeys(_REPORTED) | {"key": key, "chat_id": message.chat_id}
    if receipt := result.sent.get(key):
        outcome = "already sent" if key in before.sent else "sent"
        return row | {"outcome": outcome, "queue_id": receipt.queue_id, "unique_id": receipt.unique_id}
    for outcome, errors in (("unclear", result.unclear), ("failed", result.failed)):
        if error := errors.get(key):
            return row | {"outcome": outcome, "reason": error.message}
    return row | {"outcome": "skipped"}


def _print(rows: Sequence[Mapping[str, Any]], output: str) -> None:
    match output:
        case "json" | "jsonl":
            write_json(rows, output)
        case "csv":
            write(b"".join([csv_row(_REPORTED), *(csv_row(row.values()) for row in rows)]))
        case _:
            grid = Table.grid(padding=(0, 2, 0, 0))
            for row in rows:
                grid.add_row(
                    Text(visible(row["chat_id"]), "bold"),
                    Text(row["outcome"], _STYLES[row["outcome"]]),
                    Text(visible(row["queue_id"] or row["reason"] or "")),
                )
            display(grid, wide=True)


def _account(result: SendManyResult, look: str) -> int:
    """Say on standard error what was not sent, and what may have been; return the exit code."""
    outcomes = explain_all([*result.failed.values(), *result.unclear.values()])
    code = exit_of((explain(error).exit for error in result.failed.values()), succeeded=len(result.sent))
    code = Exit.UNCLEAR if result.unclear else code
    for outcome in outcomes:
        print_error(outcome._replace(hint=look) if outcome.exit is Exit.UNCLEAR else outcome)
    if result.skipped:
        print_error(Outcome(code, f"After that, {len(result.skipped):,} messages were not tried."))
    return code
