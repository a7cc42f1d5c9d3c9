"""Who may come in, and which operation a path leads to, without a socket."""

import json
from collections.abc import Callable

import pytest

from periskope_async.testing import Assumptions, Request
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.operations import read
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Route, Router
from periskope_async.testing._service.service import Service
from tests.support import each_of

Ask = Callable[..., Answer]


@pytest.mark.parametrize("field", ["X: y", "Authorization: Bearer wrong", "Authorization: key", "Authorization:"])
def test_wrong_key(service: Service, field: str) -> None:
    """Without the right key every operation answers the vendor's 401."""
    answer = service.answer(Request("GET", "/v1/tickets/BKT-001", field.encode()))
    assert (answer.status, json.loads(answer.body)) == (
        401,
        {"code": "UNAUTHORIZED_ERROR", "message": "Invalid bearer auth token", "status": 401},
    )


def test_plan_without_api(service: Service, ask: Ask) -> None:
    """An account whose plan has no API gets a 401 that says so."""
    service.plan_active = False
    answer = ask("GET", "/tickets")
    assert answer.status == 401
    assert json.loads(answer.body)["message"] == "APIs available only for active pro and enterprise plans."


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nothing"),
        ("DELETE", "/tickets/BKT-001"),
        ("POST", "/tickets"),
        ("POST", "/tickets/BKT-001"),
        ("GET", "/tickets/BKT-001/comments"),
        ("GET", "/tickets/a/<b>"),
    ],
)
def test_no_route(ask: Ask, method: str, path: str) -> None:
    """Where nothing is, Express answers 404 with a page."""
    answer = ask(method, path)
    assert (answer.status, answer.content_type) == (404, "text/html; charset=utf-8")
    assert f"<pre>Cannot {method} /v1{path}</pre>".replace("<b>", "&lt;b&gt;").encode() in (answer.body or b"")


def test_outside_the_api(service: Service) -> None:
    """Outside `/v1` nobody is asked for a key."""
    assert service.answer(Request("GET", "/v2/tickets")).status == 404
    assert service.answer(Request("GET", "/v1")).status == 401


FULL = "919537851844@c.us"


@each_of(
    ("method", "path", "operation", "resource_id"),
    [
        ("GET", "/v1/tickets/BKT-001", "tickets.get", "BKT-001"),
        ("HEAD", "/v1/tickets/BKT-001", "tickets.get", "BKT-001"),
        ("PATCH", "/v1/tickets/a%2Fb%20%C3%A9", "tickets.update", "a/b é"),
        ("GET", "/v1/tickets/BKT-001/", "tickets.get", "BKT-001"),
        ("GET", "/v1/tickets/create", "tickets.get", "create"),
        ("POST", "/v1/tickets/create", "tickets.create", ""),
        ("POST", "/v1/tickets/%63reate", "", ""),
        ("GET", "/v1/tickets/", "tickets.list", ""),
        ("GET", "/v1/tickets", "tickets.list", ""),
        ("GET", "/v1/tickets?offset=1", "tickets.list", ""),
        ("GET", "/v1/tickets//", "", ""),
        ("GET", "/v1/tickets/a/b", "", ""),
        ("GET", "/x/v1/tickets/a", "", ""),
        ("DELETE", "/v1/tickets/a", "", ""),
        ("GET", "/v1/chats", "chats.list", ""),
        ("GET", "/v1/chats/919537851844%40c.us", "chats.get", FULL),
        ("PATCH", "/v1/chats/919537851844", "chats.update", FULL),
        ("GET", "/v1/chats/1-2@g.us", "chats.get", "1-2@g.us"),
        ("GET", "/v1/note/create", "notes.get", "true_create_api"),
        ("GET", "/v1/note/true_7_api", "notes.get", "true_7_api"),
        ("POST", "/v1/note/create", "notes.create", ""),
        ("GET", "/v1/note", "notes.list", ""),
        ("GET", "/v1/chats/notifications", "notifications.list", ""),
        ("GET", "/v1/reactions", "reactions.list", ""),
        ("GET", "/v1/contacts/919537851844", "contacts.get", FULL),
        ("PATCH", "/v1/contacts/labels", "contacts.update_labels", ""),
        ("GET", "/v1/phones/all", "phones.list", ""),
        ("GET", "/v1/phones", "phones.get", ""),
        ("DELETE", "/v1/members/a%40example.com", "members.delete", "a@example.com"),
        ("GET", "/v1/webhooks", "webhooks.list", ""),
        ("DELETE", "/v1/webhooks/7", "webhooks.delete", "7"),
    ],
)
def test_where_a_request_leads(service: Service, method: str, path: str, operation: str, resource_id: str) -> None:
    """Method and path lead to one operation and one id: one segment, decoded, and in full."""
    found = service.find(Request(method, path))
    assert (found.operation, found.resource_id) == (operation, resource_id)
    assert found.resource == operation.partition("s.")[0]


