"""The fake's tickets and the four operations on them, without a socket."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from periskope_async.testing import Assumptions, Request
from periskope_async.testing._service.made_up import number_of, row_of, ticket_bytes, ticket_id
from periskope_async.testing._service.router import Answer, Service, ticket_of

NOW = 1_740_000_000.25
KEY = "Authorization: Bearer key"
CHAT = "919537851844@c.us"
EXAMPLE = Path(__file__).parents[1] / "samples" / "ticket-info.example.json"

Ask = Callable[..., Answer]


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Service:
    """A service of 150 tickets; a test can hand it other `Assumptions`."""
    assumptions = getattr(request, "param", None) or Assumptions()
    return Service(150, seed=0, api_key="key", assumptions=assumptions, now=lambda: NOW)


@pytest.fixture
def ask(service: Service) -> Ask:
    """Ask the service: `ask("GET", "/tickets/BKT-001")`."""

    def asking(method: str, path: str, body: Any = None, *fields: str) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        return service.answer(Request(method, f"/v1{path}", "\r\n".join((KEY, *fields)).encode(), raw))

    return asking


def told(answer: Answer) -> Any:
    """The JSON of an answer."""
    return json.loads(answer.body or b"")


def fields(answer: Answer) -> dict[str, Any]:
    """What a 422 says was wrong."""
    assert answer.status == 422
    error = told(answer)
    assert (error["code"], error["status"]) == ("VALIDATION_ERROR", 422)
    return error["fields"]


def unknown(**options: Any) -> pytest.MarkDecorator:
    """Run the test on a service that answers unknown points in another way."""
    return pytest.mark.parametrize("service", [Assumptions(**options)], indirect=True, ids=str)


# --- tickets ---------------------------------------------------------------------------------------------------


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


def test_every_ticket_has_the_chat_of_its_messages(service: Service, ask: Ask) -> None:
    """A made-up ticket has a chat, as the vendor's type says, and it is the one that its messages and its row name."""
    infos = [service.get(name) for name in service.ids()]
    for info in infos:
        messages = [info["message"] or {}, *info["attached_messages"]]
        assert {message["chat_id"] for message in messages if message.get("chat_id")} <= {info["chat"]["chat_id"]}
    rows = told(ask("GET", "/tickets"))["tickets"]
    assert [row["chat_id"] for row in rows] == [info["chat"]["chat_id"] for info in reversed(infos)]


@unknown(null_chat=True)
def test_tickets_without_a_chat(service: Service, ask: Ask) -> None:
    """With `null_chat` two of 61 tickets have none, nor have their rows, and no chat is known of them."""
    infos = [service.get(name) for name in service.ids()]
    without = [info["ticket"]["ticket_id"] for info in infos if info["chat"] is None]
    assert without == ["BKT-007", "BKT-036", "BKT-068", "BKT-097", "BKT-129"]
    rows = told(ask("GET", "/tickets"))["tickets"]
    assert sorted(row["ticket_id"] for row in rows if not row["chat_id"]) == without
    assert set(service.chat_ids()) == {info["chat"]["chat_id"] for info in infos if info["chat"]}


@pytest.mark.parametrize("number", [1, 9, 10, 999, 1000, 123456])
def test_numbers_of_ids(number: int) -> None:
    """An id leads back to its number."""
    assert number_of(ticket_id(number)) == number


@pytest.mark.parametrize("name", ["", "BKT-", "BKT-1", "BKT-0001", "BKT-٣٣٣", "ACM-001", "BKT-" + "9" * 5_000])
def test_no_numbers_of_other_ids(name: str) -> None:
    """What looks like an id of ours but is none has no number."""
    assert number_of(name) is None


def test_row_of_a_bare_ticket() -> None:
    """A row can be made of a ticket that has nothing but its id."""
    row = row_of({"ticket": {"ticket_id": "X"}})
    assert (row["ticket_id"], row["labels"], row["assignee"], row["chat_id"]) == ("X", [], None, "")


# --- who may come in -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["X: y", "Authorization: Bearer wrong", "Authorization: key", "Authorization:"])
def test_wrong_key(service: Service, field: str) -> None:
    """Without the right key every operation answers the vendor's 401."""
    answer = service.answer(Request("GET", "/v1/tickets/BKT-001", field.encode()))
    assert (answer.status, told(answer)) == (
        401,
        {"code": "UNAUTHORIZED_ERROR", "message": "Invalid bearer auth token", "status": 401},
    )


