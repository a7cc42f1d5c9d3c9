"""Bytes to models and back: what is taken, what is refused, and how that is said."""

import copy
import json
import pickle
import subprocess
import sys
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_origin

import attrs
import pytest

from periskope_async._codec.converter import (
    IS_NULL,
    NOT_JSON,
    _compiled,
    _structs,
    decode,
    explain,
    prepare,
    structure,
    to_dict,
)
from periskope_async._codec.detailed import detailed
from periskope_async._codec.marks import ABSENT
from periskope_async._codec.model import Model
from periskope_async._codec.readers import MAX_DEPTH
from periskope_async.errors import DecodeError
from periskope_async.models import (
    ChatInfo,
    MessageInfo,
    TicketInfo,
    TicketPage,
    TicketPriority,
    TicketRow,
    TicketStatus,
)
from tests.support import each_of

Json = Any
BODY = (Path(__file__).parents[1] / "samples" / "ticket-info.example.json").read_bytes()
EXAMPLE: dict[str, Json] = json.loads(BODY)


def same_json(one: Json, other: Json) -> bool:
    """Compare as JSON, where true is not 1 and the order of keys does not matter."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def with_ticket(**changes: Json) -> dict[str, Json]:
    """The example with other values, or without those keys that are ABSENT, in its ticket."""
    ticket = {key: value for key, value in {**EXAMPLE["ticket"], **changes}.items() if value is not ABSENT}
    return {**EXAMPLE, "ticket": ticket}


def with_chat(**changes: Json) -> dict[str, Json]:
    """The same for its chat."""
    chat = {key: value for key, value in {**EXAMPLE["chat"], **changes}.items() if value is not ABSENT}
    return {**EXAMPLE, "chat": chat}


def problems(value: Json, cls: type = TicketInfo) -> tuple[str, ...]:
    """What is wrong with a value."""
    with pytest.raises(DecodeError) as caught:
        structure(value, cls)
    return caught.value.problems


def test_importing_the_models_does_not_import_cattrs() -> None:
    """The slow imports, cattrs and msgspec, happen when the first body is decoded, not before."""
    code = (
        "import sys, periskope_async.models, periskope_async._codec.converter as c\n"
        "assert not {'cattrs', 'msgspec', 'aiohttp'} & set(sys.modules), 'imported too early'\n"
        'c.decode(b\'{"ticket_id": "1"}\', periskope_async.models.Ticket)\n'
        "assert 'cattrs' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=30)


def test_threads_may_decode_the_first_body_together() -> None:
    """The converter is built on first use, by however many threads come first; all get the same result."""
    _compiled.cache_clear()
    detailed.cache_clear()
    with ThreadPoolExecutor(8) as pool:
        infos = list(pool.map(decode, [BODY] * 64, [TicketInfo] * 64))
    assert [info.to_dict() for info in infos] == [EXAMPLE] * 64


# ------------------------------------------------------------------------------------------- what is refused


ONE_MEMBER = {"contact_id": "918527184400@c.us"}
REFUSED: dict[str, list[Json]] = {
    "invalid value for type, expected TicketInfo @ $": [None, [], "x", 5, True],
    "required field missing @ $.ticket": [{}, {"error": {"code": "x"}}],
    "invalid value for type, expected Ticket @ $.ticket": [{"ticket": None}, {"ticket": ""}, {"ticket": []}],
    "required field missing @ $.ticket.ticket_id": [{"ticket": {}}, with_ticket(ticket_id=ABSENT)],
    "invalid value for type, expected str @ $.ticket.ticket_id": [with_ticket(ticket_id=v) for v in (None, "", 5, [])],
    "invalid value for type, expected str @ $.ticket.subject": [with_ticket(subject=v) for v in (5, False, {}, [])],
    "invalid value for type, expected bool @ $.ticket.is_deleted": [with_ticket(is_deleted=v) for v in ("false", 0)],
    "invalid value for type, expected datetime @ $.ticket.created_at": [
        with_ticket(created_at=v) for v in ("soon", "2025-04-31", 1737690126280, 0, {})
    ],
    "invalid value for type, expected TicketStatus @ $.ticket.status": [with_ticket(status=v) for v in (1, ["open"])],
    "invalid value for type, expected TicketPriority @ $.ticket.priority": [
        with_ticket(priority=v) for v in (True, 1.0, "high", "-1", "1.0", "٣", [1])
    ],
    "invalid value for type, expected tuple @ $.ticket.ticket_labels": [
        with_ticket(ticket_labels=v) for v in (5, ["a", 5], [None], {})
    ],
    "invalid value for type, expected Mapping @ $.ticket.ticket_custom_properties": [
        with_ticket(ticket_custom_properties=v) for v in ([], [1], "x", 0)
    ],
    "invalid value for type, expected tuple @ $.attached_messages": [
        {**EXAMPLE, "attached_messages": v} for v in ({}, {"a": 1}, "x", 0)
    ],
    "invalid value for type, expected MessageInfo @ $.attached_messages[0]": [{**EXAMPLE, "attached_messages": [None]}],
    "required field missing @ $.attached_messages[1].message_id": [
        {**EXAMPLE, "attached_messages": [EXAMPLE["message"], {"body": "x"}]}
    ],
    "required field missing @ $.message.message_id": [{**EXAMPLE, "message": {"body": "x"}}],
    "invalid value for type, expected MessageInfo @ $.message": [{**EXAMPLE, "message": v} for v in ([], False, "x")],
    "invalid value for type, expected str @ $.chat.chat_id": [with_chat(chat_id=v) for v in ("", None, 5)],
    "invalid value for type, expected Mapping @ $.chat.members": [with_chat(members=v) for v in ([], "x", 0)],
    "invalid value for type, expected bool @ $.chat.members['…@c.us'].is_admin": [
        with_chat(members={"918527184400@c.us": {**ONE_MEMBER, "is_admin": v}}) for v in ("yes", 1)
    ],
    "invalid value for type, expected ChatMember @ $.chat.members['…']": [with_chat(members={"91852": None})],
}


@each_of("problem", REFUSED)
def test_a_problem_is_named_by_its_path(problem: str) -> None:
    """What cannot be structured is refused with a line that says where it is and what was expected there."""
    assert [problems(value) for value in REFUSED[problem]] == [(problem,)] * len(REFUSED[problem])


def test_every_problem_is_named() -> None:
    """One look at the error is enough to see all that is wrong."""
    assert problems(with_ticket(ticket_id=None, created_at="x", is_deleted="y")) == (
        "invalid value for type, expected str @ $.ticket.ticket_id",
        "invalid value for type, expected datetime @ $.ticket.created_at",
        "invalid value for type, expected bool @ $.ticket.is_deleted",
    )


def test_a_renamed_field_is_named_as_in_json() -> None:
    """Paths use the keys of the body, not Python's names for them."""
    assert problems({"from": "1", "to": True, "count": 1.5}, TicketPage) == (
        "invalid value for type, expected int @ $.count",
        "invalid value for type, expected int @ $.from",
        "invalid value for type, expected int @ $.to",
    )
    assert problems({"tickets": [{"response_time": "1"}]}, TicketPage) == (
        "required field missing @ $.tickets[0].ticket_id",
        "invalid value for type, expected float @ $.tickets[0].response_time",
    )


