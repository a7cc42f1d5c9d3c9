"""What a model is declared with: other keys, keys left out, fields without a slot, and where the codec's imports go."""

import ast
import copy
import json
import pickle
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

import periskope_async
from periskope_async._codec.converter import decode, explain, structure
from periskope_async._codec.marks import EMPTY_MAPPING, LEFT_OUT, NULL, LooseInt, LooseText, keyed
from periskope_async._codec.model import Model, sparse
from periskope_async._codec.sparse import stored_sparsely
from periskope_async.errors import DecodeError
from periskope_async.models import ChatMember, Message, MessageInfo, Ticket
from tests.support import each_of

Json = Any
WAYS: list[Callable[[Json, type[Any]], Any]] = [structure, explain]

# -------------------------------------------------------------------------------------------- imports of the codec

#: The files of the codec: each may import those before it and no other.
ORDER = [
    *("marks", "sparse", "enums", "parser", "parts", "annotations", "readers", "fields"),
    *(
        "usual",
        "compiled",
        "unstructured",
        "detailed",
        "structs",
        "converter",
        "columns",
        "frames",
        "pydantic_schema",
        "model",
        "png",
    ),
]
CODEC = Path(periskope_async.__path__[0], "_codec")


def test_the_order_names_every_file() -> None:
    """A new file of the codec gets a place in the order of imports."""
    assert {path.stem for path in CODEC.glob("*.py")} - {"__init__"} == set(ORDER)


