"""The messages to send that are typed, or stand in a file. Knows no client and no options."""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, cast

import click

from periskope_async import ConfigurationError, Media, Outgoing, Poll
from periskope_async._sansio.unset import UNSET
from periskope_async.cli.outcome import Exit, Failure
from periskope_async.cli.text import check_readable, named

__all__ = ["as_media", "read_messages", "to_each"]

#: What a message in a file may have.
_COLUMNS: Final = frozenset({"chat_id", "key", "media", "message", "poll", "reply_to"})


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
    try:
        if where.startswith(("http://", "https://")):
            return Media.from_url(where)
        check_readable(where)
        return Media.from_path(where)
    except ConfigurationError as error:  # it names an argument of `Media`, where a person has the one word
        raise ConfigurationError(f"media: {error.message.partition(': ')[2]}") from None


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
    except OSError as error:
        if error.filename == file:
            raise
        number = len(outgoing) + 1
        problem = f"{named(file)}, message {number}: {named(str(error.filename))}: {error.strerror}"
        raise Failure(Exit.FILE, problem) from None
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
