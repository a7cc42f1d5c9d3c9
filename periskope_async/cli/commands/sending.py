"""`periskope messages send | broadcast`: what is typed or in a file, sent once. Knows no options, and asks nobody."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click
from rich.table import Table
from rich.text import Text

from periskope_async import Media, Outgoing, PeriskopeError, Poll, SendManyResult
from periskope_async._sansio.unset import UNSET
from periskope_async.cli.files import csv_row
from periskope_async.cli.outcome import Exit, Failure, Outcome, Unsent, exit_of, explain, explain_all
from periskope_async.cli.running import display, progress, run, waiting
from periskope_async.cli.text import named, tell, to_json, visible, write

if TYPE_CHECKING:
    from periskope_async import BroadcastReceipt, PeriskopeClient
    from periskope_async.cli.options import Connect

__all__ = ["as_media", "broadcast", "read_messages", "send", "to_each"]

#: What a message in a file may have.
_COLUMNS: Final = frozenset({"chat_id", "key", "media", "message", "poll", "reply_to"})
#: What is printed of each.
_REPORTED: Final = ("key", "chat_id", "outcome", "queue_id", "unique_id", "reason")
_STYLES: Final = {"sent": "green", "failed": "bold red", "unclear": "bold yellow", "skipped": "dim"}
_FIND_OUT: Final = (
    "Do not send it again before you have looked, in the queue and in the chat:\n"
    "  periskope queue show --jobs\n"
    "  periskope messages list --chat ID"
)


def to_each(
    chat_ids: Sequence[str],
    text: str | None,
    *,
    media: str | None,
    poll: str | None,
    options: Sequence[str],
    several: bool,
    reply_to: str | None,
) -> list[Outgoing]:
    """Return one message for each chat, with its id for a key. The text `-` is standard input.

    Raises:
        UsageError: it makes no poll.
        ConfigurationError: it cannot be sent.
    """
    if poll is None and (options or several):
        raise click.UsageError("--option and --several are of a poll: --poll QUESTION")
    question = None if poll is None else Poll(poll, options, allow_multiple_answers=several or UNSET)
    file = None if media is None else as_media(media)
    said = _standard_input() if text == "-" else text
    outgoing = [
        Outgoing(chat_id, said, media=file, poll=question, reply_to=reply_to, key=chat_id) for chat_id in chat_ids
    ]
    for message in outgoing:
        message.fields()  # whatever is wrong is found before the first is sent
    return outgoing


def _standard_input() -> str:
    # What is not UTF-8 goes on as it is, and the client refuses it.
    with click.open_file("-", encoding="utf-8", errors="surrogateescape") as stream:
        text: str = stream.read()
    return text.removesuffix("\n")


def as_media(where: str) -> Media:
    """Return the file at a path or a URL.

    Raises:
        ConfigurationError: it cannot be read, or what it is cannot be found out.
    """
    return Media.from_url(where) if where.startswith(("http://", "https://")) else Media.from_path(where)


def read_messages(file: str) -> list[Outgoing]:
    """Return the messages in a file; what has no key is called after its number, from 1.

    Raises:
        Failure: it holds something that is not a message; its number and what is wrong are named.
        OSError: it cannot be read.
    """
    rows = {".jsonl": _json_rows, ".csv": _csv_rows}.get(Path(file).suffix.lower())
    if rows is None:
        raise Failure(Exit.USAGE, f"{named(file)}: expected a .jsonl or .csv file.")
    outgoing = list[Outgoing]()
    try:
        for row in rows(Path(file)):
            outgoing.append(_outgoing(row, len(outgoing) + 1))
    except (ValueError, LookupError, TypeError) as error:
        raise Failure(Exit.USAGE, f"{named(file)}, message {len(outgoing) + 1}: {error}") from None
    if not outgoing:
        raise Failure(Exit.USAGE, f"{named(file)}: holds no messages.")
    return outgoing


def _json_rows(file: Path) -> Iterator[Any]:
    with file.open(encoding="utf-8-sig") as lines:
        yield from (json.loads(line) for line in lines if line.strip())


def _csv_rows(file: Path) -> Iterator[Any]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        # An empty cell says nothing; a cell without a heading has None for one.
        yield from ({name: cell for name, cell in row.items() if cell != ""} for row in csv.DictReader(lines))


def _outgoing(row: Any, number: int) -> Outgoing:
    if not isinstance(row, dict):
        raise TypeError("expected an object")
    fields = cast("dict[str, Any]", row)
    if unknown := fields.keys() - _COLUMNS:
        known = ", ".join(sorted(_COLUMNS))
        raise ValueError(f"{min(map(str, unknown))} is not one of {known}")
    media, poll = fields.get("media"), fields.get("poll")
    outgoing = Outgoing(
        fields.get("chat_id", ""),
        fields.get("message"),
        media=None if media is None else as_media(str(media)),
        poll=None if poll is None else _poll(poll),
        reply_to=fields.get("reply_to"),
        key=fields.get("key", number),
    )
    outgoing.fields()
    return outgoing


def _poll(poll: Any) -> Poll:
    if not isinstance(poll, dict) or poll.keys() != {"name", "options"}:
        raise TypeError('poll: expected {"name": ..., "options": [...]}')
    return Poll(**cast("dict[str, Any]", poll))


def send(
    connect: "Connect", outgoing: Sequence[Outgoing], journal: str | None, output: str, *, one_by_one: bool
) -> int:
    """Send messages, say what became of each, and return the exit code.

    Args:
        connect: makes the client.
        outgoing: what to send.
        journal: the file in which is noted what was sent, and which the next run goes on with.
        output: what to print.
        one_by_one: whether each is a call by itself, as on a dry run, which notes nothing.
    """

    async def work() -> SendManyResult:
        async with connect() as client:
            if one_by_one or (journal is None and len(outgoing) == 1):
                with waiting("Sending"):
                    return await _one_by_one(client, outgoing)
            with progress() as report:
                return await client.messages.send_many(
                    outgoing, journal=journal, on_progress=lambda now: report(now, client.rate_limit)
                )

    try:
        result = run(work)
    except KeyboardInterrupt:
        message = "Stopped. What was under way may have been sent all the same."
        hint = "The same command goes on from there." if journal else _FIND_OUT
        tell(Outcome(Exit.INTERRUPTED, message, hint))
        return Exit.INTERRUPTED
    if one_by_one:
        return Exit.OK
    _print([_row(message, result) for message in outgoing], output)
    return _account(result)


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
    write(to_json(receipt.to_dict(), indent=2) if output == "json" else f"{receipt.broadcast_id}\n".encode())
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


def _row(message: Outgoing, result: SendManyResult) -> dict[str, Any]:
    """Return what became of a message, as it is printed."""
    key: Any = message.key
    row: dict[str, Any] = dict.fromkeys(_REPORTED) | {"key": key, "chat_id": message.chat_id}
    if receipt := result.sent.get(key):
        return row | {"outcome": "sent", "queue_id": receipt.queue_id, "unique_id": receipt.unique_id}
    for outcome, errors in (("unclear", result.unclear), ("failed", result.failed)):
        if error := errors.get(key):
            return row | {"outcome": outcome, "reason": error.message}
    return row | {"outcome": "skipped"}


def _print(rows: Sequence[Mapping[str, Any]], output: str) -> None:
    match output:
        case "json":
            write(to_json(rows, indent=2))
        case "jsonl":
            for row in rows:
                write(to_json(row))
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


def _account(result: SendManyResult) -> int:
    """Say on standard error what was not sent, and what may have been; return the exit code."""
    outcomes = explain_all([*result.failed.values(), *result.unclear.values()])
    code = exit_of((explain(error).exit for error in result.failed.values()), succeeded=len(result.sent))
    code = Exit.UNCLEAR if result.unclear else code
    for outcome in outcomes:
        tell(outcome._replace(hint=_FIND_OUT) if outcome.exit is Exit.UNCLEAR else outcome)
    if result.skipped:
        tell(Outcome(code, f"After that, {len(result.skipped):,} messages were not tried."))
    return code