def test_an_error_holds_paths_and_no_values() -> None:
    """Neither text nor repr, arguments, causes nor contexts of a DecodeError hold anything from the body."""
    canary = "+91-CANARY"
    body = json.dumps(
        {
            "ticket": {**EXAMPLE["ticket"], "created_at": canary, "status": [canary], "ticket_labels": {"a": canary}},
            "chat": {"chat_id": "1", "members": {canary: {"contact_id": canary, "is_admin": canary}}},
            "message": canary,
        }
    ).encode()
    for value in (body, body[:-1], b"\xff" + body):
        with pytest.raises(DecodeError) as caught:
            decode(value, TicketInfo)
        error = caught.value
        shown = [str(error), repr(error), repr(error.args), repr(error.problems), repr(vars(error))]
        shown += traceback.format_exception_only(error)
        assert canary not in "".join(shown)
        assert error.__cause__ is error.__context__ is None
        assert pickle.loads(pickle.dumps(error)).problems == error.problems  # noqa: S301  # pickled here


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 200_000, b'{"a": NaN}', b"<html></html>"])
def test_a_body_that_is_not_json_is_a_decode_error(body: bytes) -> None:
    """`decode` knows one exception."""
    with pytest.raises(DecodeError, match="the body is not JSON") as caught:
        decode(body, TicketInfo)
    assert caught.value.problems == (NOT_JSON,)
    assert caught.value.__context__ is None


