"""The whole life of a ticket through the client, over real HTTP."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from periskope_async import (
    ConfigurationError,
    DecodeError,
    NotFoundError,
    PeriskopeClient,
    ProtocolError,
    ServerError,
    TicketPriority,
    TicketStatus,
    UnexpectedResponseError,
    ValidationError,
)
from periskope_async.testing import FakePeriskope, Fault, Reply


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """Thirty tickets behind real HTTP."""
    with FakePeriskope(tickets=30) as fake:
        yield fake


@pytest.fixture
async def client(fake: FakePeriskope) -> AsyncIterator[PeriskopeClient]:
    """A client of the fake service."""
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
        yield client


async def test_create_then_get(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """A created ticket comes back in full, and is the one that can be got from then on."""
    created = await client.tickets.create(chat_id=fake.chat_ids[0], subject="Broken", priority=3, labels=["brand new"])
    assert (created.ticket.subject, created.ticket.priority) == ("Broken", TicketPriority.HIGH)
    assert created.ticket.status is TicketStatus.OPEN
    assert created.ticket.ticket_labels == ("brand new",)
    assert await client.tickets.get(created.ticket.ticket_id) == created


async def test_update(client: PeriskopeClient) -> None:
    """An update changes what it names, and leaves the rest."""
    before = await client.tickets.get("BKT-001")
    after = await client.tickets.update("BKT-001", status="closed", due_date="2026-12-01")
    assert after.ticket.status is TicketStatus.CLOSED
    assert after.ticket.due_date is not None
    assert (after.ticket.subject, after.chat) == (before.ticket.subject, before.chat)
    assert (await client.tickets.update("BKT-001", due_date=None)).ticket.due_date is None


async def test_update_of_an_unknown_ticket(client: PeriskopeClient) -> None:
    """Updating a ticket that is not there is a NotFoundError, not a new ticket."""
    with pytest.raises(NotFoundError):
        await client.tickets.update("NOPE-1", subject="x")


async def test_a_mistyped_word_is_not_sent(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """A word that is none of its list's is refused before anything is sent, wherever the API lists its words."""
    refused: dict[str, Any] = {
        "status": lambda: client.tickets.list(status="opne"),  # type: ignore[arg-type]  # what a checker refuses too
        "type": lambda: client.tasks.create("Call", type="tikcet"),  # type: ignore[arg-type]
        "chat_type": lambda: client.chats.list_page(chat_type="grup"),
        "role": lambda: client.members.invite(["a@example.com"], role="admim", labels=["vip"]),
    }
    for name, call in refused.items():
        with pytest.raises(ConfigurationError, match=rf"^{name}: .*; did you mean '(open|ticket|group|admin)'\?$"):
            await call()
    with pytest.raises(ConfigurationError, match="did you mean 'closed'"):
        await client.tickets.update("BKT-001", status="close")  # type: ignore[arg-type]
    assert fake.calls == 0


async def test_what_cannot_be_emptied(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """None empties what a ticket can be without, and is refused where the API shows no such thing."""
    for name in ("subject", "status", "priority"):
        with pytest.raises(ConfigurationError, match=f"^{name}: expected"):
            await client.tickets.update("BKT-001", **{name: None})  # type: ignore[arg-type]
    assert fake.calls == 0


async def test_white_space_around_an_id(client: PeriskopeClient) -> None:
    """An id as it stands in a line or a cell is the id, alone and among many."""
    assert (await client.tickets.get(" BKT-001\n")).ticket.ticket_id == "BKT-001"
    found = await client.tickets.get_many(["BKT-002 ", "\tBKT-003"])
    assert {spelled: info.ticket.ticket_id for spelled, info in found.tickets.items()} == {
        "BKT-002 ": "BKT-002",
        "\tBKT-003": "BKT-003",
    }


async def test_the_service_refuses_a_value(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """A value the service refuses is a ValidationError whose fields tell which; the ticket was not made."""
    count = fake.count
    with pytest.raises(ValidationError) as caught:
        await client.tickets.create(chat_id=fake.chat_ids[0], subject="Hi", status=TicketStatus("no such status"))
    assert any("status" in name for name in caught.value.fields)
    assert not caught.value.maybe_sent
    assert fake.count == count


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.RESET_BEFORE, ProtocolError),
        (Fault.STATUS_500, ServerError),
        (Fault.EMPTY, UnexpectedResponseError),
        (Fault.INVALID_JSON, DecodeError),
    ],
)
async def test_an_ambiguous_create_is_not_repeated(
    client: PeriskopeClient, fake: FakePeriskope, fault: Fault, error: type[Exception]
) -> None:
    """A create that may have arrived is sent once, and its error says that it may have."""
    fake.faults.add(fault, times=1)
    with pytest.raises(error) as caught:
        await client.tickets.create(chat_id=fake.chat_ids[0], subject="Hi")
    assert caught.value.maybe_sent  # type: ignore[attr-defined]  # every error here is ours
    assert "maybe sent" in str(caught.value)
    assert fake.calls == 1 == fake.counts[fault]


