"""What changed since an earlier run, of tickets, chats, contacts and messages, on real sockets."""

import asyncio
import json
import pickle
from collections import Counter
from typing import Any

import anyio
import pytest

from periskope_async import Change, Changes, ConfigurationError, PeriskopeClient, PeriskopeError
from periskope_async.changes import Details
from periskope_async.models import TicketInfo, TicketRow
from periskope_async.records import COLUMNS, ROW_COLUMNS
from periskope_async.testing import Assumptions, FakePeriskope, Fault, Reply

RESOURCES = ("tickets", "chats", "contacts", "messages")


def ids(rows: Any) -> list[str]:
    """Return the ids of rows of any kind, sorted."""
    return sorted(
        next(iter(row.to_dict().values())) if not hasattr(row, "ticket_id") else row.ticket_id for row in rows
    )


def asked(fake: FakePeriskope) -> Counter[str]:
    """Return how often each operation was asked for."""
    return Counter(request.operation or "" for request in fake.requests)


@pytest.mark.parametrize("name", RESOURCES)
async def test_unchanged_data_costs_pages_alone(fake: FakePeriskope, client: PeriskopeClient, name: str) -> None:
    """A second run of unchanged data asks for the list and for nothing else, and finds nothing."""
    resource: Any = getattr(client, name)
    first = await resource.changed_since()
    everything = [row async for row in resource.list()]
    assert len(first.created) + len(first.deleted) == len(everything) > 0
    assert sorted(first.fetched) == ids(first.created)
    fake.clear()
    second = await resource.changed_since(json.loads(json.dumps(first.state)))
    assert (second.created, second.updated, second.deleted, second.fetched) == ((), (), (), {})
    assert asked(fake) == {f"{name}.list": 1}
    assert second.state == first.state


