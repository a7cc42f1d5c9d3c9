"""The operations on tickets, without a socket."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from periskope_async.testing import Assumptions, Request
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.collection import Objects
from periskope_async.testing._service.made_up.tickets import row_of, ticket_bytes
from periskope_async.testing._service.service import Service

NOW = 1_740_000_000.25
KEY = "Authorization: Bearer key"
CHAT = "919537851844@c.us"

Ask = Callable[..., Answer]


def parsed(answer: Answer) -> Any:
    """The JSON of an answer."""
    return json.loads(answer.body or b"")


def fields(answer: Answer) -> dict[str, Any]:
    """What a 422 says was wrong."""
    assert answer.status == 422
    error = parsed(answer)
    assert (error["code"], error["status"]) == ("VALIDATION_ERROR", 422)
    return error["fields"]


def unknown(**options: Any) -> pytest.MarkDecorator:
    """Run the test on a service that answers unknown points in another way."""
    return pytest.mark.parametrize("service", [Assumptions(**options)], indirect=True, ids=str)


# --- get -------------------------------------------------------------------------------------------------------


def test_get_unknown(ask: Ask) -> None:
    """An unknown id answers the vendor's 404."""
    answer = ask("GET", "/tickets/NOPE")
    assert (answer.status, parsed(answer)) == (
        404,
        {"code": "NOT_FOUND_ERROR", "message": "Ticket not found", "status": 404},
    )


@unknown(missing_ticket="422")
def test_get_unknown_as_422(ask: Ask) -> None:
    """An unknown id may be a 422."""
    assert fields(ask("GET", "/tickets/NOPE")) == {"params.ticket_id": {"message": "Invalid ticket_id"}}


@unknown(missing_ticket="null")
def test_get_unknown_as_null(ask: Ask) -> None:
    """An unknown id may be a 200 with null."""
    assert ask("GET", "/tickets/NOPE") == Answer(200, b"null")


@unknown(missing_ticket="empty")
def test_get_unknown_as_nothing(ask: Ask) -> None:
    """An unknown id may be a 200 with nothing."""
    assert ask("GET", "/tickets/NOPE") == Answer(200, b"")


def test_put_get_remove(tickets: Objects, ask: Ask) -> None:
    """A ticket can be put, of any id, and removed: then it is gone for everybody."""
    tickets.put({"ticket": {"ticket_id": "ACM/1 é", "subject": "mine"}})
    assert parsed(ask("GET", "/tickets/ACM%2F1%20%C3%A9"))["ticket"]["subject"] == "mine"
    tickets.remove("ACM/1 é")
    tickets.remove("BKT-002")
    assert [ask("GET", f"/tickets/{name}").status for name in ("ACM%2F1%20%C3%A9", "BKT-002")] == [404, 404]
    assert "BKT-002" not in tickets.ids()
    tickets.put({"ticket": {"ticket_id": "BKT-002"}})
    assert tickets.get("BKT-002") == {"ticket": {"ticket_id": "BKT-002"}}
    with pytest.raises(KeyError, match="NOPE"):
        tickets.get("NOPE")


# --- list ------------------------------------------------------------------------------------------------------


def test_list_newest_first(ask: Ask) -> None:
    """A page holds the rows from `offset` on, newest first, and counts from 1."""
    page = parsed(ask("GET", "/tickets?offset=2&limit=3"))
    assert [row["ticket_id"] for row in page["tickets"]] == ["BKT-148", "BKT-147", "BKT-146"]
    assert (page["from"], page["to"], page["count"]) == (3, 5, 150)


@pytest.mark.parametrize("path", ["/tickets", "/tickets/", "/tickets?other=1"])
def test_list_everything(tickets: Objects, ask: Ask, path: str) -> None:
    """Without a query the page holds all, as rows of tickets: null instead of `""`."""
    rows = parsed(ask("GET", path))["tickets"]
    assert [row["ticket_id"] for row in rows] == [*reversed(tickets.ids())]
    assert [rows[150 - n] for n in (1, 2, 77)] == [row_of(json.loads(ticket_bytes(n, 0))) for n in (1, 2, 77)]
    assert all(value != "" for row in rows for value in row.values())


def test_list_past_the_end(ask: Ask) -> None:
    """Past the end the page is empty."""
    assert parsed(ask("GET", "/tickets?offset=150")) == {"from": 151, "to": 150, "count": 150, "tickets": []}


