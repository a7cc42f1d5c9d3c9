"""Tickets as flat records: what is in which column, and that every value comes back, through files too."""

import csv
import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from periskope_async import models as all_models
from periskope_async._codec.annotations import is_model, some
from periskope_async._codec.converter import decode, structure
from periskope_async._codec.enums import OpenIntEnum, OpenStrEnum
from periskope_async._codec.fields import own_fields
from periskope_async._codec.marks import LEFT_OUT, Labels
from periskope_async._codec.model import Model
from periskope_async.errors import DecodeError
from periskope_async.models import (
    Chat,
    ChatMember,
    Message,
    MessageInfo,
    MessageMedia,
    Reaction,
    Ticket,
    TicketInfo,
    TicketPriority,
    TicketRow,
)
from periskope_async.records import COLUMNS, ROW_COLUMNS, columns, from_record, to_record
from tests.support import each_of, repeated

BODY = (Path(__file__).parents[1] / "samples" / "ticket-info.example.json").read_bytes()
EXAMPLE = decode(BODY, TicketInfo)
WHEN = datetime(2025, 5, 1, tzinfo=UTC)
RICH = attrs.evolve(
    EXAMPLE,
    extra={"new": {"a": [1, None]}},
    ticket=attrs.evolve(
        EXAMPLE.ticket,
        ticket_labels=("a", "b"),
        due_date=WHEN,
        ticket_custom_properties={"p": "ü"},
        extra={"newer": "x"},
    ),
    attached_messages=(MessageInfo(message_id="m1", body="one\ntwo"), MessageInfo(message_id="m2", extra={"y": 1})),
)
BARE = TicketInfo(ticket=Ticket(ticket_id="BKT-9"))


def test_a_record_is_flat_and_has_every_column_in_order() -> None:
    """A ticket's own fields keep their names; those of its chat and its message are prefixed."""
    record = EXAMPLE.to_record()
    assert list(record) == list(COLUMNS) == list(BARE.to_record())
    assert record == to_record(EXAMPLE)
    shown = {
        "ticket_id": "BKT-001",
        "status": "open",
        "priority": 1,
        "created_at": datetime(2025, 1, 26, 13, 46, 21, 670006, UTC),
        "assigned_by": None,
        "ticket_labels": (),
        "is_deleted": False,
        "chat_id": "919537851844@c.us",
        "chat_name": "BK Local1",
        "chat_labels": ("chatlabel1", "chatlabel2"),
        "chat_custom_properties": '{"Custom Property 1": "hello"}',
        "message_sender_name": "Support",
        "attached_messages": None,
        "attached_count": 0,
    }
    assert {column: record[column] for column in shown} == shown
    assert json.loads(record["chat_members"]) == json.loads(BODY)["chat"]["members"]


def test_values_are_plain() -> None:
    """No enum, model or mapping is in a record: any data library takes it."""
    kinds = {"text": str, "integer": int, "number": float, "boolean": bool, "timestamp": datetime, "json": str}
    for info in (EXAMPLE, RICH, BARE):
        for column, value in info.to_record().items():
            kind = COLUMNS[column]
            assert type(value) is (tuple if kind == "labels" else kinds[kind]) or (value is None and kind != "labels")


def test_a_ticket_without_chat_and_message_has_their_columns_too() -> None:
    """What is not there is None, and labels are the empty tuple."""
    record = BARE.to_record()
    assert record.pop("ticket_id") == "BKT-9"
    assert record.pop("ticket_labels") == record.pop("chat_labels") == ()
    assert record.pop("attached_count") == 0
    assert set(record.values()) == {None}


@pytest.mark.parametrize("info", [EXAMPLE, RICH, BARE])
def test_a_record_holds_everything(info: TicketInfo) -> None:
    """A ticket made of a record equals the one the record was made of, and is spelled as usual."""
    assert from_record(info.to_record()) == info
    assert from_record(info.to_record()).to_dict() == info.to_dict()