async def test_three_of_thirty(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What changed is fetched in full; what says it is deleted, and what is gone, are deleted; all else is left."""
    first = await client.tickets.changed_since()
    assert repr(first) == f"Changes({len(first.created)} created, 0 updated, {len(first.deleted)} deleted)"
    live = ids(first.created)
    changed, marked, gone = live[:3]
    fake.change(changed, subject="Another")
    fake.change(marked, is_deleted=True)
    fake.remove(gone)
    new = fake.put({"ticket": {"ticket_id": "BKT-900"}})
    fake.clear()
    found = await client.tickets.changed_since(first.state)
    assert (ids(found.created), ids(found.updated), ids(found.deleted)) == ([new], [changed], [marked, gone])
    assert found.tickets[changed].ticket.subject == "Another"
    assert [row.is_deleted for row in found.deleted] == [True, True]
    assert asked(fake) == {"tickets.list": 1, "tickets.get": 3}
    assert found.state["seen"].keys() == {*first.state["seen"], new} - {gone}
    fake.remove(marked)  # which was deleted already
    fake.clear()
    assert (await client.tickets.changed_since(found.state)).deleted == ()
    assert fake.calls == 1


@pytest.mark.parametrize("details", ["none", "all"])
async def test_a_row_that_is_listed_no_more_and_yet_there(
    fake: FakePeriskope, client: PeriskopeClient, details: Details
) -> None:
    """What a list leaves out is not deleted as long as the service knows it, unless it says so itself."""
    first = await client.tickets.changed_since(details="none")
    page = b'{"tickets": [], "from": 1, "to": 0, "count": 0}'
    fake.answer(lambda request: Reply(200, page) if request.path.endswith("/tickets") else None)
    live = [row.ticket_id for row in first.created]
    fake.change(live[0], is_deleted=True)
    found = await client.tickets.changed_since(first.state, details=details)
    assert ids(found.deleted) == [live[0]]
    assert found.state["seen"].keys() == set(live[1:])
    fake.answer(None)


async def test_what_fails_comes_again(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A ticket that does not come is in `errors` alone, and its change comes again; so does an unclear deletion."""
    first = await client.tickets.changed_since()
    changed, gone, *_ = ids(first.created)
    fake.change(changed, subject="Another")
    fake.remove(gone)
    fake.put({"ticket": {"ticket_id": "BKT-900"}})
    for name in (changed, gone, "BKT-900"):
        fake.faults.add("422", ticket_id=name)
    found = await client.tickets.changed_since(first.state)
    assert (found.created, found.updated, found.deleted, found.fetched) == ((), (), (), {})
    assert found.errors.keys() == {changed, gone, "BKT-900"}
    assert fake.counts["422"] == 3
    assert "3 errors, 0 skipped" in repr(found)
    with pytest.raises(ExceptionGroup):
        found.raise_for_errors()
    assert found.state == first.state
    fake.faults.clear()
    again = await client.tickets.changed_since(found.state)
    assert (ids(again.created), ids(again.updated), ids(again.deleted)) == (["BKT-900"], [changed], [gone])


async def test_a_key_that_is_refused_on_the_way(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What was not attempted is skipped, and comes again."""
    fake.faults.add("401", operation="tickets.get", times=None, after=5)
    async with fake.client(concurrency=2) as few:
        found = await few.tickets.changed_since()
    assert found.skipped
    assert found.state["seen"].keys().isdisjoint({*found.skipped, *found.errors})
    assert fake.counts["401"] >= 1
    fake.faults.clear()
    again = await client.tickets.changed_since(found.state)
    assert ids(again.created) == sorted({*found.skipped, *found.errors})


async def test_details_of_all(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """With "all", a ticket is updated also if nothing of its row changed; one that changed in neither is not."""
    first = await client.tickets.changed_since()
    live = ids(first.created)
    with_all = await client.tickets.changed_since(first.state, details="all")
    assert ids(with_all.updated) == live  # nothing was known of them in full
    quiet = await client.tickets.changed_since(with_all.state, details="all")
    assert (quiet.updated, quiet.fetched) == ((), {})
    info = fake.get(live[0])
    chat = info["chat"]["chat_id"]
    fake.chats.change(chat, chat_name="Another")
    same_chat = [name for name in live if fake.get(name)["chat"]["chat_id"] == chat]
    fake.change(live[-1], subject="Another")
    fake.remove(live[-2])
    assert (await client.tickets.changed_since(with_all.state)).updated[0].ticket_id == live[-1]
    fake.clear()
    found = await client.tickets.changed_since(with_all.state, details="all")
    assert set(ids(found.updated)) == {*same_chat, live[-1]} - {live[-2]}
    assert found.fetched.keys() == set(ids(found.updated))
    assert ids(found.deleted) == [live[-2]]
    assert asked(fake)["tickets.get"] == len(live)


async def test_details_of_none(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """With "none", rows are all there is, and the tables are of rows."""
    found = await client.tickets.changed_since(details="none")
    assert fake.calls == 1
    assert found.fetched == {}
    assert found.to_arrow().column_names == list(ROW_COLUMNS)
    assert found.to_arrow().num_rows == len(found.created)
    assert found.created[0].ticket_id in found._repr_html_()


@pytest.mark.parametrize("library", ["arrow", "pandas", "polars"])
async def test_tables(fake: FakePeriskope, client: PeriskopeClient, library: str) -> None:
    """Tables have the columns of an export, whatever there is in them, and a row for what was created or updated."""
    pytest.importorskip("pyarrow" if library == "arrow" else library)
    first = await client.tickets.changed_since()
    fake.remove(ids(first.created)[0])
    nothing = await client.tickets.changed_since(first.state)
    for changes in (first, nothing):
        table = getattr(changes, f"to_{library}")()
        assert list(table.column_names if library == "arrow" else table.columns) == list(COLUMNS)
        assert len(table) == len(changes.fetched)
    assert Changes[TicketRow, TicketInfo]().to_arrow().num_columns == 0


async def test_changes_can_be_taken_back(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Of what could not be worked off, the changes come again; a pickle of them is the same."""
    first = await client.tickets.changed_since()
    changed, gone, *_ = ids(first.created)
    fake.change(changed, subject="Another")
    fake.remove(gone)
    found = await client.tickets.changed_since(first.state)
    assert found.state_without([changed, gone, "BKT-999"]) == first.state
    assert pickle.loads(pickle.dumps(found)) == found  # noqa: S301  # our own
    assert ids((await client.tickets.changed_since(found.state_without([gone]))).deleted) == [gone]


async def test_states_of_others(client: PeriskopeClient) -> None:
    """A state of another resource, phone or chat, or none at all, is refused before anything is sent."""
    chats = (await client.chats.changed_since(details="none")).state
    messages = (await client.messages.changed_since(chat_id="919537851844@c.us")).state
    for attempt, problem in (
        (lambda: client.tickets.changed_since(chats), "not of tickets, but of 'chats'"),
        (lambda: client.chats.changed_since(chats, phone="919876500002"), "of another phone or chat"),
        (lambda: client.messages.changed_since(messages), "of another phone or chat"),
        (lambda: client.tickets.changed_since({"seen": 1}), "not one, or was damaged"),
        (lambda: client.tickets.changed_since(details="some"), "details: expected"),  # type: ignore[arg-type]  # that is it
        (lambda: client.messages.changed_since(start_time=object()), "start_time"),  # type: ignore[arg-type]  # likewise
        (lambda: client.messages.changed_since(chat_id="919537851844", start_time="2026-01-01"), "for all chats only"),
    ):
        with pytest.raises(ConfigurationError, match=problem):
            await attempt()
    assert (await client.chats.changed_since(chats, phone="+91 98765 00001", details="none")).updated == ()


async def test_messages_since_a_moment(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """With `start_time`, what was sent before is forgotten, and neither deleted nor asked for."""
    for name, day in (("m-1", "01"), ("m-2", "03")):
        fake.messages.put({"message_id": name, "chat_id": "919537851844@c.us", "timestamp": f"2090-01-{day}T00:00:00Z"})
    first = await client.messages.changed_since(start_time="2090-01-01")
    assert ids(first.created) == ["m-1", "m-2"]
    assert first.to_records()[0]["message_id"] == "m-2"
    fake.messages.change("m-2", is_deleted=True)
    fake.clear()
    second = await client.messages.changed_since(first.state, start_time="2090-01-02")
    assert (ids(second.deleted), second.created, second.updated) == (["m-2"], (), ())
    assert second.state["seen"].keys() == {"m-2"}
    assert asked(fake) == {"messages.list": 1}


async def test_chats_and_contacts_that_are_gone(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Of a chat or a contact that is gone, the id is left; a message that is gone says that it is deleted."""
    for name in ("chats", "contacts", "messages"):
        resource: Any = getattr(client, name)
        objects: Any = getattr(fake, name)
        first = await resource.changed_since()
        objects.remove(objects.ids[0])
        found = await resource.changed_since(first.state)
        assert len(found.deleted) == 1


# --- watching


async def test_watching(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Rounds begin every so many seconds, however long they take, and bring what happened since, as rows."""
    fake.latency = 0.5
    seen = list[Change[TicketRow, TicketInfo]]()
    async with client.tickets.watch(every=10) as changes, anyio.create_task_group() as group:

        async def happen() -> None:
            await anyio.sleep(25)
            fake.change("BKT-002", subject="Another")
            fake.put({"ticket": {"ticket_id": "BKT-900"}})
            await anyio.sleep(10)
            fake.remove("BKT-900")

        group.start_soon(happen)
        async for change in changes:
            seen.append(change)
            if change.kind == "deleted":
                break
    assert [(change.kind, change.ticket_id, change.value) for change in seen] == [
        ("created", "BKT-900", None),
        ("updated", "BKT-002", None),
        ("deleted", "BKT-900", None),
    ]
    assert repr(seen[1]) == "Change(updated: TicketRow(ticket_id='BKT-002'))"
    assert asked(fake) == {"tickets.list": 5, "tickets.get": 1}
    times = [request.time for request in fake.requests if request.operation == "tickets.list"]
    assert [round(time - times[0], 3) for time in times] == [0, 10, 20, 30, 40]


async def test_a_slow_reader_misses_rounds_and_no_changes(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A round that comes due while changes are worked off is left out; the next one is on time."""
    async with client.tickets.watch(every=10) as changes:
        state = (await client.tickets.changed_since(details="none")).state
        fake.clear()
        fake.change("BKT-002", subject="Another")
        async with client.tickets.watch(every=10, state=state, details="changed") as watched:
            first = await anext(watched)
            assert first.value is not None
            assert first.value.ticket.subject == "Another"
            await anyio.sleep(25)
            fake.change("BKT-004", subject="Another")
            assert (await anext(watched)).id == "BKT-004"
        times = [request.time for request in fake.requests if request.operation == "tickets.list"]
        assert [round(time - times[0]) for time in times] == [0, 30]
        del changes


async def test_a_watch_goes_on_from_any_change(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """With a change's state, those after it come again, and those up to it do not."""
    state = (await client.tickets.changed_since(details="none")).state
    for name in ("BKT-002", "BKT-004"):
        fake.change(name, subject="Another")
    async with client.tickets.watch(state=state) as changes:
        first, second = await anext(changes), await anext(changes)
    async with client.tickets.watch(state=first.state) as changes:
        assert (await anext(changes)).id == second.id
    assert not (await client.tickets.changed_since(second.state)).updated
    assert Change("created", "BKT-001", TicketRow(ticket_id="BKT-001")).state == {}


async def test_a_watch_outlives_an_outage(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A round that fails for a passing reason is left out; another error ends the watch."""
    short = client.with_options(retries=0, deadline=2)
    async with short.tickets.watch(every=10) as changes, anyio.create_task_group() as group:

        async def happen() -> None:
            await anyio.sleep(15)
            fake.faults.add("503", operation="tickets.list")
            fake.change("BKT-002", subject="Another")
            await anyio.sleep(60)
            assert fake.counts["503"] > 1
            fake.faults.clear()

        group.start_soon(happen)
        assert (await anext(changes)).id == "BKT-002"
        fake.rotate_key("another")
        with pytest.raises(PeriskopeError):
            await anext(changes)


async def test_a_watch_is_left_at_any_moment(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Whoever leaves, in the middle of a request or of a wait, leaves nothing behind."""
    fake.latency = 5
    for seconds in (1, 7):
        with anyio.move_on_after(seconds):
            async with client.tickets.watch(every=20) as changes:
                async for _ in changes:
                    raise AssertionError
    fake.latency = 0
    assert (await client.tickets.get("BKT-001")).ticket.ticket_id == "BKT-001"


async def test_a_watch_is_entered(client: PeriskopeClient) -> None:
    """A watch that is iterated over at once says how it is used; an interval or a state that is none is refused."""
    with pytest.raises(TypeError, match="a watch is entered first"):
        aiter(client.tickets.watch())  # type: ignore[call-overload]  # that is it
    with pytest.raises(ConfigurationError, match="every"):
        client.tickets.watch(every=0)
    with pytest.raises(ConfigurationError, match="state"):
        client.tickets.watch(state={})
    with pytest.raises(ConfigurationError, match="details"):
        client.tickets.watch(details="some")  # type: ignore[arg-type]  # that is it


async def test_lists_go_behind_single_calls(fake: FakePeriskope) -> None:
    """A single call goes before a list that has been waiting for longer."""
    async with fake.client(concurrency=1) as client, anyio.create_task_group() as group:
        fake.latency = 1
        group.start_soon(client.tickets.get, "BKT-001")
        await anyio.sleep(0.1)
        group.start_soon(client.tickets.changed_since)
        await anyio.sleep(0.1)
        group.start_soon(client.tickets.get, "BKT-002")
    paths = [request.path for request in fake.requests][:3]
    assert [path.rpartition("/")[2].partition("?")[0] for path in paths] == ["BKT-001", "BKT-002", "tickets"]


async def test_a_list_in_an_outage(fake: FakePeriskope) -> None:
    """A list that cannot be read because the service has long been out of order says so, and that waiting may help."""
    async with fake.client(deadline=3) as client:
        fake.down()
        await client.tickets.get_many(fake.ticket_ids)
        await anyio.sleep(5)
        with pytest.raises(PeriskopeError, match="has been out of order for a whole deadline") as caught:
            await client.tickets.changed_since()
        assert caught.value.retryable
        fake.up()


@pytest.mark.parametrize("assumptions", [Assumptions(deleted_listed=False)])
async def test_a_service_that_lists_no_deleted_ones(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """Where a deleted ticket is listed no more, but says when it is asked for that it is deleted, it is deleted."""
    first = await client.tickets.changed_since()
    name = ids(first.created)[0]
    fake.change(name, is_deleted=True)
    assert ids((await client.tickets.changed_since(first.state)).deleted) == [name]
    assert Fault.STATUS_503 not in fake.counts


async def test_a_watch_begins_as_it_is_entered(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What changes right after a watch was entered is a change; who stops waiting for one may wait again."""
    async with client.tickets.watch(every=10) as changes:
        assert asked(fake) == {"tickets.list": 1}
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(changes), 12)
        fake.change("BKT-002", subject="Another")
        assert (await anext(changes)).id == "BKT-002"
