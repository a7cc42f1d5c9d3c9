"""What became of a send whose answer was lost: by all that the API offers, the phone's queue and then the chat."""

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing, suppress
from datetime import datetime, timedelta
from typing import Final

from periskope_async._sansio.arguments import as_datetime
from periskope_async.errors import ConfigurationError, NotFoundError
from periskope_async.models.messages import Message
from periskope_async.models.queue import QueueJob
from periskope_async.sending import FoundSend, Outgoing

__all__ = ["as_since", "matching"]


#: How far the clock of the service, of whose messages some are looked for, may be ahead of ours.
_AHEAD: Final = timedelta(minutes=15)


def as_since(value: object, now: datetime) -> datetime:
    """Return *value* as an aware datetime, by the one rule that there is: without an offset it is UTC.

    Raises:
        ConfigurationError: it is none, or in the future, as the local time east of Greenwich is by that rule: no send
            would be found, and be sent again.
    """
    since = as_datetime("since", value)
    if since > now + _AHEAD:
        raise ConfigurationError("since: is in the future; a time without an offset is UTC")
    return since


async def matching(
    outgoing: Outgoing, since: datetime, jobs: Iterable[QueueJob], messages: AsyncGenerator[Message, None]
) -> tuple[FoundSend, ...]:
    """Return the traces of *outgoing* since then; *messages* are those of its chat, newest first."""
    found: dict[str | None, FoundSend] = {}
    for job in jobs:
        late = job.queued_at is None or job.queued_at >= since
        if late and _same_chat(job.recipient, outgoing.chat_id) and _same(outgoing, job.body, job.message.get("type")):
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


def _same_chat(one: str | None, other: str) -> bool:
    return one is not None and one.removesuffix("@c.us") == other.removesuffix("@c.us")


def _same(outgoing: Outgoing, body: object, kind: str | None) -> bool:
    """Whether text, or where there is none the kind of message, is that of *outgoing*."""
    if outgoing.message:
        return body == outgoing.message
    wanted = "poll_creation" if outgoing.media is None else outgoing.media.type
    return kind == wanted