@each_of("cls", [TicketInfo, tuple[TicketInfo, ...], Mapping[str, TicketInfo]])
@each_of("body", [b"null", b" null\n", b"\xef\xbb\xbfnull"])
def test_null_is_not_the_same_problem_as_no_json(body: bytes, cls: Any) -> None:
    """A body that is null holds no value of any type, and its error has a problem of its own."""
    with pytest.raises(DecodeError, match="the body is null") as caught:
        decode(body, cls)
    assert caught.value.problems == (IS_NULL,)
    assert caught.value.__context__ is None


MESSAGE = EXAMPLE["message"]


@pytest.mark.parametrize(
    ("cls", "body"),
    [
        (tuple[MessageInfo, ...], []),
        (tuple[MessageInfo, ...], [MESSAGE, {"message_id": "m"}]),
        (Mapping[str, MessageInfo], {}),
        (Mapping[str, MessageInfo], {"a": MESSAGE}),
    ],
)
def test_a_whole_body_may_hold_many(cls: Any, body: Json) -> None:
    """An array or an object of models is decoded in one step, like one of them."""
    value = decode(json.dumps(body).encode(), cls)
    assert isinstance(value, get_origin(cls))
    assert explain(body, cls) == value
    if isinstance(value, tuple):
        assert [message.to_dict() for message in value] == body
    else:
        assert {key: message.to_dict() for key, message in value.items()} == body


@pytest.mark.parametrize(
    ("cls", "body", "message"),
    [
        (tuple[MessageInfo, ...], "", "an array of MessageInfo: invalid value for type, expected tuple @ $"),
        (tuple[MessageInfo, ...], {}, "an array of MessageInfo: invalid value for type, expected tuple @ $"),
        (
            tuple[MessageInfo, ...],
            [MESSAGE, {}, 5],
            "an array of MessageInfo: required field missing @ $[1].message_id and 1 more",
        ),
        (Mapping[str, MessageInfo], "", "an object of MessageInfo: invalid value for type, expected Mapping @ $"),
        (Mapping[str, MessageInfo], [], "an object of MessageInfo: invalid value for type, expected Mapping @ $"),
        (
            Mapping[str, MessageInfo],
            {"91@c.us": None},
            "an object of MessageInfo: invalid value for type, expected MessageInfo @ $['…@c.us']",
        ),
    ],
)
def test_a_whole_body_of_many_is_strict(cls: Any, body: Json, message: str) -> None:
    """What stands for an empty field, as `""` does, does not stand for an empty body."""
    with pytest.raises(DecodeError) as caught:
        decode(json.dumps(body).encode(), cls)
    assert str(caught.value) == f"the body is not {message}"


def test_many_problems_make_one_short_message() -> None:
    """The message has the first problem and counts the others."""
    rows = [{"ticket_id": None}] * 50
    with pytest.raises(DecodeError) as caught:
        structure({"tickets": rows}, TicketPage)
    assert len(caught.value.problems) == 50
    assert str(caught.value) == (
        "the body is not a TicketPage: invalid value for type, expected str @ $.tickets[0].ticket_id and 49 more"
    )


