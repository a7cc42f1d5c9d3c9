"""What a user sees of the models: values, open enums, equality, hash, repr, pickling, changing."""

import copy
import inspect
import json
import pickle
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from periskope_async import models
from periskope_async._codec.converter import structure
from periskope_async._codec.fields import own_fields, wire_key
from periskope_async._codec.marks import EMPTY_MAPPING
from periskope_async._codec.model import Model
from periskope_async.errors import DecodeError
from periskope_async.models import (
    Chat,
    ChatInfo,
    ChatMember,
    ChatPage,
    ChatType,
    MessageInfo,
    Page,
    Ticket,
    TicketInfo,
    TicketPage,
    TicketPriority,
    TicketRow,
    TicketStatus,
)
from tests.support import each_of, slow

EXAMPLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "samples" / "ticket-info.example.json").read_text("utf-8")
)
CLASSES = [cls for cls in map(models.__getattr__, models.__all__) if isinstance(cls, type) and issubclass(cls, Model)]


@pytest.fixture
def info() -> TicketInfo:
    """The vendor's example."""
    return structure(EXAMPLE, TicketInfo)


def ticket(**changes: Any) -> Ticket:
    """The vendor's example ticket with other JSON at some keys."""
    return structure({**EXAMPLE["ticket"], **changes}, Ticket)


def test_every_field_of_the_example_is_typed_and_reachable(info: TicketInfo) -> None:
    """The vendor's example arrives field by field as the values a Python programmer wants."""
    assert info.chat is not None
    assert info.message is not None
    member = info.chat.members["918527184400@c.us"]
    assert {a.name: getattr(info.ticket, a.name) for a in attrs.fields(Ticket) if a.name != "_wire"} == {
        "extra": {},
        "ticket_id": "BKT-001",
        "org_id": "2997dd64-89bf-48d3-9a22-b314fca017e5",
        "status": TicketStatus.OPEN,
        "priority": TicketPriority.LOW,
        "subject": "Issue with this",
        "assignee": "bharat@periskope.app",
        "assigned_by": None,
        "raised_by": None,
        "created_at": datetime(2025, 1, 26, 13, 46, 21, 670006, UTC),
        "due_date": None,
        "first_assigned_at": None,
        "closed_at": None,
        "closed_by": None,
        "closed_message": None,
        "ticket_labels": (),
        "ticket_custom_properties": {},
        "quoted_message_id": "3EB0ABB7C973860FC19EBE05FD934141CCEC2D8B",
        "is_deleted": False,
    }
    assert info.chat.chat_type is ChatType.USER
    assert info.chat.chat_labels == ("chatlabel1", "chatlabel2")
    assert info.chat.custom_properties == {"Custom Property 1": "hello"}
    assert info.chat.created_at == datetime(2025, 1, 18, 14, 51, 3, tzinfo=UTC)
    assert (member.contact_name, member.contact_labels, member.is_admin) == ("Support", (), True)
    assert info.message.body is not None
    assert info.message.body.startswith("You have been invited")
    assert (info.message.media_path, info.message.performed_by) == (None, None)
    assert info.attached_messages == ()


def test_the_example_comes_back_equal_as_json(info: TicketInfo) -> None:
    """`to_dict()` gives the vendor's example back."""
    assert info.to_dict() == EXAMPLE


@each_of("cls", CLASSES)
def test_models_are_frozen_and_slotted(cls: type[Model]) -> None:
    """A model has neither a `__dict__` nor attributes that can be set."""
    required = {a.name: "1" for a in attrs.fields(cls) if a.default is attrs.NOTHING}
    model = cls(**required)
    assert not hasattr(model, "__dict__")
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        model.extra = {}  # type: ignore[misc]  # that it is refused is the point


@pytest.mark.parametrize("cls", [Ticket, TicketRow, ChatInfo, ChatMember, MessageInfo, TicketInfo])
def test_only_the_id_is_required(cls: type[Model]) -> None:
    """A model needs its id and nothing else."""
    required = [a.name for a in attrs.fields(cls) if a.default is attrs.NOTHING]
    assert len(required) == 1
    assert required[0] in {"ticket_id", "chat_id", "contact_id", "message_id", "ticket"}


