"""The commands on messages, as `--help` lists them. Must import nothing slow, as `app`."""

import re
from typing import TYPE_CHECKING, Any, Final

import click

from periskope_async.cli.options import (
    InOrder,
    all_of,
    asks,
    changed_options,
    confirm,
    export_options,
    hands_on_connect,
    how_many,
    output,
    rehearsing,
)

if TYPE_CHECKING:
    from periskope_async import Outgoing
    from periskope_async.cli.options import Connect

__all__ = ["messages"]

#: What can be the id of a chat, and so is not taken for a text.
_CHAT_ID: Final = re.compile(r"\+?[0-9][0-9 ().-]*|\S+@[a-z]+\.us")


@click.group(cls=InOrder)
def messages() -> None:
    """Send, read and export messages."""


#: To whom, and what.
_message: Final = all_of(
    click.argument("words", nargs=-1, metavar="CHAT_ID... [TEXT]"),
    click.option("--text", metavar="TEXT", help="What to say, also where it looks like the ID of a chat."),
    click.option("--media", metavar="PATH|URL", help="A file to send; the text is its caption."),
    click.option("--poll", metavar="QUESTION", help="A poll to send, with an --option for each answer."),
    click.option("--option", "options", multiple=True, metavar="TEXT", help="An answer of the poll."),
    click.option("--several", is_flag=True, help="One person may choose several answers."),
    click.option("--reply-to", metavar="ID", help="The message that it answers."),
)


@messages.command()
@_message
@click.option("--from", "file", metavar="FILE", help="Messages from a .jsonl or .csv file, in place of all above.")
@asks
@output("table", "json", "csv")
@hands_on_connect
def send(
    connect: "Connect",
    *,
    words: tuple[str, ...],
    text: str | None,
    file: str | None,
    yes: bool,
    output: str,
    **content: Any,
) -> int:
    """Send a message to one or more chats, and print what became of each. TEXT `-` is standard input.

    The last word is the text, unless it can be the ID of a chat. More than one chat needs a yes.

    --from FILE sends a file of messages: `chat_id`, `message`, `media`, `reply_to` and `key`, in JSON also `poll` as
    {"name": ..., "options": [...]}. What was sent is noted in FILE.journal, and the same command sends only what was
    not, however the last one ended.

    Nothing is ever sent twice. Exit code 10 says that the answer to a send was lost: `periskope messages find` looks
    for it, and for a file `periskope messages settle` notes what you found.
    """
    from periskope_async import SendManyResult
    from periskope_async.cli.commands import sending

    outgoing, before = _outgoing(words, text, file, **content), SendManyResult()
    if file is not None:
        before = sending.earlier_run(connect, outgoing, file)
    left = [message for message in outgoing if message.key not in before.sent.keys() | before.unclear.keys()]
    chats = len({message.chat_id for message in left})
    if chats > 1:
        confirm(f"Send {len(left):,} messages to {chats:,} chats?", yes=yes, what="sent")
    return sending.send(connect, outgoing, output, file=file, before=before, one_by_one=rehearsing())


def _outgoing(words: tuple[str, ...], text: str | None, file: str | None, **content: Any) -> "list[Outgoing]":
    """Return the messages of a file, or those that are typed."""
    from periskope_async.cli.commands import composing

    if file is None:
        return composing.to_each(*_recipients(words, text, **content), **content)
    if words or text is not None or any(content.values()):
        raise click.UsageError("--from FILE says which messages: leave the rest out.")
    return composing.read_messages(file)


@messages.command()
@_message
@click.option("--from", "file", metavar="FILE", help="The unclear messages of a file, in place of all above.")
@click.option("--since", metavar="DATE", help="Only what was sent then or later.  [default: a day ago]")
@output("view", "json")
@hands_on_connect
def find(
    connect: "Connect",
    *,
    words: tuple[str, ...],
    text: str | None,
    file: str | None,
    since: str | None,
    output: str,
    **content: Any,
) -> int:
    """Look in the queue and in the chat for a send whose answer was lost. Takes what `send` took.

    Two lines for one message mean that it was sent twice. None proves nothing in the first moments: look again.
    """
    from periskope_async.cli.commands import settling

    return settling.find(connect, _outgoing(words, text, file, **content), file, since, output)


@messages.command()
@click.argument("file", metavar="FILE")
@click.option("--sent", multiple=True, metavar="KEY=QUEUE_ID", help="It was sent, as `find` shows.")
@click.option("--not-sent", multiple=True, metavar="KEY", help="It certainly was not: the next run sends it again.")
@hands_on_connect
def settle(connect: "Connect", *, file: str, sent: tuple[str, ...], not_sent: tuple[str, ...]) -> int:
    """Note what became of unclear messages of a file, so that `send --from FILE` goes on with them.

    A message is named by its key, else by its number from 1. Sends nothing; says how far the file is.
    """
    from periskope_async.cli.commands import composing, settling

    return settling.settle(connect, composing.read_messages(file), file, sent, not_sent)