@unknown(count="page", deleted_listed=False, max_limit=100)
def test_list_otherwise(ask: Ask) -> None:
    """`count` may be that of the page, deleted tickets may be left out, and the limit may be lower."""
    page = parsed(ask("GET", "/tickets"))
    assert page["count"] == len(page["tickets"]) == 100
    assert not any(row["is_deleted"] for row in page["tickets"])
    assert "limit" in fields(ask("GET", "/tickets?limit=101"))


@pytest.mark.parametrize("query", ["offset=x", "offset=-1", "limit=1.5", "limit=", "offset=٣", "limit=" + "9" * 5_000])
def test_list_with_a_bad_query(ask: Ask, query: str) -> None:
    """What is no number is a 422 that names the parameter."""
    assert list(fields(ask("GET", f"/tickets?{query}"))) == [f"query.{query.partition('=')[0]}"]


@pytest.mark.parametrize("limit", ["0", "2001", "10000"])
def test_list_with_a_bad_limit(ask: Ask, limit: str) -> None:
    """A limit out of range is a 422 that gives the number back as text."""
    answer = ask("GET", f"/tickets?limit={limit}")
    assert fields(answer)["limit"]["value"] == limit
    assert parsed(answer)["name"] == "Validation Error"
    assert parsed(answer)["message"].endswith("less than 2000")


# --- create ----------------------------------------------------------------------------------------------------


def test_create(tickets: Objects, ask: Ask) -> None:
    """A ticket is made with the next number and the defaults, and is there afterwards."""
    answer = ask("POST", "/tickets/create", {"chat_id": CHAT, "subject": "New"})
    info = parsed(answer)
    assert answer.status == 200
    assert info["ticket"] == {
        "assigned_by": "",
        "assignee": "",
        "created_at": "2025-02-19T21:20:00.250000+00:00",
        "due_date": "",
        "is_deleted": False,
        "org_id": info["ticket"]["org_id"],
        "priority": 1,
        "quoted_message_id": "",
        "raised_by": None,
        "status": "open",
        "subject": "New",
        "ticket_custom_properties": {},
        "ticket_id": "BKT-151",
        "ticket_labels": "",
    }
    assert info["chat"] == tickets.get("BKT-001")["chat"]
    assert (info["message"], info["attached_messages"]) == ({}, [])
    assert tickets.get("BKT-151") == info
    assert parsed(ask("GET", "/tickets?limit=1"))["tickets"][0]["ticket_id"] == "BKT-151"


def test_create_with_everything(tickets: Objects, ask: Ask) -> None:
    """All that can be set is set; the quoted message is found by its short id, labels whatever their case."""
    short = tickets.get("BKT-001")["ticket"]["quoted_message_id"]
    body = {
        "chat_id": CHAT.partition("@")[0],
        "subject": "New",
        "assignee": "asha@example.com",
        "quoted_message_id": short,
        "due_date": "2025-04-09 18:29:59+00",
        "priority": 4,
        "status": "closed",
        "labels": "Bug, vip ,bug,,VIP,New,new",
        "unknown": {},
    }
    info = parsed(ask("POST", "/tickets/create", body))
    ticket = info["ticket"]
    assert info["message"] == tickets.get("BKT-001")["message"]
    assert (ticket["assignee"], ticket["quoted_message_id"]) == ("asha@example.com", short)
    assert ticket["due_date"] == "2025-04-09T18:29:59+00:00"
    assert (ticket["priority"], ticket["status"]) == (4, "closed")
    assert ticket["closed_at"].startswith("2025-02-19T21:20:00")
    assert ticket["ticket_labels"] == "bug, VIP, New"


def test_create_quoting_by_full_id(tickets: Objects, ask: Ask) -> None:
    """A message is found by its full id as well; an unknown one is kept as it is."""
    full = tickets.get("BKT-001")["message"]["message_id"]
    for given, kept in ((full, full.split("_")[2]), ("nowhere", "nowhere")):
        info = parsed(ask("POST", "/tickets/create", {"chat_id": CHAT, "subject": "s", "quoted_message_id": given}))
        assert info["ticket"]["quoted_message_id"] == kept