def test_plan_without_api(service: Service, ask: Ask) -> None:
    """An account whose plan has no API gets a 401 that says so."""
    service.plan_active = False
    answer = ask("GET", "/tickets")
    assert answer.status == 401
    assert told(answer)["message"] == "APIs available only for active pro and enterprise plans."


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("DELETE", "/tickets/BKT-001"),
        ("POST", "/tickets"),
        ("POST", "/tickets/BKT-001"),
        ("GET", "/tickets/BKT-001/audit-logs"),
        ("GET", "/tickets/a/<b>"),
    ],
)
def test_no_route(ask: Ask, method: str, path: str) -> None:
    """Where nothing is, Express answers 404 with a page."""
    answer = ask(method, path)
    assert (answer.status, answer.html) == (404, True)
    assert f"<pre>Cannot {method} /v1{path}</pre>".replace("<b>", "&lt;b&gt;").encode() in (answer.body or b"")


def test_outside_the_api(service: Service) -> None:
    """Outside `/v1` nobody is asked for a key."""
    assert service.answer(Request("GET", "/v2/tickets")).status == 404
    assert service.answer(Request("GET", "/v1")).status == 401


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/v1/tickets/BKT-001", "BKT-001"),
        ("/v1/tickets/a%2Fb%20%C3%A9", "a/b é"),
        ("/v1/tickets/", ""),
        ("/v1/tickets", ""),
        ("/v1/tickets/a/b", ""),
        ("/x/v1/tickets/a", ""),
    ],
)
def test_ticket_of_a_path(path: str, name: str) -> None:
    """The id is one segment, decoded."""
    assert ticket_of(path) == name


def test_description(service: Service) -> None:
    """Who asks gets the OpenAPI description, key or not."""
    assert told(service.answer(Request("GET", "/openapi.json")))["openapi"] == "3.1.0"


# --- get -------------------------------------------------------------------------------------------------------


def test_get_unknown(ask: Ask) -> None:
    """An unknown id answers the vendor's 404."""
    answer = ask("GET", "/tickets/NOPE")
    assert (answer.status, told(answer)) == (
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


def test_put_get_remove(service: Service, ask: Ask) -> None:
    """A ticket can be put, of any id, and removed: then it is gone for everybody."""
    service.put({"ticket": {"ticket_id": "ACM/1 é", "subject": "mine"}})
    assert told(ask("GET", "/tickets/ACM%2F1%20%C3%A9"))["ticket"]["subject"] == "mine"
    service.remove("ACM/1 é")
    service.remove("BKT-002")
    assert [ask("GET", f"/tickets/{name}").status for name in ("ACM%2F1%20%C3%A9", "BKT-002")] == [404, 404]
    assert "BKT-002" not in service.ids()
    service.put({"ticket": {"ticket_id": "BKT-002"}})
    assert service.get("BKT-002") == {"ticket": {"ticket_id": "BKT-002"}}
    with pytest.raises(KeyError, match="NOPE"):
        service.get("NOPE")


# --- list ------------------------------------------------------------------------------------------------------


def test_list_newest_first(ask: Ask) -> None:
    """A page holds the rows from `offset` on, newest first, and counts from 1."""
    page = told(ask("GET", "/tickets?offset=2&limit=3"))
    assert [row["ticket_id"] for row in page["tickets"]] == ["BKT-148", "BKT-147", "BKT-146"]
    assert (page["from"], page["to"], page["count"]) == (3, 5, 150)


@pytest.mark.parametrize("path", ["/tickets", "/tickets/", "/tickets?other=1"])
def test_list_everything(service: Service, ask: Ask, path: str) -> None:
    """Without a query the page holds all, as rows of tickets: null instead of `""`."""
    rows = told(ask("GET", path))["tickets"]
    assert [row["ticket_id"] for row in rows] == [*reversed(service.ids())]
    assert [rows[150 - n] for n in (1, 2, 77)] == [row_of(json.loads(ticket_bytes(n, 0))) for n in (1, 2, 77)]
    assert all(value != "" for row in rows for value in row.values())


def test_list_past_the_end(ask: Ask) -> None:
    """Past the end the page is empty."""
    assert told(ask("GET", "/tickets?offset=150")) == {"from": 151, "to": 150, "count": 150, "tickets": []}


@unknown(count="page", deleted_listed=False, max_limit=100)
def test_list_otherwise(ask: Ask) -> None:
    """`count` may be that of the page, deleted tickets may be left out, and the limit may be lower."""
    page = told(ask("GET", "/tickets"))
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
    assert told(answer)["name"] == "Validation Error"
    assert told(answer)["message"].endswith("less than 2000")


# --- create ----------------------------------------------------------------------------------------------------


def test_create(service: Service, ask: Ask) -> None:
    """A ticket is made with the next number and the defaults, and is there afterwards."""
    answer = ask("POST", "/tickets/create", {"chat_id": CHAT, "subject": "New"})
    info = told(answer)
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
    assert info["chat"] == service.get("BKT-001")["chat"]
    assert (info["message"], info["attached_messages"]) == ({}, [])
    assert service.get("BKT-151") == info
    assert told(ask("GET", "/tickets?limit=1"))["tickets"][0]["ticket_id"] == "BKT-151"


def test_create_with_everything(service: Service, ask: Ask) -> None:
    """All that can be set is set; the quoted message is found by its short id, labels whatever their case."""
    short = service.get("BKT-001")["ticket"]["quoted_message_id"]
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
    info = told(ask("POST", "/tickets/create", body))
    ticket = info["ticket"]
    assert info["message"] == service.get("BKT-001")["message"]
    assert (ticket["assignee"], ticket["quoted_message_id"]) == ("asha@example.com", short)
    assert ticket["due_date"] == "2025-04-09T18:29:59+00:00"
    assert (ticket["priority"], ticket["status"]) == (4, "closed")
    assert ticket["closed_at"].startswith("2025-02-19T21:20:00")
    assert ticket["ticket_labels"] == "bug, VIP, New"


def test_create_quoting_by_full_id(service: Service, ask: Ask) -> None:
    """A message is found by its full id as well; an unknown one is kept as it is."""
    full = service.get("BKT-001")["message"]["message_id"]
    for given, kept in ((full, full.split("_")[2]), ("nowhere", "nowhere")):
        info = told(ask("POST", "/tickets/create", {"chat_id": CHAT, "subject": "s", "quoted_message_id": given}))
        assert info["ticket"]["quoted_message_id"] == kept


def test_create_skips_taken_ids(service: Service, ask: Ask) -> None:
    """A number that somebody put is not given again."""
    service.put({"ticket": {"ticket_id": "BKT-151"}})
    made = [told(ask("POST", "/tickets/create", {"chat_id": CHAT, "subject": "s"})) for _ in range(2)]
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
def test_create_with_a_bad_value(service: Service, ask: Ask, change: dict[str, Any], wrong: str) -> None:
    """A bad value is a 422 that names its field, and no ticket is made."""
    answer = ask("POST", "/tickets/create", {"chat_id": CHAT, "subject": "s", **change})
    assert list(fields(answer)) == [f"body.{wrong}"]
    assert len(service.ids()) == 150


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b"5"])
def test_body_is_no_object(ask: Ask, method: str, body: bytes) -> None:
    """A body that is no JSON object is a 422."""
    path = "/tickets/create" if method == "POST" else "/tickets/BKT-001"
    assert fields(ask(method, path, body)) == {"body": {"message": "Expected object"}}