@pytest.mark.parametrize("rows", ["notes", "notifications"])
def test_what_a_chat_has_is_about_the_chat(service: Service, rows: str) -> None:
    """A list of what is in a chat is of the rows' resource, and about the chat that its path names, in full."""
    found = service.find(Request("GET", f"/v1/chats/919537851844/{rows}"))
    assert (found.operation, found.resource, found.resource_id) == (f"{rows}.list", "chat", FULL)


@pytest.mark.parametrize(
    ("path", "operation", "resource_id"),
    [
        ("/v1/things/a%2Fb/parts", "things.parts", "a/b"),
        ("/v1/things//parts", "", ""),
        ("/v1/things/a/others", "", ""),
        ("/v1/things/parts/7", "things.part", ""),
        ("/v1/things/b/parts/7", "things.part_of", "b"),
    ],
)
def test_parameters_amid_a_path(path: str, operation: str, resource_id: str) -> None:
    """A parameter may stand anywhere in a path, and one path may have several."""
    thing = Resource(
        name="thing",
        plural="things",
        id_key="thing_id",
        text_key="name",
        example_id="a",
        other_id="z",
        unknown_values={},
        row_of=lambda item, _: item,
    )
    paths = {
        "things.parts": "/things/{thing_id}/parts",
        "things.part": "/things/parts/{part_id}",
        "things.part_of": "/things/{thing_id}/parts/{part_id}",
    }
    router = Router(Route(name, name, "GET", path, "", read, resource=thing, result="") for name, path in paths.items())
    found = router.find("GET", path)
    assert (found.operation, found.resource_id) == (operation, resource_id)


@pytest.mark.parametrize("path", ["/chats", "/chats/919537851844", "/tickets/create"])
def test_phone(service: Service, ask: Ask, path: str) -> None:
    """Where `x-phone` is listed it may be left out, unless it is assumed to be required; what is not one is refused."""
    method = "POST" if path == "/tickets/create" else "GET"
    body = {"chat_id": FULL, "subject": "s"} if method == "POST" else None
    accepted = ("x-phone: 918527184400", "x-phone: phone-tqhzsvcwlkbnmrxd")
    assert [ask(method, path, body, *fields).status for fields in ((), *((one,) for one in accepted))] == [200] * 3
    for wrong in ("x-phone: +91 85271", "x-phone: 918527184400@c.us", "x-phone:"):
        answer = ask(method, path, body, wrong)
        assert (answer.status, [*json.loads(answer.body)["fields"]]) == (422, ["headers.x-phone"])
    service.state.assumptions = Assumptions(phone_required=True)
    answer = ask(method, path, body)
    assert (answer.status, json.loads(answer.body)["message"]) == (422, "Missing Header: {x-phone}")
    assert ask(method, path, body, accepted[0]).status == 200


def test_phone_of_other_operations(ask: Ask) -> None:
    """Where `x-phone` is not listed nobody looks at it."""
    assert ask("GET", "/tickets/BKT-001", None, "x-phone: nonsense").status == 200


def test_description(service: Service) -> None:
    """Who asks gets the OpenAPI description, key or not."""
    assert json.loads(service.answer(Request("GET", "/openapi.json")).body)["openapi"] == "3.1.0"