@pytest.mark.parametrize("make_copy", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy, copy.copy])  # noqa: S301  # pickled here
def test_copies_keep_everything(make_copy: Any) -> None:
    """Pickling and copying keep values, unknown keys and spellings."""
    body = {**EXAMPLE, "chat": None, "new": {"deep": [1]}, "attached_messages": [{"message_id": "m", "x": 1}]}
    body["ticket"] = {**EXAMPLE["ticket"], "priority": "3", "status": "paused", "due_date": "2025-04-20"}
    before = structure(body, TicketInfo)
    after = make_copy(before)
    assert after == before
    assert type(after.ticket.status) is TicketStatus
    assert after.to_dict() == body


def test_equality_is_by_meaning() -> None:
    """Tickets that mean the same are equal however they were spelled; unknown keys count."""
    utc = ticket(created_at="2025-04-09T18:29:59+00:00", ticket_labels="a, b", assignee="")
    other = ticket(created_at="2025-04-09 23:59:59+05:30", ticket_labels=["a", "b"], assignee=None)
    assert utc == other
    assert hash(utc) == hash(other)
    assert utc != ticket(created_at="2025-04-09T18:29:59+00:00", ticket_labels="a, b", assignee="", new=1)
    assert len({utc, other}) == 1


def test_hash_is_by_id(info: TicketInfo) -> None:
    """Models with mappings in them hash too, by their ids alone."""
    assert hash(info) == hash(attrs.evolve(info, chat=None))
    assert hash(info.ticket) == hash(attrs.evolve(info.ticket, subject="other"))
    assert hash(info.ticket) != hash(attrs.evolve(info.ticket, ticket_id="BKT-002"))


def test_reprs_are_short_and_hold_no_personal_data(info: TicketInfo) -> None:
    """A repr names the object: no bodies, names or whole phone numbers get into logs."""
    assert repr(info) == "TicketInfo(ticket=Ticket(ticket_id='BKT-001'))"
    assert repr(info.chat) == "ChatInfo(chat_id='…1844@c.us')"
    assert repr(info.message) == "MessageInfo(message_id='true_…1844@c.us_3EB0ABB7C973860FC19EBE05FD934141CCEC2D8B')"
    assert repr(ChatMember(contact_id="918527184400")) == "ChatMember(contact_id='…4400')"
    assert repr(TicketRow(ticket_id="BKT-1", subject="secret")) == "TicketRow(ticket_id='BKT-1')"
    page = TicketPage(tickets=(TicketRow(ticket_id="BKT-1"),), count=9, first=1, last=1)
    assert repr(page) == "TicketPage(tickets=<1 rows>, count=9, first=1, last=1)"


def test_a_changed_field_wins_over_its_remembered_spelling() -> None:
    """After `attrs.evolve`, what changed is spelled as usual and what did not is spelled as it came."""
    before = ticket(due_date="2025-04-20", assigned_by=None, raised_by="", priority="3", ticket_labels="a,b")
    after = attrs.evolve(before, due_date=datetime(2025, 5, 1, tzinfo=UTC), assigned_by="x@y", ticket_labels=("c", "d"))
    assert after.to_dict() == {
        **before.to_dict(),
        "due_date": "2025-05-01T00:00:00+00:00",
        "assigned_by": "x@y",
        "ticket_labels": "c, d",
    }
    assert after.to_dict()["raised_by"] == ""
    assert after.to_dict()["priority"] == "3"
    assert attrs.evolve(after, assignee=None, priority=None).to_dict()["assignee"] == ""
    assert attrs.evolve(after, priority=TicketPriority.URGENT).to_dict()["priority"] == 4


def test_a_model_built_by_hand_is_spelled_like_the_service(info: TicketInfo) -> None:
    """`to_dict()` of a new model has the keys of the vendor's example, with its ways to say "nothing"."""
    bare = Ticket(ticket_id="BKT-7").to_dict()
    assert bare.keys() == EXAMPLE["ticket"].keys()
    assert {key: bare[key] for key in ("assigned_by", "due_date", "raised_by", "ticket_labels")} == {
        key: EXAMPLE["ticket"][key] for key in ("assigned_by", "due_date", "raised_by", "ticket_labels")
    }
    assert TicketInfo(ticket=info.ticket).to_dict() == {
        "ticket": EXAMPLE["ticket"],
        "chat": None,
        "message": None,
        "attached_messages": [],
    }
    assert TicketPage(first=1, last=2).to_dict() == {"tickets": [], "from": 1, "to": 2}


