"""Reactions to messages."""

from contextlib import suppress
from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.marks import LEFT_OUT, ROWS, LooseInt, LooseText
from periskope_async._codec.model import Model, identity
from periskope_async._deferred import frozen
from periskope_async.models.pages import Page, rows_first, show_count

__all__ = ["Reaction", "ReactionPage", "ack_level"]


@frozen(kw_only=True, field_transformer=identity)
class Reaction(Model):
    """Somebody's reaction to a message.

    Attributes:
        reaction_id: the id of the reaction.
        message_id: the message it is to.
        chat_id: the chat of that message.
        org_id: the organisation it belongs to.
        org_phone: the organisation's phone in the chat, with `@c.us`.
        sender_id: who reacted, with `@c.us`.
        reaction: the emoji. The service is believed to send `""`, which is None here, when one is taken back.
        timestamp: when they reacted.
        ack: how far it has come: -1 failed, 0 pending, up to 5 read by all. A number, as text.
        read: whether it was seen.
        orphan: 1 if the message is not known.
        orphan_reason: why it is not.
        unique_id: WhatsApp's short id of the reaction.
        id: any JSON: WhatsApp's id of the reaction.
        msg_id: any JSON: WhatsApp's id of the message.
    """

    reaction_id: str
    message_id: str | None = None
    chat_id: str | None = None
    org_id: str | None = None
    org_phone: str | None = None
    sender_id: str | None = None
    reaction: str | None = None
    timestamp: datetime | None = None
    ack: LooseText | None = None
    read: bool | None = None
    orphan: LooseInt | None = None
    orphan_reason: str | None = None
    unique_id: str | None = None
    id: Any = None
    msg_id: Any = None

    @property
    def ack_level(self) -> int | None:
        """`ack` as a number; None if there is none."""
        return ack_level(self.ack)


@frozen(kw_only=True, field_transformer=rows_first)
class ReactionPage(Page[Reaction]):
    """One page of the list of reactions.

    Attributes:
        reactions: its rows, in the order of the service, which is not documented.
        start_time: the beginning of the time it is of, as text.
        end_time: the end of that time, as text.
    """

    reactions: tuple[Reaction, ...] = field(default=(), metadata=ROWS, repr=show_count)
    start_time: str | None = field(default=None, metadata=LEFT_OUT)
    end_time: str | None = field(default=None, metadata=LEFT_OUT)


def ack_level(ack: str | None) -> int | None:
    """Return an acknowledgement as a number; None of none, and of what is not a number."""
    with suppress(ValueError):
        return None if ack is None else int(ack)
    return None
