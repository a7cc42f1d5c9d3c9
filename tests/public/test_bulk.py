"""What becomes of a bulk result: one line, a notebook's table, and the tables of the data libraries."""

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from periskope_async import BulkResult, NotFoundError, Ticket, TicketInfo
from periskope_async._codec.frames import arrow_schema
from periskope_async.records import COLUMNS
from periskope_async.testing import FakePeriskope
from tests.support import run_python

WHEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
BARE = TicketInfo(ticket=Ticket(ticket_id="BKT-1"))
FULL = TicketInfo(
    ticket=Ticket(
        ticket_id="BKT-2",
        subject="<b>Printer</b> & co",
        created_at=WHEN.astimezone(timezone(timedelta(hours=5))),
        ticket_labels=("a", "b"),
        is_deleted=False,
    )
)


def result_of(*infos: TicketInfo) -> BulkResult[TicketInfo]:
    """Make the result of a run over tickets."""
    return BulkResult({info.ticket.ticket_id: info for info in infos}, model=TicketInfo)


def test_one_line() -> None:
    """A repr is a line of counts, and holds nobody's data."""
    result = result_of(BARE, FULL)
    result.errors["BKT-9"] = NotFoundError("Ticket not found")
    assert repr(result) == "BulkResult(2 fetched, 1 errors, 0 skipped)"
    assert repr(BulkResult({str(n): n for n in range(1234)})) == "BulkResult(1,234 fetched, 0 errors, 0 skipped)"


def test_notebook() -> None:
    """A notebook shows counts, the first rows with columns that say something, and why ids failed; all escaped."""
    result = result_of(*(attrs.evolve(FULL, ticket=attrs.evolve(FULL.ticket, ticket_id=f"I-{n}")) for n in range(12)))
    result.errors["<i>"] = NotFoundError("Ticket not found" + "!" * 100)
    shown = result._repr_html_()
    assert "<p>BulkResult: 12 fetched, 1 errors, 0 skipped</p>" in shown
    assert "<th>ticket_id</th><th>subject</th><th>created_at</th><th>ticket_labels</th><th>is_deleted</th>" in shown
    assert "<td>I-9</td><td>&lt;b&gt;Printer&lt;/b&gt; &amp; co</td>" in shown
    assert "<td>a, b</td>" in shown
    assert "I-10" not in shown
    assert "<td>&lt;i&gt;</td><td>[0] Ticket not found!" in shown
    assert "!" * 70 not in shown
    assert result_of()._repr_html_() == "<p>BulkResult: 0 fetched, 0 errors, 0 skipped</p>"


def test_a_result_is_not_a_list() -> None:
    """A length, a loop and an index are answered with where to look: what failed would be left out in silence."""
    result: Any = result_of(BARE)
    for mistake in (len, list, dict, lambda it: it["BKT-1"], lambda it: it[0], lambda it: "BKT-1" in it):
        with pytest.raises(TypeError, match=r"result\.fetched, by id; why others did not is in result\.errors"):
            mistake(result)
    assert result
    assert BulkResult()
    assert pickle.loads(pickle.dumps(result)) == copy.copy(result) == result  # noqa: S301  # our own


def test_records() -> None:
    """Records are those of the models, in the order of the ids."""
    assert result_of(FULL, BARE).to_records() == [FULL.to_record(), BARE.to_record()]


@pytest.mark.parametrize("infos", [(), (BARE,), (BARE, FULL)], ids=["nothing", "empty columns", "both"])
def test_arrow(infos: tuple[TicketInfo, ...]) -> None:
    """The schema of an Arrow table is that of an export, whatever there is."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    table = result_of(*infos).to_arrow()
    assert table.schema == arrow_schema(COLUMNS)
    assert "null" not in {str(kind) for kind in table.schema.types}
    assert table.column("ticket_id").to_pylist() == [info.ticket.ticket_id for info in infos]
    if infos == (BARE, FULL):
        assert table.column("created_at").to_pylist() == [None, WHEN]
        assert table.column("ticket_labels").to_pylist() == [[], ["a", "b"]]


@pytest.mark.parametrize("infos", [(), (BARE,), (BARE, FULL)], ids=["nothing", "empty columns", "both"])
def test_polars(infos: tuple[TicketInfo, ...]) -> None:
    """A polars frame has every column in the type of its kind, none of them Null."""
    pl = pytest.importorskip("polars", reason="polars is not installed")
    frame = result_of(*infos).to_polars()
    assert frame.columns == list(COLUMNS)
    assert pl.Null not in frame.dtypes
    assert frame.schema["created_at"] == pl.Datetime("us", "UTC")
    assert frame.schema["priority"] == pl.Int64
    assert frame["ticket_id"].to_list() == [info.ticket.ticket_id for info in infos]
    if infos == (BARE, FULL):
        assert frame["created_at"].to_list() == [None, WHEN]
        assert frame["ticket_labels"].to_list() == [[], ["a", "b"]]


@pytest.mark.parametrize("infos", [(), (BARE,), (BARE, FULL)], ids=["nothing", "empty columns", "both"])
def test_pandas(infos: tuple[TicketInfo, ...]) -> None:
    """A pandas frame has every column in the type of its kind, and missing values that stay missing."""
    pd = pytest.importorskip("pandas", reason="pandas is not installed")
    frame = result_of(*infos).to_pandas()
    assert list(frame.columns) == list(COLUMNS)
    assert len(frame) == len(infos)
    kinds = {name: str(frame[name].dtype) for name in ("ticket_id", "priority", "created_at", "is_deleted")}
    assert kinds == {
        "ticket_id": "string",
        "priority": "Int64",
        "created_at": "datetime64[us, UTC]",
        "is_deleted": "boolean",
    }
    if infos == (BARE, FULL):
        assert pd.isna(frame["created_at"][0])
        assert frame["created_at"][1].to_pydatetime() == WHEN
        assert frame["ticket_labels"][1] == ["a", "b"]


def test_numbers_are_floats() -> None:
    """A column of numbers is one of floats, also where the service sent whole ones."""
    pytest.importorskip("polars", reason="polars is not installed")
    from periskope_async.models import TicketRow

    rows = {"a": TicketRow.from_dict({"ticket_id": "a", "response_time": 5}), "b": TicketRow(ticket_id="b")}
    assert BulkResult(rows).to_polars()["response_time"].to_list() == [5.0, None]


def test_nothing_of_unknown_kind() -> None:
    """A result that you made yourself, and that holds nothing, has no columns."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    assert BulkResult[Any]().to_arrow().schema.names == []


async def test_a_run_that_fetched_nothing_has_its_columns() -> None:
    """Where every id failed, the table is empty and has the columns of what there was to fetch."""
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    async with FakePeriskope() as fake, fake.client() as client:
        assert (await client.tickets.get_many(["NOPE"])).to_arrow().schema.names == list(COLUMNS)
        assert "chat_id" in (await client.chats.get_many([])).to_arrow().schema.names


def test_data_libraries_are_loaded_on_use() -> None:
    """A result alone loads none of them."""
    done = run_python("""
        import sys
        from periskope_async import BulkResult
        BulkResult().to_records()
        assert not {"pyarrow", "pandas", "polars"} & set(sys.modules)
    """)
    assert done.returncode == 0, done.stderr