def test_create_in_unknown_chat(ask: Ask) -> None:
    """A chat that is not there is a 404."""
    answer = ask("POST", "/tickets/create", {"chat_id": "1@c.us", "subject": "s"})
    assert (answer.status, told(answer)["message"]) == (404, "Chat not found")


@unknown(unknown_chat="create", unquoted="null", phone_required=True)
def test_create_otherwise(service: Service, ask: Ask) -> None:
    """An unknown chat may be made, `message` may be null, and `x-phone` may be required."""
    body = {"chat_id": "120363@g.us", "subject": "s"}
    assert "x-phone" in fields(ask("POST", "/tickets/create", body))
    info = told(ask("POST", "/tickets/create", body, "x-phone: 919"))
    assert (info["message"], info["chat"]["chat_type"], info["chat"]["chat_id"]) == (None, "group", "120363@g.us")
    assert "120363@g.us" in service.chat_ids()
    assert told(ask("POST", "/tickets/create", {**body, "chat_id": "12"}, "x-phone: 9"))["chat"]["chat_type"] == "user"


@unknown(unquoted="blank")
def test_create_with_blank_message(ask: Ask) -> None:
    """`message` may be an object of empty strings."""
    info = told(ask("POST", "/tickets/create", {"chat_id": CHAT, "subject": "s"}))
    assert set(info["message"].values()) == {""}


def test_chats_of_put_tickets(service: Service, ask: Ask) -> None:
    """The chat of a ticket that was put can be used as well."""
    chat = {"chat_id": "777@c.us"}
    service.put({"ticket": {"ticket_id": "X"}, "chat": chat, "message": {"message_id": "m", "body": "hello"}})
    body = {"chat_id": "777@c.us", "subject": "s", "quoted_message_id": "m"}
    info = told(ask("POST", "/tickets/create", body))
    assert (info["chat"], info["message"]["body"]) == (chat, "hello")


def fresh_service() -> Service:
    """A service that nobody has asked for anything."""
    return Service(10, seed=0, api_key="key", assumptions=Assumptions(), now=lambda: NOW)


FIRST_TOUCHES: dict[str, Callable[[Service], object]] = {
    "put": lambda service: service.put({"ticket": {"ticket_id": "X"}, "chat": {"chat_id": "777@c.us"}}),
    "put again": lambda service: service.put(service.get("BKT-002")),
    "patch": lambda service: service.answer(
        Request("PATCH", "/v1/tickets/BKT-002", KEY.encode(), b'{"subject": "Other"}')
    ),
}


