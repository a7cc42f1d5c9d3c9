"""Operations and their requests: what is spelled how, what they are about, and what is refused before it is sent."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from periskope_async import ConfigurationError
from periskope_async._sansio.operation import Operation, Request, about_another, no_page
from periskope_async._sansio.unset import UNSET
from tests.support import each_of

CHAT = "919537851844@c.us"
GET: Operation[Any] = Operation("chats.get", "GET", "/chats/{chat_id}", dict, idempotent=True)
LIST: Operation[Any] = Operation("chats.list", "GET", "/chats", dict, idempotent=True)


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/tickets/{ticket_id}", "ticket"),
        ("/chats/{chat_id}/labels", "chat"),
        ("/chats/{chat_id}/notes/{note_id}", "chat"),
        ("/webhooks/{id}", "id"),
        ("/tickets", None),
        ("/queue/purge", None),
    ],
)
def test_what_an_operation_is_about_stands_in_its_path(path: str, resource: str | None) -> None:
    """Errors and events call a thing as the first parameter of the path does, unless the operation says otherwise."""
    assert Operation("x", "GET", path, None, idempotent=True).resource == resource
    assert Operation("x", "GET", path, None, idempotent=True, resource="thing").resource == "thing"


def test_ids_of_a_request() -> None:
    """Each id is quoted into its place in the path; the first is what the request is about, as it was spelled."""
    notes: Operation[None] = Operation("notes.get", "GET", "/chats/{chat_id}/notes/{note_id}", None, idempotent=True)
    request = notes.request(chat_id=CHAT, note_id="a/b")
    assert (request.path, request.resource_id) == ("/chats/919537851844%40c.us/notes/a%2Fb", CHAT)
    assert LIST.request().resource_id is None
    with pytest.raises(ConfigurationError, match="note_id: "):
        notes.request(chat_id=CHAT, note_id="..")


@each_of(
    ("values", "query"),
    [
        ({}, ""),
        ({"offset": 0, "limit": 2000}, "offset=0&limit=2000"),
        ({"after": 1.5}, "after=1.5"),
        ({"is_subscribed": True, "is_new": False}, "is_subscribed=true&is_new=false"),
        ({"label": "a b&c=d+e%20#/?"}, "label=a+b%26c%3Dd%2Be%2520%23%2F%3F"),
        ({"label": "Grüße 👋"}, "label=Gr%C3%BC%C3%9Fe+%F0%9F%91%8B"),
        ({"chat_id": CHAT}, "chat_id=919537851844%40c.us"),
        ({"label": "", "type": UNSET}, "label="),
        ({"type": UNSET}, ""),
    ],
)
def test_query(values: dict[str, Any], query: str) -> None:
    """Texts are quoted once, numbers stand as they are, flags as in JSON, and what is not given is left out."""
    assert LIST.request(query=values).query == query


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(codec="utf-8"))))
def test_any_text_comes_out_of_a_query_as_it_went_in(values: dict[str, str]) -> None:
    """Whatever the texts hold, the service reads the same ones."""
    query = LIST.request(query=values).query
    assert query.isascii()
    assert dict(parse_qsl(query, keep_blank_values=True)) == values


@pytest.mark.parametrize("part", ["query", "body"])
def test_text_that_cannot_be_sent(part: str) -> None:
    """Half a surrogate pair has no spelling on the wire: it is refused as every unusable argument is."""
    arguments: Any = {part: {"label": "BKT-\ud800"}}
    with pytest.raises(ConfigurationError, match="lone surrogate"):
        LIST.request(**arguments)


def test_body() -> None:
    """A body is JSON of what was given; no body is none at all, and an empty object is one."""
    assert LIST.request().body is None
    assert LIST.request(body={}).body == b"{}"
    request = LIST.request(body={"subject": "ü", "labels": UNSET, "due_date": None, "flag": True})
    assert request.body == '{"subject": "ü", "due_date": null, "flag": true}'.encode()
    assert request.content_type == "application/json"


@pytest.mark.parametrize(
    ("phone", "sent"),
    [(None, None), ("+91 98765 43210", "919876543210"), ("phone-abc_1", "phone-abc_1"), ("1234567@c.us", "1234567")],
)
def test_phone_of_a_request(phone: str | None, sent: str | None) -> None:
    """A request may be of another phone than its client's, in any usual spelling."""
    assert LIST.request(phone=phone).phone == sent


@pytest.mark.parametrize("phone", ["", "me", "1\r\nX-Evil: 1", "phone-\n", "٣"])
def test_phone_that_is_none(phone: str) -> None:
    """What is no phone is refused before it can become a header, or two."""
    with pytest.raises(ConfigurationError, match=r"^phone: "):
        LIST.request(phone=phone)


@pytest.mark.parametrize("hidden", ["919876543210", "secret subject"])
def test_a_request_does_not_show_what_it_sends(hidden: str) -> None:
    """Neither phone nor body stand in a repr, which tracebacks show."""
    assert hidden not in repr(LIST.request(phone="919876543210", body={"subject": "secret subject"}))


MISMATCH: Callable[[Request[Any], Any], str | None] = about_another(lambda result: str(result.id))


@pytest.mark.parametrize("asked", [CHAT, CHAT.upper(), f" {CHAT} ", "919537851844"])
def test_another_spelling_is_the_same(asked: str) -> None:
    """Case and blanks make no other thing, and a person's chat may be asked for by the digits alone."""
    assert MISMATCH(GET.request(chat_id=asked), SimpleNamespace(id=CHAT)) is None


@pytest.mark.parametrize("asked", ["919537851845@c.us", "91953785184", "919537851844@g.us", "c.us", "@c.us"])
def test_another_id_is_another_thing(asked: str) -> None:
    """A result with another id than the one asked for is not taken for it."""
    assert MISMATCH(GET.request(chat_id=asked), SimpleNamespace(id=CHAT)) == "the body is of another chat"


@pytest.mark.parametrize(
    ("body", "rows", "message"),
    [
        ({"chats": []}, (), None),
        ({"chats": [1]}, (1,), None),
        ({}, (), "the body is not a page of chats"),
        ({"code": "ERROR", "message": "sorry"}, (), "the body is not a page of chats"),
    ],
)
def test_a_page_names_its_rows(body: dict[str, Any], rows: tuple[int, ...], message: str | None) -> None:
    """An object without the key of the rows, as an error object in a 200, is no page without rows."""
    page = SimpleNamespace(rows=rows, to_dict=lambda: body)
    assert no_page("chats")(LIST.request(), page) == message
    assert no_page("other", "chats")(LIST.request(), page) == (message and message.replace("chats", "other"))
