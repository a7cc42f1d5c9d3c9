"""What was sent: in the queue until it is due, then with whoever takes it."""

from typing import Any

import pytest

from periskope_async.testing._service.outbox import Outbox


class Clock:
    """A clock that stands until it is set."""

    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock of the outbox."""
    return Clock()


@pytest.fixture
def outbox(clock: Clock) -> Outbox:
    """An outbox with nothing in it."""
    return Outbox(clock)


def message(outbox: Outbox, **more: Any) -> dict[str, Any]:
    """A message with ids of its own."""
    queue_id, unique_id = outbox.new_ids()
    ids = {"sent_message_id": queue_id, "unique_id": unique_id, "message_id": f"true_1@c.us_{unique_id}"}
    return {**ids, "chat_id": "1@c.us", "performed_by": "api", "body": "Hello", "message_type": "chat", **more}


def test_a_message_waits_until_it_is_due(outbox: Outbox, clock: Clock) -> None:
    """A job waits until its time, or until it is asked for by name; then it is sent once, and its message arrives."""
    arrived: list[dict[str, Any]] = []
    outbox.arrive = arrived.append
    first, second, third = (outbox.add(message(outbox), due) for due in (1_010.0, 1_000.0, 2_000.0))
    assert len(outbox.waiting()) == 3
    assert (first["status"], first["message_id"], first["timeline"]["sent_at"]) == ("queued", None, None)
    outbox.deliver()
    assert [job["status"] for job in outbox.jobs] == ["queued", "sent", "queued"]
    outbox.deliver(third["queue_id"])
    clock.now = 1_020.0
    outbox.deliver()
    outbox.deliver()
    assert [each["sent_message_id"] for each in arrived] == [job["queue_id"] for job in (second, third, first)]
    assert [job["status"] for job in outbox.jobs] == ["sent"] * 3
    assert first["timeline"]["sent_at"] == "1970-01-01T00:16:50.000000+00:00"
    assert (first["message_id"], first["attempts"]) == (arrived[-1]["message_id"], 1)
    assert not outbox.waiting()


def test_what_is_removed_is_never_sent(outbox: Outbox) -> None:
    """A job that was removed is found no more, and its message does not arrive; the others' do."""
    arrived: list[dict[str, Any]] = []
    outbox.arrive = arrived.append
    kept, gone = (outbox.add(message(outbox), 1_000.0) for _ in range(2))
    assert outbox.find(gone["unique_id"]) is outbox.find(gone["queue_id"]) is gone
    outbox.remove([gone["queue_id"], "never there"])
    outbox.deliver()
    assert outbox.jobs == [kept]
    assert (outbox.find(gone["queue_id"]), outbox.find(gone["unique_id"])) == (None, None)
    assert [each["unique_id"] for each in arrived] == [kept["unique_id"]]


def test_what_arrives_nowhere(outbox: Outbox) -> None:
    """An outbox that nobody takes messages from sends them all the same."""
    outbox.add(message(outbox), 0.0)
    outbox.deliver()
    assert outbox.jobs[0]["status"] == "sent"


def test_a_job_belongs_to_its_broadcast(outbox: Outbox) -> None:
    """The job of a broadcast's message can be told by its broadcast; another has none."""
    jobs = [outbox.add(message(outbox, **more), 0.0) for more in ({"broadcast_id": "b"}, {"broadcast_id": None}, {})]
    assert [job.get("broadcast_id") for job in jobs] == ["b", None, None]
    assert [*jobs[1]] == [*jobs[2]] != [*jobs[0]]