def nested(depth: int) -> Json:
    """An object of that many levels."""
    value: Json = {}
    for _ in range(depth):
        value = {"a": value, "b": [1]}
    return value


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (with_ticket(ticket_custom_properties=nested(MAX_DEPTH + 1)), "$.ticket.ticket_custom_properties"),
        (with_chat(new=nested(MAX_DEPTH + 1)), "$.chat"),
        ({**EXAMPLE, "new": nested(MAX_DEPTH + 1)}, "$"),
    ],
)
def test_json_kept_as_it_came_may_not_nest_without_end(value: Json, path: str) -> None:
    """What could break whoever copies or prints it is refused on arrival."""
    assert problems(value) == (f"nested deeper than {MAX_DEPTH} levels @ {path}",)


def test_json_kept_as_it_came_may_nest() -> None:
    """Sixty-four levels are kept, copied and given back."""
    body = with_ticket(ticket_custom_properties=nested(MAX_DEPTH - 1), new=nested(MAX_DEPTH - 1))
    info = pickle.loads(pickle.dumps(copy.deepcopy(structure(body, TicketInfo))))  # noqa: S301  # pickled here
    assert same_json(info.to_dict(), body)


# --------------------------------------------------------------------------------------------- what is taken

VARIANTS: dict[str, tuple[Json, Callable[[TicketInfo], Json], Json]] = {
    "null text": (with_ticket(raised_by=None), lambda i: i.ticket.raised_by, None),
    "empty text": (with_ticket(raised_by=""), lambda i: i.ticket.raised_by, None),
    "text": (with_ticket(raised_by="a@b"), lambda i: i.ticket.raised_by, "a@b"),
    "no assignee, null": (with_ticket(assignee=None), lambda i: i.ticket.assignee, None),
    "no assignee, empty": (with_ticket(assignee=""), lambda i: i.ticket.assignee, None),
    "no assignee, absent": (with_ticket(assignee=ABSENT), lambda i: i.ticket.assignee, None),
    "open: closed_at null": (with_ticket(closed_at=None, closed_by=None), lambda i: i.ticket.closed_at, None),
    "open: closed_at empty": (with_ticket(closed_at="", closed_message=""), lambda i: i.ticket.closed_at, None),
    "closed": (
        with_ticket(status="closed", closed_at="2025-02-01T00:00:00+00:00", closed_by="x", closed_message="y"),
        lambda i: (i.ticket.closed_at, i.ticket.closed_message),
        (datetime(2025, 2, 1, tzinfo=UTC), "y"),
    ),
    "labels as text": (with_ticket(ticket_labels="a, b"), lambda i: i.ticket.ticket_labels, ("a", "b")),
    "labels, tight": (with_ticket(ticket_labels="a,b"), lambda i: i.ticket.ticket_labels, ("a", "b")),
    "labels, loose": (with_ticket(ticket_labels=" a ,,b "), lambda i: i.ticket.ticket_labels, ("a", "b")),
    "labels as array": (with_ticket(ticket_labels=["a, b", "c"]), lambda i: i.ticket.ticket_labels, ("a, b", "c")),
    "labels as array with a hole": (with_ticket(ticket_labels=["a", ""]), lambda i: i.ticket.ticket_labels, ("a",)),
    "labels, empty array": (with_ticket(ticket_labels=[]), lambda i: i.ticket.ticket_labels, ()),
    "labels null": (with_ticket(ticket_labels=None), lambda i: i.ticket.ticket_labels, ()),
    "labels absent": (with_ticket(ticket_labels=ABSENT), lambda i: i.ticket.ticket_labels, ()),
    "priority as text": (with_ticket(priority="3"), lambda i: i.ticket.priority, TicketPriority.HIGH),
    "priority, odd text": (with_ticket(priority="03"), lambda i: i.ticket.priority, TicketPriority.HIGH),
    "priority 0": (with_ticket(priority=0), lambda i: i.ticket.priority, TicketPriority.NONE),
    "priority unknown": (
        with_ticket(priority=9),
        lambda i: (i.ticket.priority, i.ticket.priority.is_known),
        (9, False),
    ),
    "priority null": (with_ticket(priority=None), lambda i: i.ticket.priority, None),
    "status unknown": (
        with_ticket(status="paused"),
        lambda i: (i.ticket.status.value, i.ticket.status.is_known),
        ("paused", False),
    ),
    "status empty": (with_ticket(status=""), lambda i: i.ticket.status, None),
    "bool null": (with_ticket(is_deleted=None), lambda i: i.ticket.is_deleted, None),
    "properties null": (with_ticket(ticket_custom_properties=None), lambda i: i.ticket.ticket_custom_properties, {}),
    "properties absent": (
        with_ticket(ticket_custom_properties=ABSENT),
        lambda i: i.ticket.ticket_custom_properties,
        {},
    ),
    "properties deep": (
        with_ticket(ticket_custom_properties={"a": {"b": [1]}}),
        lambda i: i.ticket.ticket_custom_properties,
        {"a": {"b": [1]}},
    ),
    "members null": (with_chat(members=None), lambda i: i.chat.members, {}),
    "members absent": (with_chat(members=ABSENT), lambda i: i.chat.members, {}),
    "members empty": (with_chat(members={}), lambda i: i.chat.members, {}),
    "member without labels": (
        with_chat(members={"1@c.us": {"contact_id": "1@c.us"}}),
        lambda i: i.chat.members["1@c.us"].contact_labels,
        (),
    ),
    "chat type outside the enum": (with_chat(chat_type="chat"), lambda i: i.chat.chat_type.value, "chat"),
    "chat image as a path": (
        with_chat(chat_image="/storage/image.jpeg"),
        lambda i: i.chat.chat_image,
        "/storage/image.jpeg",
    ),
    "chat image null": (with_chat(chat_image=None), lambda i: i.chat.chat_image, None),
    "chat keys of the vendor's types": (
        with_chat(chat_access=None, label_ids={}, info_admins_only=False, messages_admins_only=True),
        lambda i: i.chat.extra["messages_admins_only"],
        True,
    ),
    "chat null": ({**EXAMPLE, "chat": None}, lambda i: i.chat, None),
    "chat empty text": ({**EXAMPLE, "chat": ""}, lambda i: i.chat, None),
    "message null": ({**EXAMPLE, "message": None}, lambda i: i.message, None),
    "message {}": ({**EXAMPLE, "message": {}}, lambda i: i.message, None),
    "message empty text": ({**EXAMPLE, "message": ""}, lambda i: i.message, None),
    "message of empties": (
        {**EXAMPLE, "message": {"message_id": "", "body": "", "timestamp": None, "new": []}},
        lambda i: i.message,
        None,
    ),
    "message absent": ({k: v for k, v in EXAMPLE.items() if k != "message"}, lambda i: i.message, None),
    "nothing but the ticket": ({"ticket": {"ticket_id": "1"}}, lambda i: (i.chat, i.attached_messages), (None, ())),
    "attached null": ({**EXAMPLE, "attached_messages": None}, lambda i: i.attached_messages, ()),
    "attached": (
        {**EXAMPLE, "attached_messages": [EXAMPLE["message"], {"message_id": "m2"}]},
        lambda i: [m.message_id for m in i.attached_messages],
        [EXAMPLE["message"]["message_id"], "m2"],
    ),
    "unknown at the top": ({**EXAMPLE, "new": [1]}, lambda i: i.extra, {"new": [1]}),
    "unknown in the ticket": (with_ticket(new={"a": None}), lambda i: i.ticket.extra, {"new": {"a": None}}),
    "unknown in a member": (
        with_chat(members={"1@c.us": {"contact_id": "1@c.us", "new": 1}}),
        lambda i: i.chat.members["1@c.us"].extra,
        {"new": 1},
    ),
    "unknown named like ours": (
        with_ticket(extra=1, _wire=2, to_dict=3),
        lambda i: i.ticket.extra,
        {"extra": 1, "_wire": 2, "to_dict": 3},
    ),
    "unknown for left out": (with_ticket(is_deleted=ABSENT, new=1), lambda i: i.ticket.extra, {"new": 1}),
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_form_the_service_is_known_or_feared_to_send_is_read_without_loss(variant: str) -> None:
    """It means the same on the fast way and on the slow one, and comes back as it came."""
    body, look, expected = VARIANTS[variant]
    info = decode(json.dumps(body).encode(), TicketInfo)
    assert look(info) == expected
    assert same_json(info.to_dict(), body)
    assert (explain(body, TicketInfo), explain(body, TicketInfo).to_dict()) == (info, info.to_dict())


MOMENTS = {
    "2025-01-18T14:51:03+00:00": datetime(2025, 1, 18, 14, 51, 3, tzinfo=UTC),
    "2025-01-18T14:51:03.52+00:00": datetime(2025, 1, 18, 14, 51, 3, 520_000, UTC),
    "2025-01-18T14:51:03.209+00:00": datetime(2025, 1, 18, 14, 51, 3, 209_000, UTC),
    "2025-01-18T14:51:03.43923+00:00": datetime(2025, 1, 18, 14, 51, 3, 439_230, UTC),
    "2025-01-26T13:46:21.670006+00:00": datetime(2025, 1, 26, 13, 46, 21, 670_006, UTC),
    "2025-01-26T13:46:21.000000+00:00": datetime(2025, 1, 26, 13, 46, 21, tzinfo=UTC),
    "2024-05-13 11:19:34+00": datetime(2024, 5, 13, 11, 19, 34, tzinfo=UTC),
    "2024-05-13T11:19:34Z": datetime(2024, 5, 13, 11, 19, 34, tzinfo=UTC),
    "2024-05-13T11:19:34.120Z": datetime(2024, 5, 13, 11, 19, 34, 120_000, UTC),
    "2024-05-13T11:19:34": datetime(2024, 5, 13, 11, 19, 34, tzinfo=UTC),
    "2024-05-13T16:49:34+05:30": datetime(2024, 5, 13, 11, 19, 34, tzinfo=UTC),
    "2025-04-20": datetime(2025, 4, 20, tzinfo=UTC),
    "2025-W03-6T14:51:03+00:00": datetime(2025, 1, 18, 14, 51, 3, tzinfo=UTC),
    "2025-01-18T145103.5+00:00": datetime(2025, 1, 18, 14, 51, 3, 500_000, UTC),
    "2025-01-18T14:51:03-00:00": datetime(2025, 1, 18, 14, 51, 3, tzinfo=UTC),
}


@each_of("text", MOMENTS)
def test_every_form_of_a_datetime_is_read_as_an_aware_one(text: str) -> None:
    """All five documented forms, and whatever else is ISO 8601, are aware and come back as they were spelled."""
    body = with_ticket(due_date=text)
    info = decode(json.dumps(body).encode(), TicketInfo)
    assert info.ticket.due_date == MOMENTS[text]
    assert info.ticket.due_date.utcoffset() is not None
    assert same_json(info.to_dict(), body)


# ------------------------------------------------------------------------------------- the list of tickets

ROW = {
    "ticket_id": "BKT-002",
    "org_id": "o",
    "chat_id": "1@c.us",
    "subject": "s",
    "created_at": "2025-01-26T13:46:21.670006+00:00",
    "last_updated_at": "2025-01-26T13:46:21.670006+00:00",
    "is_deleted": False,
    "status": "inprogress",
    "priority": 0,
    "assignee": "a@b",
    "assigned_by": None,
    "raised_by": None,
    "closed_at": None,
    "due_date": None,
    "quoted_message_id": None,
    "response_time": None,
    "custom_properties": {},
    "label_ids": {},
    "labels": [],
    "hubspot_metadata": {},
    "freshdesk_metadata": {},
    "zohodesk_metadata": {},
    "close_ticket_metadata": {},
}


def test_a_page_of_rows_is_read_and_comes_back() -> None:
    """The documented list: nulls for none, labels as an array, empty metadata; nothing of it is unusual."""
    body = {"from": 1, "to": 2, "count": 2, "tickets": [ROW, {**ROW, "ticket_id": "BKT-001", "labels": ["a", "b"]}]}
    page = decode(json.dumps(body).encode(), TicketPage)
    assert (page.first, page.last, page.count) == (1, 2, 2)
    assert [row.ticket_id for row in page.tickets] == ["BKT-002", "BKT-001"]
    assert page.tickets[0].status is TicketStatus.INPROGRESS
    assert page.tickets[0].priority is TicketPriority.NONE
    assert page.tickets[1].labels == ("a", "b")
    assert [row._wire for row in page.tickets] == [{}, {}]
    assert same_json(page.to_dict(), body)


@each_of("metadata", [None, "", 0, False, [], [1], "x", {"a": [1]}])
def test_metadata_of_integrations_may_be_any_json(metadata: Json) -> None:
    """Fields documented as any JSON are kept as they are."""
    row = structure({**ROW, "close_ticket_metadata": metadata, "custom_properties": metadata}, TicketRow)
    assert row.close_ticket_metadata == metadata
    assert same_json(row.to_dict(), {**ROW, "close_ticket_metadata": metadata, "custom_properties": metadata})


@pytest.mark.parametrize("body", [{}, {"tickets": None}, {"tickets": []}, {"count": 0}])
def test_a_page_may_be_empty(body: Json) -> None:
    """All keys of a page are optional by the vendor's types."""
    page = structure(body, TicketPage)
    assert page.tickets == ()
    assert same_json(page.to_dict(), body)


def test_the_converter_is_generic_in_the_type() -> None:
    """What models are made of can be structured by itself, so a new resource brings its classes and nothing else."""
    assert structure([EXAMPLE["message"]], list[MessageInfo])[0].sender_name == "Support"
    assert structure({"a": EXAMPLE["chat"]}, dict[str, ChatInfo])["a"].chat_name == "BK Local1"
    assert structure("2025-04-20", datetime) == datetime(2025, 4, 20, tzinfo=UTC)

    @attrs.frozen(kw_only=True)
    class Reaction(Model):
        reaction: str
        weight: float | None = None
        count: int | None = None
        of: MessageInfo | None = None
        by: Mapping[str, MessageInfo] = attrs.field(factory=dict)

    body = {"reaction": "👍", "weight": 1, "count": 3, "of": {"message_id": "m"}, "by": {"x": {"message_id": "n"}}}
    reaction = structure(body, Reaction)
    assert (reaction.weight, reaction.count, reaction.by["x"].message_id) == (1, 3, "n")
    assert same_json(to_dict(reaction), body)


def test_prepared_models_are_compiled_before_the_first_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """`prepare` does the work that the first body of a kind would wait for, by structs where it can."""
    pytest.importorskip("msgspec")
    for way in (_structs, _compiled):
        way.cache_clear()
    prepare(TicketInfo, TicketPage)
    assert [way.cache_info().currsize for way in (_structs, _compiled)] == [2, 1]
    decode(BODY, TicketInfo)
    assert [way.cache_info().misses for way in (_structs, _compiled)] == [2, 1]
    _structs.cache_clear()
    monkeypatch.setitem(sys.modules, "periskope_async._codec.structs", None)  # as where msgspec is not installed
    prepare(TicketInfo)
    assert _structs(TicketInfo) is None
    decode(BODY, TicketInfo)
    assert _compiled.cache_info().misses == 2
    _structs.cache_clear()
