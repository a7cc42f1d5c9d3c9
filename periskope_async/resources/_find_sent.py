"""What became of a send whose answer was lost: by all that the API offers, the phone's queue and then the chat."""

from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import aclosing, suppress
from datetime import UTC, datetime
from typing import Any

from attrs import field, frozen

from periskope_async._codec.marks import EMPTY_MAPPING, keyed
from periskope_async._codec.model import Model, sparse
from periskope_async._sansio.operation import Operation
from periskope_async.errors import ConfigurationError, NotFoundError
from periskope_async.models.messages import Message
from periskope_async.sending import FoundSend, Outgoing

__all__ = ["JOBS", "Job", "as_since", "matching"]


@frozen(kw_only=True, field_transformer=sparse)
class Job(Model):
    """What either form of a job in the queue says of a send.

    Attributes:
        queue_id: the send (`id` in the older form).
        chat_id: the chat it is sent to.
        message_id: the full id of its message.
        status: how far it is.
        message: `body` and `type`, in the newer form.
        data: `body` and `chat_id`, in the older form.
        timeline: `queued_at` in ISO 8601, in the newer form.
        added: when it was queued, in milliseconds since 1970, in the older form.
    """

    queue_id: str | None = field(default=None, metadata=keyed("queue_id", "id"))
    chat_id: str | None = None
    message_id: str | None = None
    status: str | None = None
    message: Mapping[str, Any] = EMPTY_MAPPING
    data: Mapping[str, Any] = EMPTY_MAPPING
    timeline: Mapping[str, Any] = EMPTY_MAPPING
    added: int | None = field(default=None, metadata=keyed("addedTimestamp"))

    @property
    def queued_at(self) -> datetime | None:
        """When it was queued; None if that does not stand there."""
        if self.added is not None:
            return datetime.fromtimestamp(self.added / 1000, UTC)
        with suppress(TypeError, ValueError):
            return as_since(datetime.fromisoformat(self.timeline.get("queued_at")))  # type: ignore[arg-type]  # any JSON
        return None


JOBS: Operation[tuple[Job, ...]] = Operation("queue.list_jobs", "GET", "/queue/jobs", tuple[Job, ...], idempotent=True)


def as_since(value: object) -> datetime:
    """Return *value*, a datetime with an offset: were local time taken for UTC, a send would seem not to be there."""
    if not isinstance(value, datetime):
        raise ConfigurationError(f"since: expected a datetime, got {type(value).__name__}")
    if value.utcoffset() is None:
        raise ConfigurationError("since: has no offset; expected an aware datetime, such as datetime.now(UTC)")
    return value


async def matching(
    outgoing: Outgoing, since: datetime, jobs: Iterable[Job], messages: AsyncGenerator[Message, None]
) -> tuple[FoundSend, ...]:
    """Return the traces of *outgoing* since then; *messages* are those of its chat, newest first."""
    found: dict[str | None, FoundSend] = {}
    for job in jobs:
        chat_id, body = job.chat_id or job.data.get("chat_id"), job.message.get("body", job.data.get("body"))
        late = job.queued_at is None or job.queued_at >= since
        if late and _same_chat(chat_id, outgoing.chat_id) and _same(outgoing, body, job.message.get("type")):
            found[job.queue_id] = FoundSend(job.queue_id, job.message_id, job.status)
    with suppress(NotFoundError):  # a first message makes the chat
        async with aclosing(messages):
            async for message in messages:
                if message.timestamp is not None and message.timestamp < since:
                    break
                if message.from_me and _same(outgoing, message.body, message.message_type):
                    queue_id = message.sent_message_id
                    status = found[queue_id].status if queue_id in found else None
                    found[queue_id or message.message_id] = FoundSend(queue_id, message.message_id, status)
    return tuple(found.values())


def _same_chat(one: object, other: str) -> bool:
    return isinstance(one, str) and one.removesuffix("@c.us") == other.removesuffix("@c.us")


def _same(outgoing: Outgoing, body: object, kind: str | None) -> bool:
    """Whether text, or where there is none the kind of message, is that of *outgoing*."""
    if outgoing.message:
        return body == outgoing.message
    wanted = "poll_creation" if outgoing.media is None else outgoing.media.type
    return kind == wanted