@pytest.mark.parametrize("name", ORDER)
def test_no_import_of_the_codec_leads_back(name: str) -> None:
    """A file imports files before it in the order alone, wherever in the file, for type checkers too."""
    imported = {
        node.module
        for node in ast.walk(ast.parse((CODEC / f"{name}.py").read_text("utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module
    }
    allowed = {f"periskope_async._codec.{before}" for before in ORDER[: ORDER.index(name)]}
    allowed |= {"periskope_async._deferred", "periskope_async.errors"}
    assert {module for module in imported if module.startswith("periskope")} <= allowed


# ------------------------------------------------------------------------------------------------------ other keys


@attrs.frozen(kw_only=True)
class Renamed(Model):
    """A model of whose keys the service spells one in three ways."""

    rows: tuple[MessageInfo, ...] = attrs.field(default=(), metadata=keyed("rows", "rowss", "messages"))
    count: int | None = attrs.field(default=None, metadata=LEFT_OUT | keyed("count", "total"))
    name: str | None = None


ROWS = [{"message_id": "m"}]


@each_of("way", WAYS)
@each_of(
    ("body", "rows", "count", "extra"),
    [
        ({"rows": ROWS, "name": "x"}, 1, None, {}),
        ({"rowss": ROWS, "name": "x"}, 1, None, {}),
        ({"messages": ROWS, "total": 5, "name": None}, 1, 5, {}),
        ({"messages": ROWS, "total": None}, 1, None, {}),
        ({"rows": ROWS, "messages": []}, 1, None, {"messages": []}),
        ({"rowss": [], "messages": ROWS}, 0, None, {"messages": ROWS}),
        ({"messages": None, "new": 1}, 0, None, {"new": 1}),
        ({"count": 1, "total": 2}, 0, 1, {"total": 2}),
        ({}, 0, None, {}),
    ],
)
def test_a_field_is_read_under_any_of_its_keys(
    way: Callable[[Json, type[Any]], Any], body: Json, rows: int, count: int | None, extra: Json
) -> None:
    """Whichever key came is read, and comes back: at once, after copies, and after the value was changed."""
    came = copy.deepcopy(body)
    model = way(body, Renamed)
    assert body == came
    assert (len(model.rows), model.count, model.extra) == (rows, count, extra)
    assert model.to_dict() == body
    assert pickle.loads(pickle.dumps(model)).to_dict() == body  # noqa: S301  # pickled here
    key = next((key for key in ("rows", "rowss", "messages") if key in body), "rows")
    assert attrs.evolve(model, rows=(MessageInfo(message_id="n"),)).to_dict()[key][0]["message_id"] == "n"


def test_both_ways_remember_the_same_of_other_keys() -> None:
    """A model read by compiled code and one read by the detailed hold the same."""
    body = {"messages": ROWS, "total": None, "name": ""}
    assert structure(body, Renamed)._wire == explain(body, Renamed)._wire


def test_a_model_built_by_hand_has_the_first_key() -> None:
    """What the service calls a field as a rule is what a new model calls it."""
    assert Renamed(count=1).to_dict() == {"rows": [], "count": 1, "name": None}


def test_an_object_is_still_asked_for_where_keys_differ() -> None:
    """What is not an object at all is a DecodeError here too."""
    with pytest.raises(DecodeError, match="expected Renamed @"):
        structure([], Renamed)


# ---------------------------------------------------------------------------------------------------- left out keys


@attrs.frozen(kw_only=True, field_transformer=sparse)
class Seldom(Model):
    """A model that no sample shows in full."""

    seldom_id: str
    name: str | None = None
    names: tuple[str, ...] = ()
    more: Mapping[str, Any] = attrs.field(default=EMPTY_MAPPING, metadata=NULL)


def test_what_no_sample_shows_in_full_is_usually_left_out() -> None:
    """One mark of a model makes all optional keys unusual, but those that say otherwise; nothing is remembered."""
    body = {"seldom_id": "1", "more": None}
    model = structure(body, Seldom)
    assert (model.name, model.names, model.more, model._wire) == (None, (), {}, {})
    assert model.to_dict() == Seldom(seldom_id="1").to_dict() == body
    whole = {"seldom_id": "1", "name": None, "names": [], "more": None}
    assert structure(whole, Seldom).to_dict() == whole
    assert repr(model) == "Seldom(seldom_id='1')"


# ------------------------------------------------------------------------------------------------ fields without slots


def test_a_field_without_a_slot_takes_no_room_when_it_is_empty() -> None:
    """A chat's member is as large as the eleven fields that come, whatever else could come."""
    came = {
        "contact_id": "1@c.us",
        "pushname": "Mia",
        "is_me": False,
        "updated_at": "2025-01-26",
        "label_ids": {"l": True},
    }
    bare, full = structure({"contact_id": "1@c.us"}, ChatMember), structure(came, ChatMember)
    assert len(attrs.fields(ChatMember)) > 30
    assert sys.getsizeof(bare) == sys.getsizeof(full) < 160
    assert not hasattr(full, "__dict__")
    assert (full.pushname, full.is_me, full.name, bare.pushname) == ("Mia", False, None, None)
    assert full.updated_at is not None
    assert full.updated_at.year == 2025
    assert full.to_dict() == came
    assert structure(ChatMember(contact_id="1@c.us").to_dict(), ChatMember)._wire == {}


@pytest.mark.parametrize("way", WAYS)
def test_a_field_without_a_slot_is_a_field_like_any(way: Callable[[Json, type[Any]], Any]) -> None:
    """It counts in comparisons, is frozen, survives copies, and can be set and emptied."""
    member = way({"contact_id": "1", "pushname": "Mia", "name": "", "is_me": None, "new": 1}, ChatMember)
    assert member == way({"contact_id": "1", "pushname": "Mia", "new": 1}, ChatMember)
    assert member != way({"contact_id": "1", "pushname": "Max", "new": 1}, ChatMember)
    assert member != way({"contact_id": "1", "new": 1}, ChatMember)
    assert member == ChatMember(contact_id="1", pushname="Mia", extra={"new": 1})
    assert attrs.asdict(member)["pushname"] == "Mia"
    for again in (copy.copy(member), copy.deepcopy(member), pickle.loads(pickle.dumps(member))):  # noqa: S301  # pickled here
        assert again == member
        assert again.to_dict() == member.to_dict()
    emptied = attrs.evolve(member, pushname=None, name="Mia B.")
    assert (emptied.pushname, emptied.name, member.pushname) == (None, "Mia B.", "Mia")
    assert emptied.to_dict() == {"contact_id": "1", "name": "Mia B.", "is_me": None, "new": 1}
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        member.pushname = "x"


def test_a_field_without_a_slot_is_checked() -> None:
    """A wrong value is refused at its path, like that of any field."""
    with pytest.raises(DecodeError) as caught:
        structure({"contact_id": "1", "is_me": "yes", "number": 5}, ChatMember)
    assert caught.value.problems == (
        "invalid value for type, expected str @ $.number",
        "invalid value for type, expected bool @ $.is_me",
    )


def test_fields_of_a_base_keep_their_slots() -> None:
    """Only a class's own fields are kept out of slots."""

    @stored_sparsely
    @attrs.frozen(kw_only=True, slots=False)
    class Base(Ticket):
        __slots__ = ()
        seldom: str | None = None

    @attrs.frozen(kw_only=True)
    class Whole(Base):
        often: str | None = None

    whole = structure({"ticket_id": "1", "subject": "s", "often": "o"}, Whole)
    assert (whole.subject, whole.seldom, whole.often) == ("s", None, "o")
    assert Whole(ticket_id="1", seldom="x")._wire == {"seldom:value": "x"}


# ------------------------------------------------------------------------------------------------------ loose numbers


@attrs.frozen(kw_only=True)
class Loose(Model):
    """A model of numbers that come as text, and of texts that come as numbers."""

    number: LooseInt | None = None
    text: LooseText | None = None


@each_of("way", WAYS)
@each_of(
    ("body", "number", "text"),
    [
        ({"number": 3, "text": "3"}, 3, "3"),
        ({"number": "3", "text": 3}, 3, "3"),
        ({"number": "03", "text": -1}, 3, "-1"),
        ({"number": "", "text": ""}, None, None),
        ({"number": None, "text": 0}, None, "0"),
        ({"number": 0, "text": None}, 0, None),
    ],
)
def test_a_loose_number_is_read_either_way(
    way: Callable[[Json, type[Any]], Any], body: Json, number: int | None, text: str | None
) -> None:
    """What the vendor's pages disagree on is read as one of the two, and goes back as it came."""
    model = way(body, Loose)
    assert (model.number, model.text) == (number, text)
    assert model.to_dict() == body


@pytest.mark.parametrize("body", [{"number": "x"}, {"number": 1.0}, {"number": True}, {"text": True}, {"text": 1.5}])
def test_a_loose_number_is_not_just_anything(body: Json) -> None:
    """Fractions, truth values and words are no whole numbers."""
    for way in WAYS:
        with pytest.raises(DecodeError):
            way(body, Loose)


# ------------------------------------------------------------------------------------------- texts that hold commas


@pytest.mark.parametrize("texts", [["a, b"], ["1,2", ""], [" "], ["a", "a"]])
def test_only_labels_are_split_at_commas(texts: list[str]) -> None:
    """An array of text is kept element by element, empty ones and those with commas too."""
    body = {"message_id": "m", "vcards": texts, "mentioned_ids": texts}
    message = decode(json.dumps(body).encode(), Message)
    assert message.vcards == message.mentioned_ids == tuple(texts)
    assert explain(body, Message) == message
    assert message.to_dict() == body


@pytest.mark.parametrize("value", ["a, b", {"a": "b"}, [1], [None], 5, [["a"]]])
def test_texts_come_as_an_array_alone(value: Json) -> None:
    """A plain text is not an array of texts: it is refused, not split."""
    for way in WAYS:
        with pytest.raises(DecodeError):
            way({"message_id": "m", "vcards": value}, Message)
