"""What the service answers to a send, and what it says of one later."""

from collections.abc import Mapping
from typing import Any

from periskope_async._codec.marks import EMPTY_MAPPING, LooseInt, LooseText
from periskope_async._codec.model import Model, identity, sparse
from periskope_async._deferred import frozen
from periskope_async.models.messages import Message
from periskope_async.models.reactions import ack_level

__all__ = ["BroadcastReceipt", "MessageStatus", "SendReceipt", "SendSyncAnswer", "SentMessage"]


@frozen(kw_only=True, field_transformer=sparse)
class SendReceipt(Model):
    """The service has taken a message over: it is in the queue of its phone, and not sent yet.

    Attributes:
        queue_id: the send. `messages.get` takes it for an id once the message has left the queue.
        unique_id: WhatsApp's short id of the message, provisional; `messages.get_status` takes it.
        queue_position: how many messages are before it, as the service counts.
        hint: a text for people.
    """

    queue_id: str
    unique_id: str | None = None
    queue_position: LooseInt | None = None
    hint: str | None = None


@frozen(kw_only=True, field_transformer=sparse)
class SentMessage(Model):
    """A message that was confirmed to be sent.

    Attributes:
        message: the message, as it is in the chat.
        status: `sent`.
        unique_id: WhatsApp's short id of the message.
    """

    message: Message
    status: str | None = None
    unique_id: str | None = None


@frozen(kw_only=True, field_transformer=sparse)
class SendSyncAnswer(Model):
    """Either of the two that `POST /message/send-sync` answers; which one, its keys say.

    Attributes:
        message: of a `SentMessage`.
        queue_id: of a `SendReceipt`.
    """

    message: Message | None = None
    queue_id: str | None = None

    def as_either(self) -> SentMessage | SendReceipt:
        """Return the one it is."""
        cls: type[SentMessage | SendReceipt] = SendReceipt if self.message is None else SentMessage
        return cls.from_dict(self.to_dict())


@frozen(kw_only=True, field_transformer=identity)
class BroadcastReceipt(Model):
    """The service has taken a broadcast over.

    Attributes:
        broadcast_id: the broadcast.
    """

    broadcast_id: str


@frozen(kw_only=True, field_transformer=sparse)
class MessageStatus(Model):
    """How far a send has come.

    Attributes:
        unique_id: WhatsApp's short id of the message.
        queue_id: the send.
        message_id: the full id; None while it is in the queue.
        chat_id: the chat it is sent to.
        performed_by: the e-mail address of who sent it, or `api`.
        status: such as `sent` or `read`; which others there are is not documented.
        status_description: the same for people.
        ack: how far it has come, as in `Message.ack`.
        message: any JSON: `body`, `type`, `quoted_message_id`.
        timeline: any JSON: `queued_at`, `sent_at`.
        attempts: how often the service tried to send it.
        delivered_count: recipients reached.
        read_count: recipients who read it.
    """

    unique_id: str
    queue_id: str | None = None
    message_id: str | None = None
    chat_id: str | None = None
    performed_by: str | None = None
    status: str | None = None
    status_description: str | None = None
    ack: LooseText | None = None
    message: Mapping[str, Any] = EMPTY_MAPPING
    timeline: Mapping[str, Any] = EMPTY_MAPPING
    attempts: int | None = None
    delivered_count: int | None = None
    read_count: int | None = None

    @property
    def ack_level(self) -> int | None:
        """`ack` as a number; None if there is none."""
        return ack_level(self.ack)
