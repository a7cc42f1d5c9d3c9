"""The queue, read and purged against the fake service: what is not selected is never taken out."""

import json
from typing import Any

import pytest

from periskope_async import (
    ConfigurationError,
    DecodeError,
    NotFoundError,
    PeriskopeClient,
    PurgeResult,
    ServerError,
    TransportError,
    UnexpectedResponseError,
)
from periskope_async.testing import Assumptions, FakePeriskope, Fault, Reply

JSON = (("Content-Type", "application/json"),)
CHAT = "919537851844@c.us"
FORMS = [Assumptions(queue_form="either"), Assumptions(queue_form="newer"), Assumptions(queue_form="older")]
each_form = pytest.mark.parametrize("assumptions", FORMS, ids=lambda each: each.queue_form)


def jobs_of(fake: FakePeriskope) -> list[dict[str, Any]]:
    """The jobs as they lie in the queue of a fake."""
    return fake._service.state.outbox.jobs


def ids_in(fake: FakePeriskope) -> tuple[str, ...]:
    """The ids of the jobs in the queue of a fake."""
    return tuple(job["queue_id"] for job in jobs_of(fake))


@pytest.fixture
async def fake(fake: FakePeriskope) -> FakePeriskope:
    """Have seven jobs: four that wait, two of them of a broadcast, and three that do not."""
    for name, status in zip("abcdefg", ["queued"] * 4 + ["sending", "sent", "failed"], strict=True):
        jobs_of(fake).append(
            {
                "queue_id": name,
                "chat_id": CHAT,
                "status": status,
                "message": {"body": f"Hello {name}", "type": "chat"},
                "timeline": {"queued_at": "2026-04-01T14:23:21.279Z", "sent_at": None},
                "attempts": 0,
                "broadcast_id": "all of them" if name in "cdf" else None,
            }
        )
    return fake


async def test_get_status(client: PeriskopeClient) -> None:
    """The queue says how many messages wait, are being sent, were sent and failed."""
    status = await client.queue.get_status()
    assert (status.pending, status.active, status.completed, status.failed) == (4, 1, 1, 1)
    assert status.is_running


