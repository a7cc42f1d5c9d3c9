"""Notifications: what happened to a chat and its members, and pages of them."""

from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.marks import LEFT_OUT, NULL, ROWS, keyed
from periskope_async._codec.model import Model, identity
from periskope_async._deferred import frozen
from periskope_async.models.pages import Page, rows_first, show_count

__all__ = ["Notification", "NotificationPage"]


@frozen(kw_only=True, field_transformer=identity)
class Notification(Model):
    """What happened to a chat, such as that members were added or removed.

    Attributes:
        notification_id: the id of the notification.
        chat_id: the chat it is about.
        org_id: the organisation it belongs to.
        org_phone: the organisation's phone in that chat, with `@c.us`.
        type: what happened: add, remove, promote, demote, invite, leave, subject, desc, call, or `announce_`,
            `restrict_` or `memberaddmode_` followed by `true` or `false`.
        author: who did it, with `@c.us`.
        recipientids: whom it happened to, with `@c.us`.
        body: its text.
        timestamp: when it happened.
        unique_id: WhatsApp's short id.
        id: any JSON: WhatsApp's id.
        metadata: any JSON.
    """

    notification_id: str
    chat_id: str | None = None
    org_id: str | None = None
    org_phone: str | None = None
    type: str | None = None
    author: str | None = None
    recipientids: tuple[str, ...] = field(default=(), metadata=NULL)
    body: str | None = field(default=None, metadata=LEFT_OUT)
    timestamp: datetime | None = None
    unique_id: str | None = field(default=None, metadata=LEFT_OUT)
    id: Any = field(default=None, metadata=LEFT_OUT)
    metadata: Any = field(default=None, metadata=LEFT_OUT)


@frozen(kw_only=True, field_transformer=rows_first)
class NotificationPage(Page[Notification]):
    """One page of the list of notifications.

    Attributes:
        notifications: its rows, in the order of the service: newest first (`notifictions` in JSON, as the vendor's
            types have it; `notifications` and `messages` are read too).
    """

    notifications: tuple[Notification, ...] = field(
        default=(), metadata=ROWS | keyed("notifictions", "notifications", "messages"), repr=show_count
    )