def test_what_to_dict_returns_is_the_callers(info: TicketInfo) -> None:
    """Changing the returned dict does not change the model."""
    model = structure({**EXAMPLE, "new": {"a": []}}, TicketInfo)
    out = model.to_dict()
    out["new"]["a"].append(1)
    out["chat"]["custom_properties"]["b"] = 1
    out["chat"]["members"].clear()
    assert model.to_dict() == {**EXAMPLE, "new": {"a": []}}
    empty = info.ticket.to_dict()["ticket_custom_properties"]
    empty["c"] = 1
    assert info.to_dict() == EXAMPLE


# ---------------------------------------------------------------------------------------- to JSON and from JSON


@pytest.mark.parametrize("cls", CLASSES)
def test_every_model_is_made_from_json_and_gives_it_back(cls: type[Model]) -> None:
    """From a dict, text or bytes comes the same model, and from the model the same dict and text."""
    inner = {"ticket": {"ticket_id": "1"}, "message": {"message_id": "1"}}
    needed = [a for a in own_fields(cls) if a.default is attrs.NOTHING]
    required = {wire_key(a): inner.get(a.name, True if a.type is bool else "1") for a in needed}
    body = required | {"new today": [{"ü": 1.5}]}
    model = cls.from_dict(body)
    assert type(model) is cls
    assert model == cls.from_json(json.dumps(body)) == cls.from_json(json.dumps(body, ensure_ascii=False).encode())
    assert model.to_dict() == json.loads(model.to_json()) == body
    assert "ü" in model.to_json()


def test_from_dict_reads_as_strictly_as_an_answer_is_read() -> None:
    """What is wrong is a DecodeError with its path, however deep, and oddly spelled values come back as they came."""
    odd = {**EXAMPLE, "ticket": {**EXAMPLE["ticket"], "priority": "3", "due_date": "2025-04-20", "closed_at": None}}
    assert TicketInfo.from_dict(odd).to_dict() == odd
    assert TicketInfo.from_json(json.dumps(odd)) == structure(odd, TicketInfo)
    for wrong in ({}, [], None, "x", {"ticket": {"ticket_id": 5}}):
        with pytest.raises(DecodeError) as caught:
            TicketInfo.from_dict(wrong)
        with pytest.raises(DecodeError) as other:
            structure(wrong, TicketInfo)
        assert caught.value.problems == other.value.problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not valid JSON @ $"),
        ("{", "not valid JSON @ $"),
        (b"\xff", "not valid JSON @ $"),
        ('"\ud83d"', "not valid JSON @ $"),
        ("null", "null instead of a value @ $"),
        ("[]", "invalid value for type, expected Ticket @ $"),
        ('{"ticket_id": null}', "invalid value for type, expected str @ $.ticket_id"),
    ],
)
def test_from_json_knows_one_exception(text: str | bytes, problem: str) -> None:
    """What is not JSON, or not the JSON of a ticket, is a DecodeError that says so."""
    with pytest.raises(DecodeError) as caught:
        Ticket.from_json(text)
    assert caught.value.problems == (problem,)


def test_from_json_mends_what_an_answer_is_mended_of() -> None:
    """A byte-order mark is ignored, and half an emoji costs nothing but itself."""
    assert Ticket.from_json(b'\xef\xbb\xbf{"ticket_id": "1", "subject": "\\ud83d!"}').subject == "\ufffd!"


def test_a_model_keeps_nothing_of_the_dict_it_was_made_from() -> None:
    """Changing the dict later does not change the model."""
    body = copy.deepcopy({**EXAMPLE, "new": {"a": []}})
    body["ticket"]["due_date"] = "2025-04-20"
    model = TicketInfo.from_dict(body)
    before = copy.deepcopy(body)
    body["new"]["a"].append(1)
    body["chat"]["custom_properties"]["b"] = 1
    body["chat"]["members"].clear()
    assert model.to_dict() == before


@pytest.mark.parametrize("depth", [100, slow(200_000)])
def test_from_dict_of_what_nests_without_end_is_refused(depth: int) -> None:
    """However deep, and in circles: a DecodeError and no other."""
    nested: list[Any] = []
    innermost = nested
    for _ in range(depth):
        innermost.append([])
        innermost = innermost[0]
    circle: dict[str, Any] = {}
    circle["circle"] = circle
    for endless in (nested, circle):
        with pytest.raises(DecodeError) as caught:
            Ticket.from_dict({"ticket_id": "1", "ticket_custom_properties": {"a": endless}})
        assert caught.value.problems == ("nested deeper than 64 levels @ $.ticket_custom_properties",)
    while nested:  # Python frees what nests without end by recursion
        nested = nested.pop()


