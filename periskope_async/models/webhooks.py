"""Subscriptions to events. What they deliver is another matter."""

from datetime import datetime
from typing import Any

from periskope_async._codec.enums import OpenStrEnum
from periskope_async._codec.model import Model, identity
from periskope_async._deferred import frozen

__all__ = ["EventName", "Webhook"]


class EventName(OpenStrEnum):
    """What a webhook can be called for. The service knows more names than its documentation."""

    CHAT_CREATED = "chat.created"
    CHAT_CUSTOM_PROPERTIES_UPDATED = "chat.custom_properties.updated"
    CHAT_LABEL_UPDATED = "chat.label.updated"
    CHAT_NOTIFICATION_CREATED = "chat.notification.created"
    CHAT_UPDATED = "chat.updated"
    MESSAGE_ACK_UPDATED = "message.ack.updated"
    MESSAGE_CREATED = "message.created"
    MESSAGE_DELETED = "message.deleted"
    MESSAGE_FLAGGED = "message.flagged"
    MESSAGE_TICKET_ATTACHED = "message.ticket.attached"
    MESSAGE_UNFLAGGED = "message.unflagged"
    MESSAGE_UPDATED = "message.updated"
    NOTE_CREATED = "note.created"
    ORG_CREATED = "org.created"
    ORG_INTEGRATIONS_UPDATED = "org.integrations.updated"
    ORG_MEMBER_CREATED = "org.member.created"
    ORG_MEMBER_UPDATED = "org.member.updated"
    ORG_PHONE_CONNECTED = "org.phone.connected"
    ORG_PHONE_CREATED = "org.phone.created"
    ORG_PHONE_DISCONNECTED = "org.phone.disconnected"
    ORG_PHONE_QR = "org.phone.qr"
    ORG_PHONE_UPDATED = "org.phone.updated"
    ORG_SUBSCRIPTION_TRIAL_WILL_END = "org.subscription.trial_will_end"
    ORG_UPDATED = "org.updated"
    REACTION_ADDED = "reaction.added"
    REACTION_CREATED = "reaction.created"
    REACTION_UPDATED = "reaction.updated"
    TICKET_CREATED = "ticket.created"
    TICKET_DELETED = "ticket.deleted"
    TICKET_UPDATED = "ticket.updated"


@frozen(kw_only=True, field_transformer=identity)
class Webhook(Model):
    """One URL that is called for one event.

    Attributes:
        id: the id of the subscription.
        hook_url: the URL that is called.
        integration_name: the event.
        is_subscribed: whether it is called now.
        integration_id: what belongs together has the same one.
        integration_metadata: any JSON: `id`, `name`.
        integration_type: such as `webhook`.
        type: such as `webhook`, or the integration that uses it.
        org_id: the organisation it belongs to.
        subscribed_at: since when.
    """

    id: str
    hook_url: str | None = None
    integration_name: EventName | None = None
    is_subscribed: bool | None = None
    integration_id: str | None = None
    integration_metadata: Any = None
    integration_type: str | None = None
    type: str | None = None
    org_id: str | None = None
    subscribed_at: datetime | None = None
