"""Private notes in chats, and pages of them."""

from datetime import datetime

from attrs import field

from periskope_async._codec.marks import LEFT_OUT, ROWS, LooseText
from periskope_async._codec.model import Model, identity
from periskope_async._deferred import frozen
from periskope_async.models.messages import MessageMedia, MessageType
from periskope_async.models.pages import Page, rows_first, show_count
from periskope_async.models.reactions import ack_level

__all__ = ["Note", "NotePage"]


@frozen(kw_only=True, field_transformer=identity)
class Note(Model):
    """A private note in a chat: the organisation sees it, and nobody else.

    Attributes:
        message_id: the id of the note.
        chat_id: the chat it is in.
        org_id: the organisation it belongs to.
        org_phone: the organisation's phone in that chat, with `@c.us`.
        message_type: what it is; a text is `chat`.
        body: its text.
        prev_body: its text before it was edited.
        timestamp: when it was made.
        updated_at: when it last changed.
        ack: how far it has come: -1 failed, 0 pending, up to 5 read by all. A number, as text.
        media: its file.
        from_me: whether the organisation made it.
        performed_by: the e-mail address of the organisation's user who made it, or `api`.
        sender_phone: the phone it was made for, with `@c.us`.
        quoted_message_id: the note or message it replies to.
        mentioned_ids: who is mentioned: `@` and an e-mail address.
        is_private_note: whether it is a note and not a message.
        is_deleted: whether it was deleted.
        sent_message_id: its id in the queue.
        unique_id: its short id: the middle of `message_id`.
    """

    message_id: str
    chat_id: str | None = None
    org_id: str | None = None
    org_phone: str | None = None
    message_type: MessageType | None = None
    body: str | None = None
    prev_body: str | None = None
    timestamp: datetime | None = None
    updated_at: datetime | None = None
    ack: LooseText | None = None
    media: MessageMedia | None = None
    from_me: bool | None = None
    performed_by: str | None = None
    sender_phone: str | None = None
    quoted_message_id: str | None = None
    mentioned_ids: tuple[str, ...] = ()
    is_private_note: bool | None = None
    is_deleted: bool | None = None
    sent_message_id: str | None = None
    unique_id: str | None = None

    @property
    def ack_level(self) -> int | None:
        """`ack` as a number; None if there is none."""
        return ack_level(self.ack)


@frozen(kw_only=True, field_transformer=rows_first)
class NotePage(Page[Note]):
    """One page of the list of notes.

    Attributes:
        notes: its rows, in the order of the service: newest first.
        start_time: the beginning of the time it is of, as text.
        end_time: the end of that time, as text.
    """

    notes: tuple[Note, ...] = field(default=(), metadata=ROWS, repr=show_count)
    start_time: str | None = field(default=None, metadata=LEFT_OUT)
    end_time: str | None = field(default=None, metadata=LEFT_OUT)
