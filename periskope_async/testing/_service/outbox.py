"""What was sent, in the queue of its phone or out of it: jobs, as the newer pages show them. No HTTP here."""

import itertools
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import Final

from periskope_async.testing._json import Json

__all__ = ["HIDDEN", "Outbox"]

#: What of a job is not shown: it is what jobs are chosen by.
HIDDEN: Final = frozenset({"broadcast_id", "org_phone"})
QUEUED: Final = ("queued", "Waiting in the queue.")
SENT: Final = ("sent", "Successfully submitted.")


class Outbox:
    """The jobs of every send, oldest first.

    Args:
        now: the service's clock, in seconds since the epoch.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self.jobs: list[Json] = []
        #: Puts a message that has left the queue into its chat.
        self.arrive: Callable[[Json], None] = lambda _: None
        self._now = now
        self._serial = itertools.count(1)
        #: When each job that waits is due, in seconds since the epoch, and its message.
        self._waiting: dict[str, tuple[float, Json]] = {}
        #: Jobs by `queue_id` and by `unique_id`.
        self._by_id: dict[str, Json] = {}

    def new_ids(self) -> tuple[str, str]:
        """Return a `queue_id` and a `unique_id` that nobody has."""
        serial = next(self._serial)
        return f"00000000-0000-4000-8000-{serial:012x}", f"3EB0{serial:018X}"

    def add(self, message: Json, due: float) -> Json:
        """Queue a message until *due*, in seconds since the epoch; return its job."""
        job: Json = {
            "queue_id": message["sent_message_id"],
            "unique_id": message["unique_id"],
            "message_id": None,
            "chat_id": message["chat_id"],
            "org_phone": message.get("org_phone"),
            "performed_by": message["performed_by"],
            "status": QUEUED[0],
            "status_description": QUEUED[1],
            "message": {"body": message["body"], "type": message["message_type"]},
            "timeline": {"queued_at": _iso(self._now()), "sent_at": None},
            "attempts": 0,
        }
        if message.get("broadcast_id"):
            job["broadcast_id"] = message["broadcast_id"]
        self.jobs.append(job)
        self._by_id |= {job["queue_id"]: job, job["unique_id"]: job}
        self._waiting[job["queue_id"]] = (due, message)
        return job

    def waiting(self) -> Collection[str]:
        """The `queue_id` of each job that is not sent yet."""
        return self._waiting.keys()

    def next_due(self) -> float | None:
        """When the next job is due, in seconds since the epoch; None: none waits."""
        return min((due for due, _ in self._waiting.values()), default=None)

    def find(self, name: str) -> Json | None:
        """The job of a `queue_id` or a `unique_id`."""
        return self._by_id.get(name)

    def remove(self, queue_ids: Collection[str]) -> None:
        """Forget jobs; what of them waits is never sent."""
        for queue_id in queue_ids:
            self._waiting.pop(queue_id, None)
        self.jobs = [job for job in self.jobs if job["queue_id"] not in queue_ids]
        self._by_id = {name: job for name, job in self._by_id.items() if job["queue_id"] not in queue_ids}

    def deliver(self, *queue_ids: str) -> None:
        """Send what is due, and these whether they are or not."""
        now = self._now()
        for queue_id, (due, message) in list(self._waiting.items()):
            if due > now and queue_id not in queue_ids:
                continue
            del self._waiting[queue_id]
            job = self._by_id[queue_id]
            sent_at = _iso(min(due, now))
            job |= {"status": SENT[0], "status_description": SENT[1], "message_id": message["message_id"]}
            job |= {"attempts": 1, "timeline": job["timeline"] | {"sent_at": sent_at}}
            self.arrive(message | {"ack": "3", "timestamp": sent_at, "updated_at": sent_at})


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")