async def test_an_error_is_not_a_queue(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An object without counts does not say that the queue is empty; it is asked for once more."""
    fake.faults.add(Fault.HOLLOW, operation="queue.get_status", times=1)
    assert (await client.queue.get_status()).pending == 4
    fake.faults.add(Fault.HOLLOW, operation="queue.get_status")
    with pytest.raises(UnexpectedResponseError, match="does not describe a queue"):
        await client.queue.get_status()
    assert fake.counts[Fault.HOLLOW] == 3


@each_form
async def test_list_jobs(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Jobs come all, by their id or by their broadcast, and say the same in either form of theirs."""
    jobs = await client.queue.list_jobs()
    assert [job.queue_id for job in jobs] == list("abcdefg")
    assert {(job.recipient, job.message_id or None) for job in jobs} == {(CHAT, None)}
    assert [job.body for job in jobs] == [f"Hello {name}" for name in "abcdefg"]
    assert {job.queued_at.isoformat() for job in jobs if job.queued_at} == {"2026-04-01T14:23:21.279000+00:00"}
    assert [job.queue_id for job in await client.queue.list_jobs(queue_id="b")] == ["b"]
    assert [job.queue_id for job in await client.queue.list_jobs(broadcast_id="all of them")] == ["c", "d", "f"]
    assert await client.queue.list_jobs(queue_id="z", phone="919876500002") == ()
    assert fake.requests[-1].headers["x-phone"] == "919876500002"


async def test_get_broadcast(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A broadcast says to how many chats it was sent, and its errors which one they are about."""
    broadcast = await client.queue.get_broadcast("all of them")
    assert (broadcast.total_chats, broadcast.pending_chats, broadcast.sent_chats) == (3, 2, 1)
    assert broadcast.broadcast_status == "inprogress"
    await client.queue.purge(broadcast_id="all of them")
    assert (await client.queue.get_broadcast("all of them")).broadcast_status == "completed"
    with pytest.raises(NotFoundError) as caught:
        await client.queue.get_broadcast("another")
    assert (caught.value.resource, caught.value.resource_id) == ("broadcast", "another")
    fake.answer(lambda _: Reply(200, b'{"broadcast_id": "another"}', JSON))
    with pytest.raises(UnexpectedResponseError, match="another broadcast"):
        await client.queue.get_broadcast("all of them")


@each_form
@pytest.mark.parametrize(
    ("selection", "gone"),
    [
        ({"queue_ids": ["b"]}, {"b"}),
        ({"queue_ids": ["a", "d", "a", "z"]}, {"a", "d"}),
        ({"queue_ids": ["z"]}, set()),
        ({"broadcast_id": "all of them"}, {"c", "d"}),
        ({"broadcast_id": "z"}, set()),
    ],
)
async def test_purge_takes_out_what_is_selected(
    fake: FakePeriskope, client: PeriskopeClient, selection: dict[str, Any], gone: set[str]
) -> None:
    """Whichever key of the ids a service reads, nothing leaves its queue but what was selected."""
    result = await client.queue.purge(**selection)
    assert set(ids_in(fake)) == set("abcdefg") - gone
    assert result is None or set(result.queue_ids) == gone
    sent = fake.requests[-1].json()
    assert {name for name in sent if name != "broadcast_id"} in ({"queue_id", "queue_ids"}, set())
    assert sent.get("queue_id") == sent.get("queue_ids") == selection.get("queue_ids")


async def test_purge_reads_ids_once(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """The ids may be any iterable, also one that can be walked only once."""
    await client.queue.purge(queue_ids=iter("ab"))
    assert fake.requests[-1].json() == {"queue_id": ["a", "b"], "queue_ids": ["a", "b"]}
    assert ids_in(fake) == tuple("cdefg")


@each_form
async def test_the_trap_is_there(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What `purge` guards against happens: a body whose key is not read empties the queue of all that waits."""
    await client.queue.purge_all()
    assert ids_in(fake) == tuple("efg")
    assert fake.requests[-1].json() == {}


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        ({}, "purge: expected either queue_ids or broadcast_id; purge_all empties the queue"),
        ({"queue_ids": ["a"], "broadcast_id": "b"}, "purge: expected either queue_ids or broadcast_id"),
        ({"queue_ids": []}, "queue_ids: is empty"),
        ({"queue_ids": iter(())}, "queue_ids: is empty"),
        ({"queue_ids": ["a", ""]}, "queue_ids: is empty"),
        ({"queue_ids": "a"}, "queue_ids: expected several texts"),
        ({"queue_ids": [None]}, "queue_ids: expected text"),
        ({"queue_ids": None}, "queue_ids: expected several texts"),
        ({"broadcast_id": " "}, "broadcast_id: is empty"),
        ({"broadcast_id": None}, "broadcast_id: expected text"),
        ({"queue_ids": ["a"], "phone": "home"}, "phone: "),
    ],
)
async def test_a_purge_without_a_selection_is_refused(
    fake: FakePeriskope, client: PeriskopeClient, selection: dict[str, Any], message: str
) -> None:
    """What could be taken for everything is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match=message):
        await client.queue.purge(**selection)
    assert (fake.calls, len(ids_in(fake))) == (0, 7)


@pytest.mark.parametrize("mode", ["all", "ALL"])
@pytest.mark.parametrize("selection", [{"queue_ids": ["a"]}, {"broadcast_id": "all of them"}])
async def test_a_purge_that_took_everything_is_an_error(
    fake: FakePeriskope, client: PeriskopeClient, mode: str, selection: dict[str, Any]
) -> None:
    """A service that says it purged the whole queue where a part was selected is not believed to have done well."""
    body = json.dumps({"purged": True, "mode": mode, "queue_ids": ["a", "b"]}).encode()
    fake.answer(lambda _: Reply(200, body, JSON))
    with pytest.raises(UnexpectedResponseError, match="the whole queue was purged") as caught:
        await client.queue.purge(**selection)
    assert (caught.value.maybe_sent, fake.calls) == (True, 1)
    assert await client.queue.purge_all() == PurgeResult(purged=True, mode=mode, queue_ids=("a", "b"))


@pytest.mark.parametrize("call", ["purge", "purge_all"])
@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Reply(500), ServerError),
        (Reply(408), UnexpectedResponseError),
        (Reply(200, b"{}", JSON), UnexpectedResponseError),
        (Reply(200, b'{"message": "sorry"}', JSON), UnexpectedResponseError),
        (Reply(200, b"[]", JSON), DecodeError),
        (Reply(200, b"<html>"), UnexpectedResponseError),
    ],
)
async def test_a_purge_goes_once(
    fake: FakePeriskope, client: PeriskopeClient, call: str, answer: Reply, error: type[Exception]
) -> None:
    """A purge whose outcome is open is not repeated: a second one may take what was queued since."""
    fake.answer(lambda _: answer)
    with pytest.raises(error) as caught:
        await getattr(client.queue, call)(**({"queue_ids": ["a"]} if call == "purge" else {}))
    assert (getattr(caught.value, "maybe_sent", None), fake.calls) == (True, 1)


async def test_a_purge_whose_answer_is_lost(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Where the answer is lost the jobs show what became of it."""
    fake.faults.add(Fault.FIN, operation="queue.purge", times=1)
    with pytest.raises(TransportError) as caught:
        await client.queue.purge(queue_ids=["a"])
    assert (caught.value.maybe_sent, fake.counts[Fault.FIN], fake.calls) == (True, 1, 1)


