"""The queue of the service, without a socket."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from periskope_async.testing import Assumptions
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.service import Service

Ask = Callable[..., Answer]
OLDER = Assumptions(queue_form="older")
NEWER = Assumptions(queue_form="newer")


@pytest.fixture
def jobs(service: Service) -> list[dict[str, Any]]:
    """The jobs: three that wait, two of them of a broadcast, and two that were sent."""
    jobs = service.state.outbox.jobs
    timeline = {"queued_at": "2026-04-01T14:23:21.279Z", "sent_at": "2026-04-01T14:23:24.111Z"}
    for name, status in (("a", "queued"), ("b", "pending"), ("c", "queued"), ("d", "sent"), ("e", "read")):
        jobs.append(
            {
                "queue_id": name,
                "status": status,
                "broadcast_id": "br" if name in "bcd" else None,
                "chat_id": "1@c.us",
                "message": {"body": name, "type": "chat"},
                "message_id": f"true_1@c.us_{name}" if name in "de" else None,
                "timeline": timeline if name in "de" else timeline | {"sent_at": None},
                "attempts": int(name in "de"),
            }
        )
    return jobs


def parsed(answer: Answer) -> Any:
    """The body of a 200."""
    assert answer.status == 200
    return json.loads(answer.body)


def test_an_empty_queue(ask: Ask) -> None:
    """At first nothing waits, and nothing was sent."""
    assert parsed(ask("GET", "/queue")) == {"active": 0, "completed": 0, "failed": 0, "pending": 0, "is_running": True}
    assert parsed(ask("GET", "/queue/jobs")) == []
    assert ask("GET", "/queue/broadcast").status == 404


def test_jobs(ask: Ask, jobs: list[dict[str, Any]]) -> None:
    """Jobs are shown as the newer page has them, which does not tell their broadcast."""
    rows = parsed(ask("GET", "/queue/jobs?broadcast_id=br"))
    assert [row["queue_id"] for row in rows] == ["b", "c", "d"]
    assert rows[0] == {key: value for key, value in jobs[1].items() if key != "broadcast_id"}
    assert parsed(ask("GET", "/queue"))["completed"] == 2


@pytest.mark.parametrize("service", [OLDER], indirect=True)
@pytest.mark.usefixtures("jobs")
def test_jobs_in_the_older_form(ask: Ask) -> None:
    """An older service has other keys, and milliseconds."""
    waiting, sent = (parsed(ask("GET", f"/queue/jobs?queue_id={name}"))[0] for name in "ad")
    assert sent == {
        "id": "d",
        "message_id": "true_1@c.us_d",
        "status": "completed",
        "data": {"body": "d", "chat_id": "1@c.us"},
        "addedTimestamp": 1775053401279,
        "processedTimestamp": 1775053404111,
        "finishedTimestamp": 1775053404111,
        "attemptsMade": 1,
        "attemptsStarted": 1,
        "stacktrace": [],
    }
    assert (waiting["status"], waiting["message_id"], waiting["finishedTimestamp"]) == ("pending", "", None)


def test_a_job_that_says_nothing(ask: Ask, service: Service) -> None:
    """A job may hold no more than its id; it has been sent, for all that is known."""
    service.state.outbox.jobs.append({"queue_id": "x", "broadcast_id": "br"})
    assert parsed(ask("GET", "/queue"))["completed"] == 1
    assert parsed(ask("GET", "/queue/broadcast?broadcast_id=br"))["message_payload"]["body"] is None
    service.state.assumptions = OLDER
    assert parsed(ask("GET", "/queue/jobs"))[0]["data"] == {"body": "", "chat_id": ""}


@pytest.mark.parametrize(
    ("service", "body", "mode", "left"),
    [
        (None, {"queue_id": "a"}, "queue_ids", "bcde"),
        (None, {"queue_id": ["a", "c"]}, "queue_ids", "bde"),
        (None, {"queue_ids": ["a", "d", "z"]}, "queue_ids", "bcde"),
        (None, {"broadcast_id": "br"}, "broadcast", "ade"),
        (None, {"queue_ids": ["a"], "broadcast_id": "br"}, "queue_ids", "bcde"),
        (None, {"queue_ids": [], "queue_id": "", "broadcast_id": None}, "all", "de"),
        (None, {"ids": ["a"]}, "all", "de"),
        (None, None, "all", "de"),
        (NEWER, {"queue_ids": ["a"]}, "queue_ids", "bcde"),
        (NEWER, {"queue_id": ["a"]}, "all", "de"),
        (OLDER, {"queue_id": ["a"]}, None, "bcde"),
        (OLDER, {"queue_ids": ["a"]}, None, "de"),
    ],
    indirect=["service"],
)
def test_purge(ask: Ask, service: Service, jobs: list[dict[str, Any]], body: Any, mode: str | None, left: str) -> None:
    """A purge takes what waits of what is selected; a body that selects nothing that is read takes all that waits."""
    before = {job["queue_id"] for job in jobs}
    answer = ask("DELETE", "/queue/purge", body)
    assert "".join(job["queue_id"] for job in service.state.outbox.jobs) == left
    if mode is None:
        assert (answer.status, answer.body) == (204, b"")
    else:
        assert parsed(answer) == {"purged": True, "mode": mode, "queue_ids": sorted(before - set(left))}


@pytest.mark.parametrize(
    ("body", "field"),
    [({"queue_ids": [1]}, "queue_ids"), ({"queue_id": {}}, "queue_id"), ({"broadcast_id": 5}, "broadcast_id")],
)
def test_a_bad_purge(ask: Ask, jobs: list[dict[str, Any]], body: Any, field: str) -> None:
    """A selection of another type is a 422 that names it, and takes nothing."""
    answer = ask("DELETE", "/queue/purge", body)
    assert (answer.status, list(json.loads(answer.body)["fields"])) == (422, [f"body.{field}"])
    assert len(jobs) == 5
