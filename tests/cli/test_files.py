"""Export files after a crash: every whole record is found again, and nothing else is ever cut."""

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import pyarrow.parquet
import pytest

from periskope_async._codec.converter import decode
from periskope_async.cli import parquet
from periskope_async.cli.commands.sources import TICKETS
from periskope_async.cli.files import Form, csv_form, jsonl_form, recover
from periskope_async.cli.outcome import Exit, Failure
from periskope_async.cli.parquet import write_parquet
from periskope_async.models import ChatInfo, MessageInfo, Ticket, TicketInfo
from periskope_async.records import COLUMNS, from_record

EXAMPLE = Path(__file__).parents[1] / "samples" / "ticket-info.example.json"
JSONL, CSV = jsonl_form(TICKETS), csv_form(TICKETS)
FORMS = [pytest.param(JSONL, id="jsonl"), pytest.param(CSV, id="csv")]
BODIES = ["half a \ud83d smile", 'a "quoted"\nline, and\r\nanother नमस्ते 🎫', '"', "\r\n\n,,,"]
INFOS = [
    TicketInfo(
        ticket=Ticket(ticket_id=f'B,"{n}', subject=body, created_at=datetime(2026, 1, n, tzinfo=UTC)),
        chat=ChatInfo(chat_id="1@c.us", chat_name=body),
        message=MessageInfo(message_id="m", body=body),
    )
    for n, body in enumerate(BODIES, 1)
]


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_file_cut_at_any_byte_is_completed_to_the_same_file(form: Form, tmp_path: Path) -> None:
    """Wherever writing stopped, what is whole is kept, what is torn is cut, and the rest makes the file it would be."""
    infos = INFOS[1:]
    whole = form.header + b"".join(map(form.record, infos))
    file = tmp_path / "export"
    for cut in range(len(whole) + 1):
        file.write_bytes(whole[:cut])
        kept = recover(file, form)
        left = file.read_bytes()
        assert whole.startswith(left)
        missing = [info for info in infos if info.ticket.ticket_id not in kept]
        header = b"" if left else form.header
        assert left + header + b"".join(map(form.record, missing)) == whole
        assert len(missing) + len(kept) == len(infos)


@pytest.mark.parametrize(
    ("form", "content"),
    [
        (JSONL, b"my notes"),
        (JSONL, b'{"chats": []}\n'),
        (JSONL, b'{"ticket": {"ticket_id": 7}}\n'),
        (JSONL, b"{}}\n"),
        (JSONL, b"[1]\n"),
        (CSV, b"name,age\nmia,7\n"),
        (CSV, CSV.header + b"too,few\r\n"),
        (CSV, CSV.header + b"\xff\r\n"),
        (CSV, JSONL.record(INFOS[0])),
        (JSONL, CSV.header),
    ],
)
def test_a_file_of_something_else_is_left_alone(form: Form, content: bytes, tmp_path: Path) -> None:
    """What is no export of ours is told as such, and keeps every byte."""
    file = tmp_path / "export"
    file.write_bytes(content)
    with pytest.raises(Failure) as caught:
        recover(file, form)
    assert caught.value.outcome.exit is Exit.USAGE
    assert str(file) in caught.value.outcome.message
    assert file.read_bytes() == content


@pytest.mark.parametrize("name", ["t.jsonl", "t.csv", "t.parquet"])
def test_the_example_keeps_every_value_through_every_format(name: str, tmp_path: Path) -> None:
    """The vendor's example goes through each format and comes back equal."""
    file = tmp_path / name
    info = decode(EXAMPLE.read_bytes(), TicketInfo)
    if name == "t.jsonl":
        file.write_bytes(JSONL.record(info))
        back = decode(file.read_bytes(), TicketInfo)
    elif name == "t.csv":
        file.write_bytes(CSV.header + CSV.record(info))
        with file.open(newline="", encoding="utf-8") as rows:
            back = from_record(next(csv.DictReader(rows)))
    else:
        log = tmp_path / "log"
        log.write_bytes(JSONL.record(info))
        write_parquet(log, file, TicketInfo)
        back = from_record(pyarrow.parquet.read_table(file).to_pylist()[0])
    assert back == info
    assert back.to_dict() == json.loads(EXAMPLE.read_bytes())


def test_parquet_has_types(tmp_path: Path) -> None:
    """A Parquet file tells the type of each column, also where a column holds nothing; nothing is left beside it."""
    log, out = tmp_path / "log", tmp_path / "t.parquet"
    log.write_bytes(b"".join(map(JSONL.record, INFOS)))
    write_parquet(log, out, TicketInfo)
    table = pyarrow.parquet.read_table(out)
    types = {field.name: str(field.type) for field in table.schema}
    assert list(types) == list(COLUMNS)
    assert types["created_at"] == types["due_date"] == "timestamp[us, tz=UTC]"
    assert types["ticket_labels"].startswith("list<")
    assert (types["subject"], types["priority"], types["is_deleted"]) == ("string", "int64", "bool")
    assert table["subject"].to_pylist() == [body.replace("\ud83d", "\\ud83d") for body in BODIES]
    assert sorted(tmp_path.iterdir()) == [log, out]


def test_parquet_in_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many rows are Python objects at once, each group is full but the last, and all are there in order."""
    monkeypatch.setattr(parquet, "ROW_GROUP", 4)
    monkeypatch.setattr(parquet, "ROWS_AT_ONCE", 2)
    infos = [TicketInfo(ticket=Ticket(ticket_id=f"BKT-{number}")) for number in range(11)]
    for count in (0, 1, 4, 11):
        groups = list(parquet.tables(infos[:count], parquet.schema_of(TicketInfo)))
        assert [group.num_rows for group in groups] == [
            len(infos[at : min(at + 4, count)]) for at in range(0, count, 4)
        ]
        found = [name for group in groups for name in group["ticket_id"].to_pylist()]
        assert found == [info.ticket.ticket_id for info in infos[:count]]
