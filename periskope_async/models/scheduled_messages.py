"""Messages that are sent later, once or again and again, what became of each run, and pages of both."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.marks import EMPTY_MAPPING, ROWS
from periskope_async._codec.model import Model, sparse
from periskope_async._deferred import frozen
from periskope_async.models.pages import Page, rows_first, show_count

__all__ = [
    "ScheduledMessage",
    "ScheduledMessageOccurrence",
    "ScheduledMessageOccurrencePage",
    "ScheduledMessagePage",
]


@frozen(kw_only=True, field_transformer=sparse)
class ScheduledMessage(Model):
    """A message that is to be sent, once or again and again.

    Attributes:
        scheduled_id: a UUID.
        org_id: the organisation it belongs to.
        org_phone: the organisation's phone that sends it, with `@c.us`.
        chat_id: the chat it is for.
        message_payload: any JSON: `message`, its text, and `media`, its file.
        scheduled_at: when it is sent next.
        is_repeat: whether it is sent again and again.
        repeat_config: any JSON: how often: `repeat_interval` (day, week, month), `repeat_value`, `repeat_days`,
            `repeat_ends`, `timezone`.
        status: where it stands, such as `scheduled`; which others there are is not documented.
        skip_next: whether the next time is left out.
        paused_at: since when it has been paused.
        updated_at: when it last changed.
        performed_by: the e-mail address of who made it, or `api`.
        created_at: when it was made.
    """

    scheduled_id: str
    org_id: str | None = None
    org_phone: str | None = None
    chat_id: str | None = None
    message_payload: Mapping[str, Any] = EMPTY_MAPPING
    scheduled_at: datetime | None = None
    is_repeat: bool | None = None
    repeat_config: Mapping[str, Any] = EMPTY_MAPPING
    status: str | None = None
    skip_next: bool | None = None
    paused_at: datetime | None = None
    updated_at: datetime | None = None
    performed_by: str | None = None
    created_at: datetime | None = None


@frozen(kw_only=True, field_transformer=sparse)
class ScheduledMessageOccurrence(Model):
    """One run of a scheduled message: it was sent, it failed, or it was left out.

    Attributes:
        id: a UUID.
        scheduled_id: the scheduled message.
        chat_id: the chat it was for.
        sent_message_id: the send: the `queue_id` of its receipt.
        message_id: the full id of the message, once it has left the queue.
        is_success: whether it was sent.
        remarks: why it was not.
        delivered_at: when it was delivered.
        created_at: when it ran.
    """

    id: str
    scheduled_id: str | None = None
    chat_id: str | None = None
    sent_message_id: str | None = None
    message_id: str | None = None
    is_success: bool | None = None
    remarks: str | None = None
    delivered_at: datetime | None = None
    created_at: datetime | None = None


@frozen(kw_only=True, field_transformer=rows_first)
class ScheduledMessagePage(Page[ScheduledMessage]):
    """One page of the list of scheduled messages.

    Attributes:
        scheduled_messages: its rows, in the order of the service, which is not documented.
    """

    scheduled_messages: tuple[ScheduledMessage, ...] = field(default=(), metadata=ROWS, repr=show_count)


@frozen(kw_only=True, field_transformer=rows_first)
class ScheduledMessageOccurrencePage(Page[ScheduledMessageOccurrence]):
    """One page of the runs of a scheduled message.

    Attributes:
        occurrences: its rows, newest first.
    """

    occurrences: tuple[ScheduledMessageOccurrence, ...] = field(default=(), metadata=ROWS, repr=show_count)