def test_rows_of_a_list_are_records_as_well() -> None:
    """A row has the columns of its own fields."""
    row = TicketRow(
        ticket_id="BKT-1", priority=TicketPriority(9), response_time=1.5, labels=("a",), chat=Chat(chat_id="1@c.us")
    )
    assert list(row.to_record()) == list(ROW_COLUMNS)
    assert from_record(row.to_record(), TicketRow) == row
    bare = TicketRow(ticket_id="BKT-2", custom_properties=None, close_ticket_metadata=[0])
    assert from_record(bare.to_record(), TicketRow) == bare
    assert bare.to_record()["chat"] is None


@pytest.mark.parametrize("info", [EXAMPLE, RICH, BARE])
def test_everything_survives_jsonl(info: TicketInfo) -> None:
    """A line of JSON holds a ticket in the API's own form."""
    assert decode(json.dumps(info.to_dict()).encode(), TicketInfo) == info


@pytest.mark.parametrize("info", [EXAMPLE, RICH, BARE])
def test_everything_survives_csv(info: TicketInfo) -> None:
    """Text alone is enough to get a ticket back."""
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    record = info.to_record()
    for column, kind in COLUMNS.items():
        if kind == "labels":
            record[column] = ", ".join(record[column])
        elif kind == "timestamp" and record[column]:
            record[column] = record[column].isoformat()
    writer.writerow(record)
    file.seek(0)
    (row,) = csv.DictReader(file)
    assert from_record(row) == info


@pytest.mark.parametrize("info", [EXAMPLE, RICH, BARE])
def test_everything_survives_parquet(info: TicketInfo) -> None:
    """A typed table with an explicit schema gives the same values back."""
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    types = {
        "text": pa.string(),
        "json": pa.string(),
        "integer": pa.int64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "labels": pa.list_(pa.string()),
    }
    schema = pa.schema([(column, types[kind]) for column, kind in COLUMNS.items()])
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([info.to_record()], schema), file)
    file.seek(0)
    (row,) = pq.read_table(file).to_pylist()
    assert row["created_at"] == info.ticket.created_at
    assert from_record(row) == info


@each_of(
    ("column", "value"),
    [
        ("priority", "high"),
        ("is_deleted", "maybe"),
        ("is_deleted", 1),
        ("created_at", "soon"),
        ("ticket_labels", 5),
        ("chat_members", "[1]"),
        ("chat_members", "{"),
        ("extra", "[1]"),
        ("ticket_id", ""),
        ("ticket_id", 5),
    ],
)
def test_a_value_that_does_not_fit_its_column_is_refused(column: str, value: Any) -> None:
    """A record is as strict as a body."""
    with pytest.raises(DecodeError):
        from_record({**EXAMPLE.to_record(), column: value})


def test_a_record_needs_the_ticket_id_and_nothing_else() -> None:
    """Columns may be missing, and others may be there."""
    assert from_record({"ticket_id": "BKT-9", "mine": 1}) == BARE
    with pytest.raises(DecodeError):
        from_record({})


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    str: TEXT,
    bool: st.booleans(),
    int: st.integers(),
    float: st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    datetime: st.datetimes(timezones=st.just(UTC)),
    Labels: st.lists(TEXT | st.text("a, ", min_size=1)).map(tuple),
}