def test_create_skips_taken_ids(tickets: Objects, ask: Ask) -> None:
    """A number that somebody put is not given again."""
    tickets.put({"ticket": {"ticket_id": "BKT-151"}})
    made = [parsed(ask("POST", "/tickets/create", {"chat_id": CHAT, "subject": "s"})) for _ in range(2)]
    assert [info["ticket"]["ticket_id"] for info in made] == ["BKT-152", "BKT-153"]


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"chat_id": None}, "chat_id"),
        ({"chat_id": ""}, "chat_id"),
        ({"chat_id": "nobody"}, "chat_id"),
        ({"chat_id": ["9"]}, "chat_id"),
        ({"subject": ""}, "subject"),
        ({"subject": 5}, "subject"),
        ({"assignee": 5}, "assignee"),
        ({"quoted_message_id": {}}, "quoted_message_id"),
        ({"due_date": "tomorrow"}, "due_date"),
        ({"due_date": 20250420}, "due_date"),
        ({"due_date": "0001-01-01T00:00:00+14:00"}, "due_date"),
        ({"priority": 0}, "priority"),
        ({"priority": 5}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": "high"}, "priority"),
        ({"priority": 1.0}, "priority"),
        ({"status": "done"}, "status"),
        ({"labels": ["a"]}, "labels"),
    ],
)
def test_create_with_a_bad_value(tickets: Objects, ask: Ask, change: dict[str, Any], wrong: str) -> None:
    """A bad value is a 422 that names its field, and no ticket is made."""
    answer = ask("POST", "/tickets/create", {"chat_id": CHAT, "subject": "s", **change})
    assert list(fields(answer)) == [f"body.{wrong}"]
    assert len(tickets.ids()) == 150


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b"5"])
def test_body_is_no_object(ask: Ask, method: str, body: bytes) -> None:
    """A body that is no JSON object is a 422."""
    path = "/tickets/create" if method == "POST" else "/tickets/BKT-001"
    assert fields(ask(method, path, body)) == {"body": {"message": "Expected object"}}


def test_create_in_unknown_chat(ask: Ask) -> None:
    """A chat that is not there is a 404."""
    answer = ask("POST", "/tickets/create", {"chat_id": "1@c.us", "subject": "s"})
    assert (answer.status, parsed(answer)["message"]) == (404, "Chat not found")


@unknown(unknown_chat="create", unquoted="null", phone_required=True)
def test_create_otherwise(chats: Objects, ask: Ask) -> None:
    """An unknown chat may be made, `message` may be null, and `x-phone` may be required."""
    body = {"chat_id": "120363@g.us", "subject": "s"}
    assert "x-phone" in fields(ask("POST", "/tickets/create", body))
    info = parsed(ask("POST", "/tickets/create", body, "x-phone: 919"))
    assert (info["message"], info["chat"]["chat_type"], info["chat"]["chat_id"]) == (None, "group", "120363@g.us")
    assert "120363@g.us" in chats.ids()
    assert (
        parsed(ask("POST", "/tickets/create", {**body, "chat_id": "12"}, "x-phone: 9"))["chat"]["chat_type"] == "user"
    )


@unknown(unquoted="blank")
def test_create_with_blank_message(ask: Ask) -> None:
    """`message` may be an object of empty strings."""
    info = parsed(ask("POST", "/tickets/create", {"chat_id": CHAT, "subject": "s"}))
    assert set(info["message"].values()) == {""}


def test_chats_of_put_tickets(tickets: Objects, ask: Ask) -> None:
    """The chat of a ticket that was put can be used as well."""
    chat = {"chat_id": "777@c.us"}
    tickets.put({"ticket": {"ticket_id": "X"}, "chat": chat, "message": {"message_id": "m", "body": "hello"}})
    body = {"chat_id": "777@c.us", "subject": "s", "quoted_message_id": "m"}
    info = parsed(ask("POST", "/tickets/create", body))
    assert (info["chat"], info["message"]["body"]) == (chat, "hello")


def fresh_service() -> Service:
    """A service that nobody has asked for anything."""
    return Service(10, seed=0, api_key="key", assumptions=Assumptions(), now=lambda: NOW)


def tickets_of(service: Service) -> Objects:
    """The tickets of a service."""
    return service.state.objects["tickets"]


FIRST_TOUCHES: dict[str, Callable[[Service], object]] = {
    "put": lambda service: tickets_of(service).put({"ticket": {"ticket_id": "X"}, "chat": {"chat_id": "777@c.us"}}),
    "put again": lambda service: tickets_of(service).put(tickets_of(service).get("BKT-002")),
    "patch": lambda service: service.answer(
        Request("PATCH", "/v1/tickets/BKT-002", KEY.encode(), b'{"subject": "Other"}')
    ),
}