def test_json_dumps_does_not_know_models(info: TicketInfo) -> None:
    """A model is not a dict: `json.dumps` of one says so itself, and takes its dict."""
    with pytest.raises(TypeError, match="TicketInfo is not JSON serializable"):
        json.dumps(info)
    assert json.loads(json.dumps(info.to_dict())) == EXAMPLE


def test_to_json_is_json_or_nothing() -> None:
    """What a user put into a model and JSON cannot hold is refused."""
    with pytest.raises(ValueError, match="not JSON compliant"):
        Ticket(ticket_id="1", ticket_custom_properties={"a": float("nan")}).to_json()
    with pytest.raises(TypeError, match="not JSON serializable"):
        Ticket(ticket_id="1", ticket_custom_properties={"a": object()}).to_json()


@each_of("cls", CLASSES)
def test_every_attribute_has_its_meaning_in_the_docstring(cls: type[Model]) -> None:
    """The docstring names each field of a model, and no other."""
    documented = {
        name
        for base in cls.__mro__
        for name in re.findall(r"^    (\w+): ", inspect.cleandoc(base.__doc__ or ""), flags=re.MULTILINE)
    }
    fields = {a.name for a in attrs.fields(cls)} - {"_wire"}
    assert documented == fields


@pytest.mark.parametrize("page", [TicketPage, ChatPage])
def test_a_page_has_its_rows_under_one_name(page: Any) -> None:
    """Whatever a page calls its objects, `rows` are they."""
    name = {TicketPage: "tickets", ChatPage: "chats"}[page]
    row = {TicketPage: TicketRow(ticket_id="1"), ChatPage: Chat(chat_id="1")}[page]
    assert page(**{name: (row,)}).rows == (row,)
    assert isinstance(page(), Page)
    assert (page().rows, page().to_dict()) == ((), {name: []})


@pytest.mark.parametrize(("enum", "value"), [(TicketStatus, "paused"), (ChatType, "chat"), (TicketPriority, 7)])
def test_an_unknown_enum_value_is_a_readable_member(enum: Any, value: Any) -> None:
    """A value the service adds tomorrow keeps its text, says that it is unknown, and survives copies."""
    member = enum(value)
    assert (member.value, member.is_known, member == value) == (value, False, True)
    assert type(member) is enum
    assert pickle.loads(pickle.dumps(member)) == copy.deepcopy(member) == member  # noqa: S301  # pickled here
    assert {member: 1}[value] == 1
    assert value not in [known.value for known in enum]
    assert str(value) in repr(member)


@pytest.mark.parametrize(("enum", "wrong"), [(TicketStatus, 5), (ChatType, None), (TicketPriority, "high")])
def test_an_enum_is_open_to_values_of_its_own_type_only(enum: Any, wrong: Any) -> None:
    """A number is not a status, nor a word a priority."""
    with pytest.raises(ValueError, match="is not a valid"):
        enum(wrong)


def test_known_members_say_so() -> None:
    """The members of the documentation are known, and their values are the documentation's."""
    assert [s.value for s in TicketStatus] == ["open", "inprogress", "closed", "archived"]
    assert [(p.name, p.value) for p in TicketPriority] == [
        ("NONE", 0),
        ("LOW", 1),
        ("MEDIUM", 2),
        ("HIGH", 3),
        ("URGENT", 4),
    ]
    assert [c.value for c in ChatType] == ["user", "group", "business", "unknown"]
    assert all(member.is_known for enum in (TicketStatus, TicketPriority, ChatType) for member in enum)


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.update(a=1),
        lambda d: d.setdefault("a", 1),
        lambda d: d.__setitem__("a", 1),
        lambda d: d.__ior__({"a": 1}),
    ],
)
def test_the_shared_empty_mapping_cannot_be_filled(change: Any) -> None:
    """Models without unknown keys share one empty mapping, so nobody may write to it."""
    with pytest.raises(TypeError, match="read-only"):
        change(EMPTY_MAPPING)
    assert pickle.loads(pickle.dumps(EMPTY_MAPPING)) is copy.deepcopy(EMPTY_MAPPING) is EMPTY_MAPPING  # noqa: S301  # pickled here


def test_attrs_own_tools_work(info: TicketInfo) -> None:
    """`attrs.asdict` with its filters takes a model like any attrs class."""
    plain = attrs.asdict(info, filter=attrs.filters.exclude("_wire", "extra"))
    assert plain["chat"]["members"]["918527184400@c.us"]["contact_name"] == "Support"
