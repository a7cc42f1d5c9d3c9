"""What is sent, and what became of it: values, checked when they are made."""

from collections.abc import Iterable
from typing import Any, cast

from attrs import field

from periskope_async._codec.model import masked
from periskope_async._deferred import define, frozen
from periskope_async._media import Media, MediaType
from periskope_async._sansio.arguments import as_flag, as_text, as_texts
from periskope_async._sansio.ids import as_chat_id, as_id
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError, DeadlineExceeded, PeriskopeError, why_ended
from periskope_async.models.sends import SendReceipt

__all__ = ["FoundSend", "Key", "Media", "MediaType", "Outgoing", "Poll", "SendManyResult"]

#: What a message of `send_many` is called in its result: what its `key` says, else its position from 0.
Key = str | int


def _as_options(options: Iterable[str]) -> tuple[str, ...]:
    return tuple(cast("list[str]", as_texts("options", options)))


@frozen
class Poll:
    """A poll to send. How many options WhatsApp allows, and how long they may be, the API does not document.

    Attributes:
        name: the question.
        options: the answers to choose from, at least two.
        allow_multiple_answers: whether one person may choose several.
        poll_id: your name for it, by which one poll in several chats can be recognised.

    Raises:
        ConfigurationError: the question is empty, an option is, there are fewer than two, or one is there twice.
    """

    name: str
    options: tuple[str, ...] = field(converter=_as_options)
    allow_multiple_answers: bool | Unset = field(default=UNSET, kw_only=True)
    poll_id: str | Unset = field(default=UNSET, kw_only=True)

    def __attrs_post_init__(self) -> None:
        as_text("name", self.name)
        as_flag("allow_multiple_answers", self.allow_multiple_answers)
        as_text("poll_id", self.poll_id)
        if len(self.options) < 2:  # nothing to choose from
            raise ConfigurationError("options: a poll needs at least two")
        if len(set(self.options)) < len(self.options):
            raise ConfigurationError("options: one is there twice")

    def fields(self) -> dict[str, Any]:
        """Return its fields in JSON."""
        settings = {"allowMultipleAnswers": self.allow_multiple_answers, "pollId": self.poll_id}
        chosen = {name: value for name, value in settings.items() if value is not UNSET}
        return {
            "pollName": self.name,
            "pollOptions": list(self.options),
            **({"options": chosen} if chosen else {}),
        }


@frozen
class Outgoing:
    """A message to send, for `messages.send_many`; the first five attributes are the arguments of `messages.send`.

    Attributes:
        chat_id: the chat, as `<digits>@c.us` (the suffix may be left out) or `…@g.us`.
        message: the text, or the caption of the file.
        media: a file.
        poll: a poll.
        reply_to: the id of the message it answers.
        key: what it is called in the result, and in a journal; None for its position from 0.

    Raises:
        ConfigurationError: there are media and a poll, or one of them is something else. What else is wrong fails the
            message alone when it is sent.
    """

    chat_id: str = field(repr=masked)
    message: str | None = field(default=None, repr=False)
    media: Media | None = field(default=None, kw_only=True)
    poll: Poll | None = field(default=None, kw_only=True)
    reply_to: str | None = field(default=None, kw_only=True, repr=False)
    key: Key | None = field(default=None, kw_only=True)

    def __attrs_post_init__(self) -> None:
        check_kinds(self.media, self.poll)

    def fields(self) -> dict[str, Any]:
        """Return its fields in JSON, the file's last.

        Raises:
            ConfigurationError: there is nothing to send, or an argument is unusable; the message names it.
        """
        content = content_fields(self.message, self.media, self.poll, self.reply_to)
        return {"chat_id": as_chat_id("chat_id", self.chat_id), **content}


def check_kinds(media: Media | None, poll: Poll | None) -> None:
    """Do nothing if a message may hold these.

    Raises:
        ConfigurationError: one of them is something else, or there are both.
    """
    for name, value, cls in (("media", media, Media), ("poll", poll, Poll)):
        if value is not None and not isinstance(cast("object", value), cls):
            raise ConfigurationError(f"{name}: expected {cls.__name__}, got {value.__class__.__name__}")
    if media is not None and poll is not None:
        raise ConfigurationError("media, poll: a message is one or the other")


def content_fields(message: str | None, media: Media | None, poll: Poll | None, reply_to: str | None) -> dict[str, Any]:
    """Return the fields in JSON of what is sent, whomever to; the file's last.

    Raises:
        ConfigurationError: there is nothing to send, or an argument is unusable; the message names it.
    """
    check_kinds(media, poll)
    if isinstance(message, str) and not message.strip():
        message = None
    if message is None and media is None and poll is None:
        raise ConfigurationError("message: is empty, and there is neither media nor a poll")
    fields: dict[str, Any] = {
        "message": UNSET if message is None else as_text("message", message),
        "reply_to": UNSET if reply_to is None else as_id("reply_to", reply_to),
        "poll": UNSET if poll is None else poll.fields(),
        "media": UNSET if media is None else media.fields(),
    }
    return {name: value for name, value in fields.items() if value is not UNSET}


@define
class SendManyResult:
    """What became of many sends. Every message is in exactly one of the four, by its key.

    Attributes:
        sent: the receipts of what the service took over.
        failed: why a message was certainly not sent.
        unclear: why it is not known whether a message was sent: its answer was lost. Never send one again before you
            have looked: `messages.find_sent` does, and `messages.settle` notes in the journal what it found.
        skipped: what was never attempted, because a refused key, an outage or the deadline ended the run before.
    """

    sent: dict[Key, SendReceipt] = field(factory=dict[Key, SendReceipt])
    failed: dict[Key, PeriskopeError] = field(factory=dict[Key, PeriskopeError])
    unclear: dict[Key, PeriskopeError] = field(factory=dict[Key, PeriskopeError])
    skipped: tuple[Key, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the service took every message over."""
        return not self.failed and not self.unclear and not self.skipped

    def raise_for_errors(self) -> None:
        """Do nothing if the service took every message over.

        Raises:
            ExceptionGroup: of the `PeriskopeError` of each message that failed or is unclear; if messages were only
                skipped, of one `DeadlineExceeded` that says how many.
        """
        if self.ok:
            return
        summary = f"{len(self.failed)} failed, {len(self.unclear)} are unclear, {len(self.skipped)} were skipped"
        skipped = DeadlineExceeded(f"{len(self.skipped)} messages were not attempted before the run ended")
        raise ExceptionGroup(
            f"messages: {why_ended(self.failed.values())}{summary}",
            [*self.failed.values(), *self.unclear.values()] or [skipped],
        )


@frozen
class FoundSend:
    """A trace of a send, as `messages.find_sent` returns it; what the service does not say is None.

    Attributes:
        queue_id: the send.
        message_id: the full id of the message, once it has left the queue.
        status: of the send, as the queue calls it; None if it is in the chat and no longer in the queue's list.
    """

    queue_id: str | None
    message_id: str | None
    status: str | None