@pytest.mark.parametrize("touch", FIRST_TOUCHES)
def test_chats_do_not_depend_on_what_came_first(touch: str) -> None:
    """Whatever is done to one ticket before anybody asks for chats, every chat and message of the others is there."""
    expected = fresh_service().chat_ids()
    assert len(expected) > 5
    service = fresh_service()
    FIRST_TOUCHES[touch](service)
    quoted = service.get("BKT-003")["message"]["message_id"]
    for chat_id in expected:
        body = json.dumps({"chat_id": chat_id, "subject": "s", "quoted_message_id": quoted}).encode()
        answer = service.answer(Request("POST", "/v1/tickets/create", KEY.encode(), body))
        assert (answer.status, told(answer)["chat"]["chat_id"]) == (200, chat_id)
        assert told(answer)["message"]["message_id"] == quoted
    assert service.chat_ids()[: len(expected)] == expected
    assert service.chat_ids()[len(expected) :] == (("777@c.us",) if touch == "put" else ())


# --- update ----------------------------------------------------------------------------------------------------


def test_update(service: Service, ask: Ask) -> None:
    """What is sent changes, the rest stays; the answer is the ticket as it then is."""
    before = service.get("BKT-003")
    body = {"subject": "Other", "priority": "4", "status": "inprogress", "labels": "a, b", "due_date": "2025-04-20"}
    answer = ask("PATCH", "/tickets/BKT-003", body)
    after = service.get("BKT-003")
    assert (answer.status, told(answer)) == (200, after)
    changed = {key for key in after["ticket"] if after["ticket"][key] != before["ticket"].get(key)}
    assert changed <= {"subject", "priority", "status", "ticket_labels", "due_date"}
    assert after["ticket"]["due_date"] == "2025-04-20T00:00:00+00:00"
    assert after["chat"] == before["chat"]
    row = next(row for row in told(ask("GET", "/tickets"))["tickets"] if row["ticket_id"] == "BKT-003")
    assert (row["subject"], row["labels"]) == ("Other", ["a", "b"])
    assert row["last_updated_at"] == "2025-02-19T21:20:00.250000+00:00"


def test_closing_and_opening(ask: Ask) -> None:
    """A closed ticket has the time of its closing; opened again, it has none."""
    closed = told(ask("PATCH", "/tickets/BKT-001", {"status": "closed"}))["ticket"]
    opened = told(ask("PATCH", "/tickets/BKT-001", {"status": "open"}))["ticket"]
    assert closed["closed_at"] == "2025-02-19T21:20:00.250000+00:00"
    assert "closed_at" not in opened


def test_update_with_empties(ask: Ask) -> None:
    """The vendor's own example: empties beside real values. What can be cleared is; status and subject stay."""
    body = {"assignee": "", "labels": None, "status": "", "due_date": None, "subject": None, "priority": ""}
    ticket = told(ask("PATCH", "/tickets/BKT-001", body))["ticket"]
    assert (ticket["assignee"], ticket["ticket_labels"], ticket["due_date"]) == ("", "", "")
    assert (ticket["status"], ticket["subject"], ticket["priority"]) == ("open", "Issue with this", 1)


@unknown(empty_clears=False, lenient_priority=True)
def test_update_otherwise(ask: Ask) -> None:
    """Empties may leave everything as it is, and the priority may be a number."""
    ticket = told(ask("PATCH", "/tickets/BKT-001", {"assignee": "", "priority": 3}))["ticket"]
    assert (ticket["assignee"], ticket["priority"]) == ("bharat@periskope.app", 3)


@pytest.mark.parametrize("body", [b"", {}, {"chat_id": CHAT}, {"ticket_id": "X"}])
def test_update_without_a_known_key(ask: Ask, body: Any) -> None:
    """Nothing to change is a 422 that names every key there is."""
    answer = ask("PATCH", "/tickets/BKT-001", body)
    assert sorted(fields(answer)) == ["assignee", "due_date", "labels", "priority", "status", "subject"]
    assert told(answer)["message"].startswith("Invalid body. At least one of the following keys are required: ")


def test_update_with_bad_values(service: Service, ask: Ask) -> None:
    """Bad values are a 422 that names them all; a number is no priority here. Nothing changes."""
    before = service.get("BKT-001")
    answer = ask("PATCH", "/tickets/BKT-001", {"priority": 3, "status": "done", "subject": "s"})
    assert sorted(fields(answer)) == ["body.priority", "body.status"]
    assert service.get("BKT-001") == before


def test_update_unknown(ask: Ask) -> None:
    """An unknown id is a 404."""
    assert ask("PATCH", "/tickets/NOPE", {"subject": "s"}).status == 404