async def test_a_create_that_cannot_have_arrived_is_repeated(fake: FakePeriskope) -> None:
    """A create that met a closed port or a 429 was not done, and is sent again."""
    fake.faults.add(Fault.STATUS_429, times=1)
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
        count = fake.count
        await client.tickets.create(chat_id=fake.chat_ids[0], subject="Hi")
        assert fake.counts[Fault.STATUS_429] == 1
        assert fake.count == count + 1
        await client.aclose()
    fake.down()
    async with PeriskopeClient(fake.api_key, base_url=fake.base_url, retries=50) as client:
        creating = asyncio.create_task(client.tickets.create(chat_id=fake.chat_ids[0], subject="Hi"))
        await asyncio.sleep(0.1)
        fake.up()
        await creating
    assert fake.count == count + 2


async def test_an_update_is_repeated(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """An update sets fields to values, so that sending it twice does what sending it once does."""
    fake.faults.add(Fault.RESET_BEFORE, times=1)
    await client.tickets.update("BKT-001", subject="New")
    assert fake.counts[Fault.RESET_BEFORE] == 1
    assert [request.method for request in fake.requests] == ["PATCH", "PATCH"]


async def test_list_page(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """A page holds the rows from an offset on, and the service's own numbers for them."""
    page = await client.tickets.list_page(offset=10, limit=5)
    assert len(page.tickets) == 5
    assert (page.first, page.last) == (11, 15)
    assert (await client.tickets.list_page()).count == fake.count


@pytest.mark.parametrize("page_size", [1, 7, 30, 31, 2000])
async def test_list_walks_every_page(client: PeriskopeClient, fake: FakePeriskope, page_size: int) -> None:
    """Walking the list tells every ticket once, whatever the page size."""
    found = [row.ticket_id async for row in client.tickets.list(page_size=page_size)]
    assert sorted(found) == sorted(fake.ticket_ids)


async def test_list_while_tickets_are_created(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """Tickets that are created during the walk cost it no ticket and double none."""
    ids = fake.ticket_ids
    found: list[str] = []
    async for row in client.tickets.list(page_size=4):
        found.append(row.ticket_id)
        if len(found) % 5 == 0:
            await client.tickets.create(chat_id=fake.chat_ids[0], subject="Meanwhile")
    assert set(ids) <= set(found)
    assert len(found) == len(set(found))


async def test_list_of_a_service_with_smaller_pages(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """A service that serves fewer rows than asked for, and says that there are more, is walked to the end."""
    asked: list[int] = []

    async def capped(*, offset: int = 0, limit: int = 2000) -> Any:
        asked.append(limit)
        return await type(client.tickets).list_page(client.tickets, offset=offset, limit=min(limit, 8))

    client.tickets.list_page = capped  # type: ignore[method-assign]  # stands for the service's own cap
    assert len([row async for row in client.tickets.list(page_size=20)]) == fake.count
    assert set(asked) == {20}


@pytest.mark.parametrize(("body", "count"), [(b"{}", 2), (b'{"error": "busy"}', 2)])
async def test_a_body_that_is_no_page(client: PeriskopeClient, fake: FakePeriskope, body: bytes, count: int) -> None:
    """A body without anything of a page is no empty page: it is asked for once more, and then an error."""
    fake.answer(lambda _request: Reply(200, body, (("Content-Type", "application/json"),)))
    with pytest.raises(UnexpectedResponseError, match="not a page"):
        await anext(client.tickets.list())
    assert fake.calls == count


async def test_an_account_without_tickets(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """An account without tickets has an empty page, whatever else the page tells."""
    for ticket_id in fake.ticket_ids:
        fake.remove(ticket_id)
    assert [row async for row in client.tickets.list()] == []
    fake.answer(lambda _request: Reply(200, b'{"tickets": []}', (("Content-Type", "application/json"),)))
    assert [row async for row in client.tickets.list()] == []


async def test_leaving_a_list_early(client: PeriskopeClient) -> None:
    """Leaving a walk leaves no task and no connection busy, and the client works on."""
    before = asyncio.all_tasks()
    async with aclosing(client.tickets.list(page_size=3)) as rows:
        async for _ in rows:
            break
    assert asyncio.all_tasks() == before
    assert (await client.tickets.get("BKT-001")).ticket.ticket_id == "BKT-001"


@pytest.mark.parametrize("arguments", [{"offset": -1}, {"limit": 0}, {"limit": "10"}, {"offset": True}])
async def test_bad_pages_are_refused(client: PeriskopeClient, fake: FakePeriskope, arguments: dict[str, Any]) -> None:
    """An offset or limit that cannot be one is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match=next(iter(arguments))):
        await client.tickets.list_page(**arguments)
    with pytest.raises(ConfigurationError, match="page_size"):
        await anext(client.tickets.list(page_size=0))
    assert fake.calls == 0


async def listed(client: PeriskopeClient, **filters: Any) -> set[str]:
    """Return the ids of a filtered list."""
    return {row.ticket_id async for row in client.tickets.list(page_size=7, **filters)}


async def test_filtered_lists(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """A filter leaves rows out, each by its own field, all that are named together, wherever in the list they are."""
    for ticket_id in fake.ticket_ids:
        fake.change(ticket_id, assignee="", status="open", ticket_labels="")
    fake.change("BKT-002", assignee="Asha@Example.com", status="closed", ticket_labels="vip, late")
    fake.change("BKT-003", assignee="asha@example.com")
    fake.change("BKT-029", ticket_labels="vip")
    rest = set(fake.ticket_ids)
    assert await listed(client, status="closed") == await listed(client, status=TicketStatus.CLOSED) == {"BKT-002"}
    assert await listed(client, assignee=" ASHA@example.com") == {"BKT-002", "BKT-003"}
    assert await listed(client, assignee="") == rest - {"BKT-002", "BKT-003"}
    assert await listed(client, label="vip") == {"BKT-002", "BKT-029"}
    assert await listed(client, label="vip", status="open") == {"BKT-029"}


@pytest.mark.parametrize(
    "since",
    [
        "2026-03-01",
        " 2026-03-01T13:00:00+01:00",
        date(2026, 3, 1),
        datetime(2026, 3, 1, 12),  # noqa: DTZ001  # taken for UTC
        datetime(2026, 3, 1, 12, tzinfo=UTC),
    ],
)
async def test_list_of_what_changed(client: PeriskopeClient, fake: FakePeriskope, since: Any) -> None:
    """`updated_since` goes by the last change, by the creation where there was none, and leaves out who has neither."""
    noon, before = "2026-03-01T12:00:00Z", "2026-02-28T12:00:00Z"
    rows = [
        {"ticket_id": "changed", "last_updated_at": noon, "created_at": before},
        {"ticket_id": "created", "last_updated_at": None, "created_at": noon},
        {"ticket_id": "old", "last_updated_at": before, "created_at": before},
        {"ticket_id": "neither"},
    ]
    body = json.dumps({"tickets": rows}).encode()
    fake.answer(lambda _: Reply(200, body, (("Content-Type", "application/json"),)))
    assert await listed(client, updated_since=since) == {"changed", "created"}


async def test_limit_of_a_filtered_list(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """`limit` counts the rows that pass, and nothing is read once they have."""
    for ticket_id in fake.ticket_ids:
        fake.change(ticket_id, status="open")
    rows = [row async for row in client.tickets.list(status="open", limit=3, page_size=5)]
    assert len(rows) == 3
    assert fake.calls <= 2
    assert len(await listed(client, status="closed", limit=3)) == 0


@pytest.mark.parametrize(
    ("filters", "says"),
    [
        ({"status": " "}, "status: is empty"),
        ({"status": 5}, "status: expected text"),
        ({"assignee": 5}, "assignee: expected text"),
        ({"label": ["vip"]}, "label: expected text"),
        ({"updated_since": "last week"}, "updated_since: expected a date"),
        ({"updated_since": 5}, "updated_since: expected text"),
        ({"status": "open", "limit": 0}, "limit: expected at least 1"),
        ({"status": "open", "page_size": 0}, "page_size: expected at least 1"),
    ],
)
async def test_bad_filters_are_refused(
    client: PeriskopeClient, fake: FakePeriskope, filters: dict[str, Any], says: str
) -> None:
    """What cannot be a filter is refused at once, before anything is sent."""
    with pytest.raises(ConfigurationError, match=says):
        client.tickets.list(**filters)
    assert fake.calls == 0


async def test_all_tickets_in_full(client: PeriskopeClient, fake: FakePeriskope) -> None:
    """The list feeds the stream: every ticket of the account in full, in bounded memory."""

    async def ids() -> AsyncIterator[str]:
        async for row in client.tickets.list(page_size=10):
            yield row.ticket_id

    async with client.tickets.stream(ids()) as results:
        found = {result.ticket_id async for result in results}
    assert found == set(fake.ticket_ids)


TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=20).filter(str.strip)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "subject": TEXTS,
        "priority": st.sampled_from([1, 2, 3, 4]),
        "status": st.sampled_from(["open", "inprogress", "closed", "archived"]),
        "assignee": st.sampled_from(["a@example.com", "b@example.com"]),
    },
)


class TicketLife(RuleBasedStateMachine):
    """Create, update, list and get through the client agree with a plain dict."""

    tickets = Bundle("tickets")

    def __init__(self) -> None:
        super().__init__()
        self.fake = FakePeriskope(tickets=1).start()
        self.runner = asyncio.Runner()
        self.client = PeriskopeClient(self.fake.api_key, base_url=self.fake.base_url)
        self.model: dict[str, dict[str, Any]] = {}

    def teardown(self) -> None:
        self.runner.run(self.client.aclose())
        self.runner.close()
        self.fake.stop()

    @initialize(target=tickets)
    def know_the_first(self) -> str:
        info = self.runner.run(self.client.tickets.get("BKT-001"))
        self.model["BKT-001"] = {name: getattr(info.ticket, name) for name in ("subject", "priority", "status")}
        return "BKT-001"

    @rule(target=tickets, subject=TEXTS, changes=CHANGES)
    def create(self, subject: str, changes: dict[str, Any]) -> str:
        wanted = {"status": "open", "priority": 1} | changes | {"subject": subject}
        made = self.client.tickets.create(chat_id=self.fake.chat_ids[0], **changes | {"subject": subject})
        info = self.runner.run(made)
        assert info.ticket.ticket_id not in self.model
        self.model[info.ticket.ticket_id] = wanted
        return info.ticket.ticket_id

    @rule(ticket_id=tickets, changes=CHANGES.filter(bool))
    def update(self, ticket_id: str, changes: dict[str, Any]) -> None:
        self.runner.run(self.client.tickets.update(ticket_id, **changes))
        self.model[ticket_id] |= changes

    @rule(ticket_id=tickets)
    def get(self, ticket_id: str) -> None:
        ticket = self.runner.run(self.client.tickets.get(ticket_id)).ticket
        told = {name: getattr(ticket, name) for name in self.model[ticket_id]}
        assert told == self.model[ticket_id]

    @invariant()
    def list_agrees(self) -> None:
        async def rows() -> dict[str, str | None]:
            return {row.ticket_id: row.subject async for row in self.client.tickets.list(page_size=3)}

        if self.model:
            assert self.runner.run(rows()) == {key: told["subject"] for key, told in self.model.items()}


TicketLife.TestCase.settings = settings(
    max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
test_ticket_life = TicketLife.TestCase