@messages.command()
@_message
@click.option(
    "--at",
    "scheduled_at",
    metavar="DATE",
    help="When it begins, such as 2026-01-31T09:00+01:00, UTC without an offset; else now.",
)
@click.option("--delay", type=float, metavar="SECONDS", help="Between two chats; the service's default is 1.")
@asks
@output("view", "json")
@hands_on_connect
def broadcast(
    connect: "Connect",
    *,
    words: tuple[str, ...],
    text: str | None,
    scheduled_at: str | None,
    delay: float | None,
    yes: bool,
    output: str,
    **content: Any,
) -> int:
    """Have the service send one message to many chats, and print the ID of the broadcast.

    It is one request, and can be for later. `periskope queue show --broadcast ID` says how far it is, `periskope queue
    purge --broadcast ID` stops it. A time without an offset is UTC.
    """
    from periskope_async.cli.commands import composing, sending

    outgoing = composing.to_each(*_recipients(words, text, **content), **content)
    confirm(f"Broadcast to {len(outgoing):,} chat{'s'[: len(outgoing) > 1]}?", yes=yes, what="sent")
    times = {name: value for name, value in (("scheduled_at", scheduled_at), ("delay", delay)) if value is not None}
    return sending.broadcast(connect, outgoing, times, output)


def _recipients(
    words: tuple[str, ...], text: str | None, *, media: str | None, poll: str | None, **_: Any
) -> tuple[tuple[str, ...], str | None]:
    """Return which of *words* are chats, and the text."""
    if text is None and words and not _CHAT_ID.fullmatch(words[-1]):
        *chat_ids, text = words
        words = tuple(chat_ids)
    if not words:
        raise click.UsageError("Say to which chat: CHAT_ID... [TEXT]")
    if len({word.removesuffix("@c.us") for word in words}) < len(words):
        raise click.UsageError("One chat is named twice.")
    if text is None and media is None and poll is None:
        raise click.UsageError("Say what to send. What looks like the ID of a chat is a text as --text only.")
    return words, text


@messages.command()
@click.argument("message_ids", nargs=-1, required=True, metavar="ID...")
@output("view", "table", "json", "csv")
@hands_on_connect
def get(connect: "Connect", *, message_ids: tuple[str, ...], output: str) -> int:
    """Show messages. An ID may be the queue ID of a send that has left the queue.

    `json` prints what the API sends: an object for one ID, an array for several.
    """
    from periskope_async.cli.commands import messages as _messages

    return _messages.get(connect, message_ids, output)


_since = click.option("--since", "start_time", metavar="DATE", help="Only what was sent then or later.")
_until = click.option("--until", "end_time", metavar="DATE", help="Only what was sent before, or then.")


@messages.command("list")
@click.option("--chat", metavar="ID", help="Only of this chat.")
@_since
@_until
@how_many("message")
@click.option("--oldest-first", is_flag=True, help="In the order in which they were sent.")
@output("table", "json", "csv")
@hands_on_connect
def list_(connect: "Connect", *, limit: int | None, output: str, **chosen: Any) -> int:
    """List messages, newest first."""
    from periskope_async.cli.commands import messages as _messages

    return _messages.list_(connect, limit, chosen, output)


@messages.command("export")
@click.option("--chat", "chats", multiple=True, metavar="ID", help="Those of a chat; may be named several times.")
@click.option("--all", "everything", is_flag=True, help="Those of every chat.")
@_since
@_until
@changed_options
@export_options
@hands_on_connect
def export(
    connect: "Connect",
    *,
    chats: tuple[str, ...],
    everything: bool,
    start_time: str | None,
    end_time: str | None,
    changed: bool,
    state: str | None,
    **options: Any,
) -> int:
    """Save messages into a file, newest first.

    After Ctrl-C, a lost connection or a crash, the same command with --resume goes on, and every message is in the
    file once. It reads the pages again, and saves what is missing: messages that came since, too, at the end.

    With --changed, FILE is brought up to date, as by `periskope tickets export`. With --since as well, what was sent
    before stays in FILE as it is.
    """
    from periskope_async.cli.commands import messages as _messages
    from periskope_async.cli.commands import sources

    sources.check_state(changed=changed, state=state)
    if state is not None:
        if everything or chats or end_time is not None:
            raise click.UsageError("--changed is of all messages, those until now: it goes with --since alone.")
        return _messages.export_changed(connect, start_time, state, **options)
    if everything is bool(chats):
        raise click.UsageError("Say which messages: either --all, or --chat ID.")
    return _messages.export(connect, chats, start_time, end_time, **options)
