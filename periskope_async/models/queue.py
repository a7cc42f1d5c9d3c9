"""The queue of messages that a phone is to send: its state, its jobs, its broadcasts, and what was purged."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from attrs import field

from periskope_async._codec.enums import OpenStrEnum
from periskope_async._codec.marks import EMPTY_MAPPING, LEFT_OUT, keyed
from periskope_async._codec.model import Model, identity, sparse
from periskope_async._deferred import frozen

__all__ = ["BroadcastState", "BroadcastStatus", "PurgeResult", "QueueJob", "QueueStatus"]


@frozen(kw_only=True)
class QueueStatus(Model):
    """The queue of a phone in the last 24 hours.

    Attributes:
        pending: messages that wait.
        active: messages that are being sent.
        completed: messages that were sent.
        failed: messages that could not be sent.
        is_running: whether the queue sends at all.
    """

    pending: int | None = None
    active: int | None = None
    completed: int | None = None
    failed: int | None = None
    is_running: bool | None = None


@frozen(kw_only=True, field_transformer=sparse)
class QueueJob(Model):
    """One message in the queue of a phone, sent or still to be sent.

    The service knows two forms of a job, and which one it answers is not documented. What both know has one name here;
    `recipient`, `body`, `queued_at` and `finished_at` are read from either.

    Attributes:
        queue_id: the id of the job (`id` in the older form).
        message_id: the message it became; None while it waits.
        status: its state. `sent` and `completed` are known; there are more.
        attempts: how often it was tried (`attemptsMade` in the older form).
        unique_id: WhatsApp's short id of the message. Newer form.
        chat_id: the chat it goes to. Newer form.
        performed_by: the e-mail address of who sent it, or `api`. Newer form.
        status_description: its state for people. Newer form.
        message: `body`, `type` and `quoted_message_id`. Newer form.
        timeline: when it was queued and sent, as text: `queued_at`, `sent_at`. Newer form.
        data: `body` and `chat_id`. Older form.
        added_timestamp: when it was queued, in milliseconds since 1970. Older form.
        processed_timestamp: when it was last tried, in milliseconds since 1970. Older form.
        finished_timestamp: when it was done, in milliseconds since 1970. Older form.
        attempts_started: how often a try began. Older form.
        stacktrace: lines of errors. Older form.
    """

    queue_id: str = field(metadata=keyed("queue_id", "id"))
    message_id: str | None = None
    status: str | None = None
    attempts: int | None = field(default=None, metadata=keyed("attempts", "attemptsMade"))
    unique_id: str | None = None
    chat_id: str | None = None
    performed_by: str | None = None
    status_description: str | None = None
    message: Mapping[str, Any] = EMPTY_MAPPING
    timeline: Mapping[str, Any] = EMPTY_MAPPING
    data: Mapping[str, Any] = EMPTY_MAPPING
    added_timestamp: int | None = field(default=None, metadata=keyed("addedTimestamp"))
    processed_timestamp: int | None = field(default=None, metadata=keyed("processedTimestamp"))
    finished_timestamp: int | None = field(default=None, metadata=keyed("finishedTimestamp"))
    attempts_started: int | None = field(default=None, metadata=keyed("attemptsStarted"))
    stacktrace: tuple[str, ...] = ()

    @property
    def recipient(self) -> str | None:
        """The chat it goes to, in either form."""
        return self.chat_id or _text(self.data.get("chat_id"))

    @property
    def body(self) -> str | None:
        """Its text, in either form."""
        return _text(self.message.get("body")) or _text(self.data.get("body"))

    @property
    def queued_at(self) -> datetime | None:
        """When it was queued, in either form."""
        return _moment(self.timeline.get("queued_at"), self.added_timestamp)

    @property
    def finished_at(self) -> datetime | None:
        """When it was sent, or of the older form done; None before."""
        return _moment(self.timeline.get("sent_at"), self.finished_timestamp)


class BroadcastState(OpenStrEnum):
    """How far a broadcast is. The vendor's types name these; its documentation also `pending` and `failed`."""

    INPROGRESS = "inprogress"
    COMPLETED = "completed"
    STOPPED = "stopped"
    EXPIRED = "expired"


@frozen(kw_only=True, field_transformer=identity)
class BroadcastStatus(Model):
    """How far a broadcast is.

    Attributes:
        broadcast_id: the id of the broadcast.
        org_id: the organisation it belongs to.
        broadcast_status: its state.
        message_payload: what is sent: `body`, `message_type`, `performed_by`.
        created_at: when it was asked for.
        scheduled_at: when it is to be sent.
        performed_at: when it was sent.
        performed_by: who asked for it.
        total_chats: the chats it goes to.
        sent_chats: chats it was sent to.
        failed_chats: chats it could not be sent to.
        pending_chats: chats it is still to be sent to.
        total_member_count: the people it can reach.
        total_delivered_count: the people it reached.
        total_read_count: the people who read it.
        delivered_percentage: percent of the people whom it reached.
        read_percentage: percent of the people who read it.
        logs: lines of a log; what they say is not documented.
    """

    broadcast_id: str
    org_id: str | None = None
    broadcast_status: BroadcastState | None = None
    message_payload: Mapping[str, Any] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    created_at: datetime | None = None
    scheduled_at: datetime | None = None
    performed_at: datetime | None = None
    performed_by: str | None = None
    total_chats: int | None = None
    sent_chats: int | None = None
    failed_chats: int | None = None
    pending_chats: int | None = None
    total_member_count: int | None = None
    total_delivered_count: int | None = None
    total_read_count: int | None = None
    delivered_percentage: float | None = None
    read_percentage: float | None = None
    logs: tuple[str, ...] = ()


@frozen(kw_only=True)
class PurgeResult(Model):
    """What was taken out of the queue.

    Attributes:
        purged: whether it was done.
        mode: what was selected: `queue_ids`, `broadcast` or `all`.
        queue_ids: the jobs that were taken out.
    """

    purged: bool | None = field(default=None, metadata=LEFT_OUT)
    mode: str | None = field(default=None, metadata=LEFT_OUT)
    queue_ids: tuple[str, ...] = field(default=(), metadata=LEFT_OUT)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _moment(text: object, milliseconds: int | None) -> datetime | None:
    with suppress(ValueError, OverflowError, OSError):  # a time nobody can place is none, rather than the end of a walk
        if isinstance(text, str):
            moment = datetime.fromisoformat(text)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)
    return None