def models(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Any model of a class."""
    values = {}
    for a in attrs.fields(cls):
        wanted = some(a.type)
        if is_model(wanted):
            value = models(wanted)
        elif isinstance(wanted, type) and issubclass(wanted, (OpenStrEnum, OpenIntEnum)):
            value = st.sampled_from(wanted) | st.builds(
                wanted, TEXT if issubclass(wanted, OpenStrEnum) else st.integers()
            )
        elif a.name in {"members", "attached_messages"}:
            one = models(ChatMember if a.name == "members" else MessageInfo)
            value = (
                st.dictionaries(TEXT, one, max_size=2) if a.name == "members" else st.lists(one, max_size=2).map(tuple)
            )
        else:
            value = VALUES.get(wanted, st.dictionaries(TEXT.map("new {}".format), TEXT, max_size=2))
        if a.name != "_wire":
            values[a.name] = value if a.default is attrs.NOTHING else st.just(a.default) | value
    return st.builds(cls, **values)


@repeated
@settings(max_examples=40, deadline=None)
@given(info=models(TicketInfo))
def test_any_ticket_comes_back_from_its_record(info: TicketInfo, batch: int) -> None:
    """No value gets lost or changed on the way through a record, nor on the way through JSON."""
    del batch
    assert from_record(info.to_record()) == info
    assert structure(info.to_dict(), TicketInfo) == info


# ----------------------------------------------------------------------------------------------- any other model

CLASSES = [
    cls for cls in map(all_models.__getattr__, all_models.__all__) if is_model(cls) and cls is not all_models.Page
]


@each_of("cls", CLASSES)
def test_every_model_has_columns_of_its_own(cls: type[Model]) -> None:
    """Which columns a model has follows from its fields; no two have one name, and each value is in one of them."""
    named = columns(cls)
    required = {
        a.name: {"ticket": Ticket(ticket_id="1"), "message": all_models.Message(message_id="1")}.get(
            a.name, True if a.type is bool else "1"
        )
        for a in own_fields(cls)
        if a.default is attrs.NOTHING
    }
    model = cls(**required)
    assert list(model.to_record()) == list(named) == list(to_record(model))
    assert from_record(model.to_record(), cls) == model
    singles = [a for a in own_fields(cls) if is_model(some(a.type)) and a.metadata != LEFT_OUT]
    flat = len(attrs.fields(cls)) - 1 - len(singles) + sum(len(attrs.fields(some(a.type))) - 1 for a in singles)
    assert len(named) == flat + (cls is TicketInfo)


def test_the_columns_of_tickets_are_fixed() -> None:
    """Files that were written stay readable: the columns of tickets and rows keep names, order and kinds."""
    written = (Path(__file__).parents[1] / "snapshots" / "columns.json").read_text("utf-8")
    assert json.loads(written) == {
        "COLUMNS": [*map(list, COLUMNS.items())],
        "ROW_COLUMNS": [*map(list, ROW_COLUMNS.items())],
    }


def test_a_chat_is_a_record_with_its_newest_message_beside_it() -> None:
    """One nested object is columns with the name of its field; what is many or deeper down is JSON."""
    message = Message(
        message_id="m",
        from_="1@c.us",
        timestamp=WHEN,
        ack="3",
        vcards=("a, b",),
        media=MessageMedia(size=5),
        reactions=(Reaction(reaction_id="r", timestamp=WHEN),),
    )
    chat = Chat(
        chat_id="c",
        labels=("a, b", "c"),
        latest_message=message,
        latest_message_timestamp=5,
        members={"1@c.us": ChatMember(contact_id="1@c.us", pushname="Mia")},
        unread_count={"1@c.us": 2},
        member_add_mode="false",
    )
    record = chat.to_record()
    assert record["chat_id"] == "c"
    assert record["labels"] == ("a, b", "c")
    assert record["unread_count"] == '{"1@c.us": 2}'
    assert record["member_add_mode"] == '"false"'
    assert (record["latest_message_message_id"], record["latest_message_ack"]) == ("m", "3")
    assert record["latest_message_from_"] == "1@c.us"
    assert (record["latest_message_timestamp"], record["latest_message__timestamp"]) == (5, WHEN)
    assert json.loads(record["latest_message_vcards"]) == ["a, b"]
    assert json.loads(record["latest_message_media"]) == {"size": 5}
    assert json.loads(record["members"])["1@c.us"]["pushname"] == "Mia"
    assert set(columns(Chat).values()) == {"text", "integer", "boolean", "timestamp", "labels", "json"}
    again = from_record(record, Chat)
    assert again == chat
    assert again.to_dict() == chat.to_dict()
    assert from_record(Chat(chat_id="c").to_record(), Chat) == Chat(chat_id="c")
