"""The queue of messages that a phone is to send."""

from collections.abc import Iterable

from periskope_async._io.caller import Caller
from periskope_async._sansio.ids import as_id, as_ids
from periskope_async._sansio.operation import Operation, Request, about_another
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError
from periskope_async.models.queue import BroadcastStatus, PurgeResult, QueueJob, QueueStatus

__all__ = ["Queue"]


def _id_of(status: BroadcastStatus) -> str:
    return status.broadcast_id


def _uncounted(_: Request[QueueStatus], status: QueueStatus) -> str | None:
    # Every key is optional to a reader; of an error object in a 200 it would make a queue of which nothing is known.
    return "the body does not describe a queue" if status.pending is None and status.is_running is None else None


def _unsaid(_: Request[PurgeResult | None], result: PurgeResult | None) -> str | None:
    if result is None or result.purged is not None or result.mode:
        return None
    return "the body does not say what was purged"


def _too_much(request: Request[PurgeResult | None], result: PurgeResult | None) -> str | None:
    if result is not None and (result.mode or "").casefold() == "all":
        return "the whole queue was purged, and not only what was selected"
    return _unsaid(request, result)


GET_STATUS = Operation("queue.get_status", "GET", "/queue", QueueStatus, idempotent=True, mismatch=_uncounted)
LIST_JOBS = Operation("queue.list_jobs", "GET", "/queue/jobs", tuple[QueueJob, ...], idempotent=True)
GET_BROADCAST = Operation(
    "queue.get_broadcast",
    "GET",
    "/queue/broadcast",
    BroadcastStatus,
    idempotent=True,
    mismatch=about_another(_id_of),
    resource="broadcast",
)
# The newer of two descriptions answers 200 and what was purged, the older one 204 and nothing.
PURGE: Operation[PurgeResult | None] = Operation(
    "queue.purge", "DELETE", "/queue/purge", PurgeResult, idempotent=False, optional=True, mismatch=_too_much
)
PURGE_ALL: Operation[PurgeResult | None] = Operation(
    "queue.purge_all", "DELETE", "/queue/purge", PurgeResult, idempotent=False, optional=True, mismatch=_unsaid
)


class Queue:
    """The messages that a phone is to send, one after the other. Reached as `client.queue`.

    `phone` is the phone whose queue it is, in any usual spelling or as `phone-…`; None for the client's.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def get_status(self, *, phone: str | None = None) -> QueueStatus:
        """Return how many messages of the last 24 hours wait, are being sent, were sent and failed.

        API: `GET /queue`

        Raises:
            ConfigurationError: `phone` cannot be one; nothing was sent.
            PeriskopeError: as for `Tickets.get`.
        """
        return await self._caller.call(GET_STATUS.request(phone=phone))

    async def list_jobs(
        self, *, queue_id: str | Unset = UNSET, broadcast_id: str | Unset = UNSET, phone: str | None = None
    ) -> tuple[QueueJob, ...]:
        """Return the jobs of the queue, sent ones too: all, one, or those of a broadcast. How far back is not known.

        API: `GET /queue/jobs`, https://docs.periskope.app/api-reference/message/list-queue-jobs

        Args:
            queue_id: of a job, as the receipt of a message has it.
            broadcast_id: of a broadcast, as its receipt has it.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `Tickets.get`.
        """
        query = {"queue_id": as_id("queue_id", queue_id), "broadcast_id": as_id("broadcast_id", broadcast_id)}
        return await self._caller.call(LIST_JOBS.request(query=query, phone=phone))

    async def get_broadcast(self, broadcast_id: str, *, phone: str | None = None) -> BroadcastStatus:
        """Return how far a broadcast is: to how many chats it was sent, whom it reached, who read it.

        API: `GET /queue/broadcast`

        Raises:
            ConfigurationError: the id cannot be one, or `phone` cannot; nothing was sent.
            PeriskopeError: as for `Tickets.get`.
        """
        query = {"broadcast_id": as_id("broadcast_id", broadcast_id)}
        return await self._caller.call(GET_BROADCAST.request(query=query, phone=phone, broadcast_id=broadcast_id))

    async def purge(
        self,
        *,
        queue_ids: Iterable[str] | Unset = UNSET,
        broadcast_id: str | Unset = UNSET,
        phone: str | None = None,
    ) -> PurgeResult | None:
        """Take jobs out of the queue, so that they are not sent: some, or what is left of a broadcast.

        To the service a request that selects nothing means everything; so such a call is refused, and the ids are sent
        under both names that its two descriptions have for them. It is not sent twice: after an error whose
        `maybe_sent` is True, see `list_jobs`.

        API: `DELETE /queue/purge`, https://docs.periskope.app/api-reference/message/purge-queue-jobs

        Args:
            queue_ids: of the jobs, as the receipts of messages have them.
            broadcast_id: of the broadcast, in place of `queue_ids`.
            phone: see the class.

        Returns:
            What was taken out; None where the service does not say.

        Raises:
            ConfigurationError: nothing is selected, or both ways at once, or an id cannot be one; nothing was sent.
            UnexpectedResponseError: the service says that it purged the whole queue.
            PeriskopeError: as for `Tickets.create`.
        """
        ids, broadcast = as_ids("queue_ids", queue_ids), as_id("broadcast_id", broadcast_id)
        if (ids is UNSET) is (broadcast is UNSET):
            raise ConfigurationError("purge: expected either queue_ids or broadcast_id; purge_all empties the queue")
        if not ids:
            raise ConfigurationError("queue_ids: is empty, which the service takes for everything; see purge_all")
        fields = {"queue_id": ids, "queue_ids": ids, "broadcast_id": broadcast}
        return await self._caller.call(PURGE.request(body=fields, phone=phone))

    async def purge_all(self, *, phone: str | None = None) -> PurgeResult | None:
        """Empty the queue of the phone: no message that waits in it is sent, whoever queued it. It cannot be undone.

        It is not sent twice: a second one would also take what was queued since.

        API: `DELETE /queue/purge` with an empty body

        Returns:
            What was taken out; None where the service does not say.

        Raises:
            ConfigurationError: `phone` cannot be one; nothing was sent.
            PeriskopeError: as for `Tickets.create`.
        """
        return await self._caller.call(PURGE_ALL.request(body={}, phone=phone))
