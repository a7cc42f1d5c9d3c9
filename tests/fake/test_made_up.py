"""What there is before anybody puts anything."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from periskope_async.testing import Assumptions
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.collection import Objects
from periskope_async.testing._service.made_up.tickets import number_of, row_of, ticket_bytes, ticket_id

EXAMPLE = Path(__file__).parents[1] / "samples" / "ticket-info.example.json"

Ask = Callable[..., Answer]


def test_first_ticket_is_the_vendors(ask: Ask) -> None:
    """BKT-001 is the vendor's own example, byte for byte."""
    assert ask("GET", "/tickets/BKT-001").body == EXAMPLE.read_bytes()


def test_tickets_are_repeatable_and_varied() -> None:
    """The same number and seed give the same ticket; another seed another one."""
    tickets = [ticket_bytes(n, 0) for n in range(1, 200)]
    assert tickets == [ticket_bytes(n, 0) for n in range(1, 200)]
    assert len(set(tickets)) == 199
    assert ticket_bytes(2, 0) != ticket_bytes(2, 1)


def test_tickets_hold_every_variety() -> None:
    """Among the tickets is every status, priority and kind of chat, and every empty form the vendor sends."""
    infos = [json.loads(ticket_bytes(n, 0)) for n in range(1, 200)]
    tickets, chats = [info["ticket"] for info in infos], [info["chat"] for info in infos]
    assert {ticket["status"] for ticket in tickets} == {"open", "inprogress", "closed", "archived"}
    assert {ticket["priority"] for ticket in tickets} == {0, 1, 2, 3, 4}
    assert {chat["chat_type"] for chat in chats} == {"user", "group", "business"}
    assert {len(info["attached_messages"]) for info in infos} == {0, 1, 2, 3}
    unquoted = [info["message"] for info in infos if not (info["message"] or {}).get("message_id")]
    assert len(unquoted) < len(infos)
    assert {None if message is None else len(message) for message in unquoted} == {None, 0, 9}
    assert {ticket["is_deleted"] for ticket in tickets} == {True, False}
    assert {ticket.get("closed_at", "absent") for ticket in tickets} > {"absent", "", None}
    assert {ticket["assigned_by"] for ticket in tickets} > {"", None}
    assert max(len(chat["members"] or ()) for chat in chats) > 100
    assert any(chat["members"] is None for chat in chats)
    assert any(message["media_path"] for info in infos for message in info["attached_messages"])
    assert any("," in ticket["ticket_labels"] for ticket in tickets)
    assert any(not ticket["subject"].isascii() for ticket in tickets)


def test_every_ticket_has_the_chat_of_its_messages(tickets: Objects, ask: Ask) -> None:
    """A made-up ticket has a chat, as the vendor's type says, and it is the one that its messages and its row name."""
    infos = [tickets.get(name) for name in tickets.ids()]
    for info in infos:
        messages = [info["message"] or {}, *info["attached_messages"]]
        assert {message["chat_id"] for message in messages if message.get("chat_id")} <= {info["chat"]["chat_id"]}
    rows = json.loads(ask("GET", "/tickets").body)["tickets"]
    assert [row["chat_id"] for row in rows] == [info["chat"]["chat_id"] for info in reversed(infos)]


@pytest.mark.parametrize("service", [Assumptions(null_chat=True)], indirect=True)
def test_tickets_without_a_chat(tickets: Objects, chats: Objects, ask: Ask) -> None:
    """With `null_chat` two of 61 tickets have none, nor have their rows, and no chat is known of them."""
    infos = [tickets.get(name) for name in tickets.ids()]
    without = [info["ticket"]["ticket_id"] for info in infos if info["chat"] is None]
    assert without == ["BKT-007", "BKT-036", "BKT-068", "BKT-097", "BKT-129"]
    rows = json.loads(ask("GET", "/tickets").body)["tickets"]
    assert sorted(row["ticket_id"] for row in rows if not row["chat_id"]) == without
    assert set(chats.ids()) == {info["chat"]["chat_id"] for info in infos if info["chat"]}


@pytest.mark.parametrize("number", [1, 9, 10, 999, 1000, 123456])
def test_numbers_of_ids(number: int) -> None:
    """An id leads back to its number."""
    assert number_of(ticket_id(number)) == number


@pytest.mark.parametrize("name", ["", "BKT-", "BKT-1", "BKT-0001", "BKT-٣٣٣", "ACM-001", "BKT-" + "9" * 5_000])
def test_no_numbers_of_other_ids(name: str) -> None:
    """What looks like an id of ours but is none has no number."""
    assert number_of(name) == 0


def test_row_of_a_bare_ticket() -> None:
    """A row can be made of a ticket that has nothing but its id."""
    row = row_of({"ticket": {"ticket_id": "X"}})
    assert (row["ticket_id"], row["labels"], row["assignee"], row["chat_id"]) == ("X", [], None, "")


@pytest.mark.parametrize("seed", [0, 7])
def test_nobody_is_a_real_person(seed: int) -> None:
    """Every number that was made up is one for fiction, and every address is of nobody; the account is the vendor's."""
    made = b"".join(ticket_bytes(number, seed) for number in range(2, 63)).decode()
    numbers = {*re.findall(r"(?<![0-9A-Za-z=])([0-9]{10,15})(?=[@\"-])", made)} - {"918527184400"}
    assert len(numbers) > 300
    assert [number for number in numbers if not re.fullmatch(r"1[2-7][0-9]{2}55501[0-9]{2}|1612345678", number)] == []
    assert {*re.findall(r"@([a-z.]+)", made)} == {"c.us", "g.us", "example.com"}