@pytest.mark.parametrize("touch", FIRST_TOUCHES)
def test_chats_do_not_depend_on_what_came_first(touch: str) -> None:
    """Whatever is done to one ticket before anybody asks for chats, every chat and message of the others is there."""
    expected = fresh_service().state.objects["chats"].ids()
    assert len(expected) > 5
    service = fresh_service()
    FIRST_TOUCHES[touch](service)
    quoted = tickets_of(service).get("BKT-003")["message"]["message_id"]
    for chat_id in expected:
        body = json.dumps({"chat_id": chat_id, "subject": "s", "quoted_message_id": quoted}).encode()
        answer = service.answer(Request("POST", "/v1/tickets/create", KEY.encode(), body))
        assert (answer.status, parsed(answer)["chat"]["chat_id"]) == (200, chat_id)
        assert parsed(answer)["message"]["message_id"] == quoted
    chat_ids = service.state.objects["chats"].ids()
    assert chat_ids[: len(expected)] == expected
    assert chat_ids[len(expected) :] == (("777@c.us",) if touch == "put" else ())


# --- update ----------------------------------------------------------------------------------------------------


def test_update(tickets: Objects, ask: Ask) -> None:
    """What is sent changes, the rest stays; the answer is the ticket as it then is."""
    before = tickets.get("BKT-003")
    body = {"subject": "Other", "priority": "4", "status": "inprogress", "labels": "a, b", "due_date": "2025-04-20"}
    answer = ask("PATCH", "/tickets/BKT-003", body)
    after = tickets.get("BKT-003")
    assert (answer.status, parsed(answer)) == (200, after)
    changed = {key for key in after["ticket"] if after["ticket"][key] != before["ticket"].get(key)}
    assert changed <= {"subject", "priority", "status", "ticket_labels", "due_date"}
    assert after["ticket"]["due_date"] == "2025-04-20T00:00:00+00:00"
    assert after["chat"] == before["chat"]
    row = next(row for row in parsed(ask("GET", "/tickets"))["tickets"] if row["ticket_id"] == "BKT-003")
    assert (row["subject"], row["labels"]) == ("Other", ["a", "b"])
    assert row["last_updated_at"] == "2025-02-19T21:20:00.250000+00:00"


def test_closing_and_opening(ask: Ask) -> None:
    """A closed ticket has the time of its closing; opened again, it has none."""
    closed = parsed(ask("PATCH", "/tickets/BKT-001", {"status": "closed"}))["ticket"]
    opened = parsed(ask("PATCH", "/tickets/BKT-001", {"status": "open"}))["ticket"]
    assert closed["closed_at"] == "2025-02-19T21:20:00.250000+00:00"
    assert "closed_at" not in opened


def test_update_with_empties(ask: Ask) -> None:
    """The vendor's own example: empties beside real values. What can be cleared is; status and subject stay."""
    body = {"assignee": "", "labels": None, "status": "", "due_date": None, "subject": None, "priority": ""}
    ticket = parsed(ask("PATCH", "/tickets/BKT-001", body))["ticket"]
    assert (ticket["assignee"], ticket["ticket_labels"], ticket["due_date"]) == ("", "", "")
    assert (ticket["status"], ticket["subject"], ticket["priority"]) == ("open", "Issue with this", 1)


@unknown(empty_clears=False, lenient_priority=True)
def test_update_otherwise(ask: Ask) -> None:
    """Empties may leave everything as it is, and the priority may be a number."""
    ticket = parsed(ask("PATCH", "/tickets/BKT-001", {"assignee": "", "priority": 3}))["ticket"]
    assert (ticket["assignee"], ticket["priority"]) == ("bharat@periskope.app", 3)


@pytest.mark.parametrize("body", [b"", {}, {"chat_id": CHAT}, {"ticket_id": "X"}])
def test_update_without_a_known_key(ask: Ask, body: Any) -> None:
    """Nothing to change is a 422 that names every key there is."""
    answer = ask("PATCH", "/tickets/BKT-001", body)
    assert sorted(fields(answer)) == ["assignee", "due_date", "labels", "priority", "status", "subject"]
    assert parsed(answer)["message"].startswith("Invalid body. At least one of the following keys are required: ")


def test_update_with_bad_values(tickets: Objects, ask: Ask) -> None:
    """Bad values are a 422 that names them all; a number is no priority here. Nothing changes."""
    before = tickets.get("BKT-001")
    answer = ask("PATCH", "/tickets/BKT-001", {"priority": 3, "status": "done", "subject": "s"})
    assert sorted(fields(answer)) == ["body.priority", "body.status"]
    assert tickets.get("BKT-001") == before


def test_update_unknown(ask: Ask) -> None:
    """An unknown id is a 404."""
    assert ask("PATCH", "/tickets/NOPE", {"subject": "s"}).status == 404
