"""Messages in full, and what they hold."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.enums import OpenStrEnum
from periskope_async._codec.marks import EMPTY_MAPPING, LEFT_OUT, NULL, ROWS, LooseInt, LooseText, keyed
from periskope_async._codec.model import Model, identity, sparse
from periskope_async._deferred import frozen
from periskope_async.models.pages import Page, rows_first, show_count
from periskope_async.models.reactions import Reaction, ack_level

__all__ = ["DeliveryInfo", "Message", "MessageFlag", "MessageMedia", "MessagePage", "MessagePoll", "MessageType"]


class MessageType(OpenStrEnum):
    """What a message is. Plain text is `CHAT`."""

    CHAT = "chat"
    STICKER = "sticker"
    IMAGE = "image"
    VIDEO = "video"
    DOCUMENT = "document"
    VCARD = "vcard"
    MULTI_VCARD = "multi_vcard"
    AUDIO = "audio"
    PTT = "ptt"
    POLL_CREATION = "poll_creation"
    LOCATION = "location"
    CIPHERTEXT = "ciphertext"


@frozen(kw_only=True, field_transformer=sparse)
class MessageMedia(Model):
    """The file of a message.

    Attributes:
        path: a URL, or a path inside the service's storage.
        filename: its name.
        mimetype: its MIME type.
        size: bytes.
        dimensions: `width` and `height` in pixels, and `ar`, the ratio of the two.
        thumbnail: a preview.
        filedata: its content in base64; notes only.
        compress: whether it was to be sent compressed.
    """

    path: str | None = None
    filename: str | None = None
    mimetype: str | None = None
    size: int | None = None
    dimensions: Mapping[str, Any] = EMPTY_MAPPING
    thumbnail: str | None = None
    filedata: str | None = None
    compress: bool | None = None


@frozen(kw_only=True, field_transformer=identity)
class DeliveryInfo(Model):
    """Whom a message has reached.

    Attributes:
        delivered: when it reached each recipient, in milliseconds since 1970.
        delivered_count: recipients reached.
        read: when each recipient read it, in milliseconds since 1970.
        read_count: recipients who read it.
        pending: recipients not yet reached.
    """

    delivered: Mapping[str, int] = EMPTY_MAPPING
    delivered_count: int | None = None
    read: Mapping[str, int] = EMPTY_MAPPING
    read_count: int | None = None
    pending: tuple[str, ...] = ()


@frozen(kw_only=True, field_transformer=sparse)
class MessageFlag(Model):
    """Why a message is flagged, and what answered it.

    Attributes:
        status: whether it is flagged.
        flagged_at: when it was flagged, as the service spells it.
        flagged_by: who flagged it.
        response_type: what answered it: reaction, message, ticket, manual.
        response_id: the id of what answered it.
        response_timestamp: when it was answered, as the service spells it.
        response_email: the e-mail address of who answered.
        response_phone: the phone that answered.
    """

    status: bool | None = None
    flagged_at: str | None = None
    flagged_by: str | None = None
    response_type: str | None = None
    response_id: str | None = None
    response_timestamp: str | None = None
    response_email: str | None = None
    response_phone: str | None = None


@frozen(kw_only=True, field_transformer=sparse)
class MessagePoll(Model):
    """The poll of a message.

    Attributes:
        name: the question (`pollName` in JSON).
        options: the answers to choose from (`pollOptions` in JSON).
        settings: any JSON: `allowMultipleAnswers`, `messageSecret`, `pollId` (`options` in JSON).
    """

    name: str | None = field(default=None, metadata=keyed("pollName"))
    options: tuple[str, ...] = field(default=(), metadata=keyed("pollOptions"))
    settings: Mapping[str, Any] = field(default=EMPTY_MAPPING, metadata=keyed("options"))


@frozen(kw_only=True, field_transformer=identity)
class Message(Model):
    """A message, in full.

    Attributes:
        message_id: the full id: `true_<chat>_<id>` of a sent one, `false_…` of a received one, in groups with
            `_<participant>` after it.
        chat_id: the chat it is in.
        org_id: the organisation it belongs to.
        org_phone: the organisation's phone in the chat, with `@c.us`.
        message_type: chat (plain text), image, document and so on.
        body: the text, or the caption of a file.
        prev_body: the text before it was edited.
        timestamp: when it was sent.
        updated_at: when it last changed.
        ack: how far it has come: -1 failed, 0 pending, 1 sent, 2 reached WhatsApp, 3 delivered, 4 read by one, 5 read
            by all. A number, as text.
        delivery_info: whom it has reached.
        from_: the sender (`from` in JSON).
        to: the chat it was sent to.
        author: the sender inside a group.
        sender_phone: the phone of who sent it, with `@c.us`.
        performed_by: the e-mail address of the organisation's user who sent it through Periskope, or `api`.
        from_me: whether the organisation sent it.
        device_type: the kind of device it was sent from.
        has_media: whether it carries a file.
        media: the file.
        media_key: WhatsApp's key of the file.
        duration: the length of audio or video, as the service spells it.
        has_quoted_msg: whether it is a reply.
        quoted_message_id: the message it replies to.
        has_reaction: whether there are reactions to it.
        reactions: the reactions to it.
        mentioned_ids: who is mentioned; in notes `@` and an e-mail address.
        message_ticket_id: the ticket it is attached to.
        flag_status: whether it is flagged.
        flag_metadata: who flagged it, and what answered.
        flag_response_time: the time to the answer; its unit is not documented.
        poll_info: the poll it holds.
        poll_results: votes by option or voter; which of them is not documented.
        vcards: vCards it holds, each as text.
        location: any JSON: the place it holds.
        links: any JSON: the links it holds.
        invite_v4: any JSON: the invitation into a group it holds.
        order_id: WhatsApp's id of an order.
        token: WhatsApp's token of an order.
        broadcast: whether it came by a broadcast list.
        broadcast_id: the broadcast it is part of.
        forwarding_score: how often it was forwarded.
        is_forwarded: whether it was forwarded.
        is_deleted: whether it was deleted.
        is_ephemeral: whether it disappears.
        is_gif: whether it is a GIF.
        is_starred: whether it is starred.
        is_status: whether it is a status post.
        is_private_note: whether it is a note and was never sent.
        highlight: not documented.
        sent_message_id: the `queue_id` it was sent under.
        unique_id: WhatsApp's short id: the tail of `message_id`.
        id: any JSON: WhatsApp's id; its keys differ from place to place.
        message_payload: any JSON: what was asked to be sent.
        raw_data: any JSON, with `translations`.
        fts: any JSON: text for the service's own search.
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
    delivery_info: DeliveryInfo | None = None
    from_: str | None = field(default=None, metadata=keyed("from"))
    to: str | None = None
    author: str | None = None
    sender_phone: str | None = None
    performed_by: str | None = None
    from_me: bool | None = None
    device_type: str | None = None
    has_media: bool | None = None
    media: MessageMedia | None = None
    media_key: str | None = None
    duration: str | None = None
    has_quoted_msg: bool | None = None
    quoted_message_id: str | None = None
    has_reaction: bool | None = None
    reactions: tuple[Reaction, ...] = ()
    mentioned_ids: tuple[str, ...] = ()
    message_ticket_id: str | None = None
    flag_status: bool | None = None
    flag_metadata: MessageFlag | None = None
    flag_response_time: int | None = None
    poll_info: MessagePoll | None = None
    poll_results: Mapping[str, Mapping[str, str]] = field(default=EMPTY_MAPPING, metadata=NULL)
    vcards: tuple[str, ...] = ()
    location: Any = None
    links: Any = None
    invite_v4: Any = None
    order_id: str | None = None
    token: str | None = None
    broadcast: bool | None = None
    broadcast_id: str | None = None
    forwarding_score: LooseInt | None = None
    is_forwarded: bool | None = None
    is_deleted: bool | None = None
    is_ephemeral: bool | None = None
    is_gif: bool | None = None
    is_starred: bool | None = None
    is_status: bool | None = None
    is_private_note: bool | None = field(default=None, metadata=LEFT_OUT)
    highlight: int | None = field(default=None, metadata=LEFT_OUT)
    sent_message_id: str | None = None
    unique_id: str | None = None
    id: Any = None
    message_payload: Mapping[str, Any] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    raw_data: Mapping[str, Any] = field(default=EMPTY_MAPPING, metadata=NULL)
    fts: Any = None

    @property
    def ack_level(self) -> int | None:
        """`ack` as a number; None if there is none."""
        return ack_level(self.ack)


@frozen(kw_only=True, field_transformer=rows_first)
class MessagePage(Page[Message]):
    """One page of a list of messages.

    Attributes:
        messages: its rows, in the order of the service: newest first.
    """

    messages: tuple[Message, ...] = field(default=(), metadata=ROWS, repr=show_count)
