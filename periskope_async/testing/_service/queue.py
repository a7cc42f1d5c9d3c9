"""The operations on the queue. It must not know sockets, faults or rate limits."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any, Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import ORG_ID
from periskope_async.testing._service.answers import Answer, not_found
from periskope_async.testing._service.fields import QUERY_TEXT, TEXT, TEXTS, Body, iso_date
from periskope_async.testing._service.outbox import HIDDEN
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.seen import is_of

__all__ = ["ROUTES"]

#: What a job counts as. Which states there are nobody outside knows; all others are of messages that have been sent.
_STATES: Final[Mapping[str, str]] = {
    "queued": "pending",
    "pending": "pending",
    "sending": "active",
    "active": "active",
    "failed": "failed",
}

_JOBS: Final = Resource(
    name="job",
    plural="jobs",
    id_key="queue_id",
    text_key="status_description",
    example_id="",
    other_id="00000000-0000-4000-8000-00000000ffff",
    unknown_values={"status": "levitating"},
    row_of=lambda job, _: {key: value for key, value in job.items() if key not in HIDDEN},
)

#: The keys of a purge that hold ids, by the form of the queue.
_KEYS: Final = {"either": ("queue_ids", "queue_id"), "newer": ("queue_ids",), "older": ("queue_id",)}


def _jobs(call: Call, **wanted: str) -> list[Json]:
    """The jobs, oldest first, whose values are the wanted ones."""
    outbox = call.state.outbox
    outbox.deliver()
    of_phone = [job for job in outbox.jobs if is_of(call.phone, job)]
    return [job for job in of_phone if all(job.get(key) == value for key, value in wanted.items())]


def _state_of(job: Json) -> str:
    return _STATES.get(str(job.get("status")), "completed")


def _status(call: Call) -> Answer:
    counts = Counter(_state_of(job) for job in _jobs(call))
    counted = {name: counts[name] for name in ("active", "completed", "failed", "pending")}
    return Answer(200, dumps({**counted, "is_running": True}))


def _list(call: Call) -> Answer:
    rows = [_JOBS.row_of(job, None) for job in _jobs(call, **call.query)]
    older = call.state.assumptions.queue_form == "older"
    return Answer(200, dumps([_older(row) for row in rows] if older else rows))


def _part(job: Json, key: str) -> Json:
    part: Json = job.get(key) or {}
    return part


def _older(job: Json) -> Json:
    message, timeline = _part(job, "message"), _part(job, "timeline")
    return {
        "id": job["queue_id"],
        "message_id": job.get("message_id") or "",
        "status": _state_of(job),
        "data": {"body": message.get("body") or "", "chat_id": job.get("chat_id") or ""},
        "addedTimestamp": _milliseconds(timeline.get("queued_at")),
        "processedTimestamp": _milliseconds(timeline.get("sent_at")),
        "finishedTimestamp": _milliseconds(timeline.get("sent_at")),
        "attemptsMade": job.get("attempts") or 0,
        "attemptsStarted": job.get("attempts") or 0,
        "stacktrace": [],
    }


def _milliseconds(text: str | None) -> int | None:
    moment = iso_date(text or "")
    return round(datetime.fromisoformat(moment).timestamp() * 1000) if moment else None


def _broadcast(call: Call) -> Answer:
    name = call.query.get("broadcast_id", "")
    jobs = _jobs(call, broadcast_id=name)
    if not jobs:
        return not_found("broadcast")
    counts = Counter(_state_of(job) for job in jobs)
    left = counts["pending"] + counts["active"]
    first = jobs[0]
    return Answer(
        200,
        dumps(
            {
                "broadcast_id": name,
                "org_id": ORG_ID,
                "message_payload": {"body": _part(first, "message").get("body"), "message_type": "chat"},
                "created_at": _part(first, "timeline").get("queued_at"),
                "total_chats": len(jobs),
                "sent_chats": counts["completed"],
                "failed_chats": counts["failed"],
                "pending_chats": left,
                "total_delivered_count": None,
                "total_read_count": None,
                "performed_by": first.get("performed_by"),
                "broadcast_status": "inprogress" if left else "completed",
                "delivered_percentage": 0,
                "read_percentage": 0,
                "logs": [],
            }
        ),
    )


def _purge(call: Call) -> Answer:
    """Take out what is selected and waits. A body that selects nothing, for want of a key that is read, takes all."""
    body, form = call.body, call.state.assumptions.queue_form
    ids: Any = next((body[key] for key in _KEYS[form] if body.get(key)), ())
    names: tuple[str, ...] | list[str] = (ids,) if isinstance(ids, str) else ids
    broadcast = body.get("broadcast_id") or ""
    mode = "queue_ids" if names else "broadcast" if broadcast else "all"
    with call.state.lock:
        chosen = _jobs(call, broadcast_id=broadcast) if mode == "broadcast" else _jobs(call)
        waiting = [job["queue_id"] for job in chosen if _state_of(job) == "pending"]
        gone = [name for name in waiting if mode != "queue_ids" or name in names]
        call.state.outbox.remove(gone)
    return Answer(204) if form == "older" else Answer(200, dumps({"purged": True, "mode": mode, "queue_ids": gone}))


_SELECTION: Final = Body("QueuePurge", {"queue_id": TEXTS, "queue_ids": TEXTS, "broadcast_id": TEXT})
_JOBS_QUERY: Final = {"queue_id": QUERY_TEXT, "broadcast_id": QUERY_TEXT}
_route: Final = partial(Route, resource=_JOBS, phone=True)

ROUTES: Final = (
    _route("queue.get_status", "getQueueStatus", "GET", "/queue", "How many wait", _status, result="QueueStatus"),
    _route(
        *("queue.list_jobs", "fetchQueueJobs", "GET", "/queue/jobs", "Messages in the queue", _list),
        query=_JOBS_QUERY,
        array=True,
        result="QueueJob",
    ),
    _route(
        *("queue.get_broadcast", "getBroadcastStatus", "GET", "/queue/broadcast", "How far it is", _broadcast),
        query={"broadcast_id": QUERY_TEXT},
        result="BroadcastStatus",
        errors=(404,),
    ),
    _route(
        *("queue.purge", "purgeQueue", "DELETE", "/queue/purge", "Take messages out of the queue", _purge),
        body=_SELECTION,
        result="PurgeResult",
    ),
)
