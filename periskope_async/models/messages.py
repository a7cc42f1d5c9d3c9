"""Messages."""

from datetime import datetime

from attrs import field, frozen

from periskope_async._codec.marks import EMPTY_TEXT
from periskope_async._codec.model import Model, identity

__all__ = ["Message"]


@frozen(kw_only=True, field_transformer=identity)
class Message(Model):
    """A message, in the short form tickets carry.

    Attributes:
        message_id: the full id: `true_<chat>_<id>`, in groups with `_<participant>` after it.
        chat_id: the chat it was sent in.
        org_phone: the organisation's phone in the chat, with `@c.us`.
        body: the text.
        timestamp: when it was sent.
        media_path: where its media is.
        sender_name: the name of who sent it.
        sender_phone: the phone of who sent it, digits only.
        performed_by: the e-mail address of the organisation's user who sent it through Periskope.
    """

    message_id: str
    chat_id: str | None = None
    org_phone: str | None = None
    body: str | None = field(default=None, metadata=EMPTY_TEXT)
    timestamp: datetime | None = None
    media_path: str | None = field(default=None, metadata=EMPTY_TEXT)
    sender_name: str | None = None
    sender_phone: str | None = None
    performed_by: str | None = None