@pytest.mark.parametrize(
    ("call", "arguments", "message"),
    [
        ("list_jobs", {"queue_id": ""}, "queue_id: is empty"),
        ("list_jobs", {"broadcast_id": 5}, "broadcast_id: expected text"),
        ("get_broadcast", {"broadcast_id": ""}, "broadcast_id: is empty"),
        ("get_broadcast", {"broadcast_id": None}, "broadcast_id: expected text"),
        ("get_status", {"phone": "home"}, "phone: "),
        ("purge_all", {"phone": "home"}, "phone: "),
    ],
)
async def test_bad_arguments(
    fake: FakePeriskope, client: PeriskopeClient, call: str, arguments: dict[str, Any], message: str
) -> None:
    """What cannot be meant is refused before anything is sent, by name."""
    with pytest.raises(ConfigurationError, match=message):
        await getattr(client.queue, call)(**arguments)
    assert fake.calls == 0


async def test_no_repr_shows_a_number_or_a_text(client: PeriskopeClient) -> None:
    """A job prints its id alone: neither whom it goes to nor what it says."""
    (job,) = await client.queue.list_jobs(queue_id="a")
    assert repr(job) == "QueueJob(queue_id='a')"
    assert repr(await client.queue.get_broadcast("all of them")) == "BroadcastStatus(broadcast_id='all of them')"


def test_without_await() -> None:
    """The blocking client has the same queue."""
    with FakePeriskope(1) as fake, fake.sync_client() as client:
        for name in "ab":
            jobs_of(fake).append({"queue_id": name, "status": "queued", "broadcast_id": "b"})
        assert client.queue.get_status().pending == 2
        assert client.queue.get_broadcast("b").total_chats == 2
        assert client.queue.purge(queue_ids=["a"]) == PurgeResult(purged=True, mode="queue_ids", queue_ids=("a",))
        assert client.queue.purge_all() == PurgeResult(purged=True, mode="all", queue_ids=("b",))
        assert client.queue.list_jobs() == ()


async def test_a_broadcast_is_followed(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """The jobs of a broadcast are found by its id, which neither they nor the states of its messages hold."""
    receipt = await client.messages.broadcast(fake.chat_ids[:3], "Hello")
    jobs = await client.queue.list_jobs(broadcast_id=receipt.broadcast_id)
    assert [(job.chat_id, job.status) for job in jobs] == [(chat_id, "sent") for chat_id in fake.chat_ids[:3]]
    assert (await client.queue.get_broadcast(receipt.broadcast_id)).sent_chats == 3
    status = await client.messages.get_status(jobs[0].unique_id or "")
    assert (status.queue_id, status.extra) == (jobs[0].queue_id, {})
