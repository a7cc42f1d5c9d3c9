"""The dlt source, into DuckDB."""

import logging
import re
import runpy
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from periskope_async import ConfigurationError
from periskope_async.integrations.dlt import periskope
from periskope_async.testing import FakePeriskope

Load = Callable[..., Counter[str]]

ROOT = Path(__file__).parents[2]


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """A service with sixty tickets."""
    with FakePeriskope(tickets=60) as running:
        yield running


@pytest.fixture
def pipeline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Give a pipeline of dlt into a DuckDB file; nothing of it leaves the test's folder."""
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.setenv("DLT_DATA_DIR", str(tmp_path / "dlt"))
    monkeypatch.chdir(tmp_path)
    pytest.importorskip("duckdb", reason="duckdb is not installed")
    dlt = pytest.importorskip("dlt", reason="dlt is not installed")
    return dlt.pipeline(
        "test", destination=dlt.destinations.duckdb(str(tmp_path / "data.duckdb")), dataset_name="inbox"
    )


@pytest.fixture
def load(fake: FakePeriskope, pipeline: Any) -> Load:
    """Load once; return how often each operation was asked for."""

    def call(**options: Any) -> Counter[str]:
        fake.clear()
        pipeline.run(periskope(fake.api_key, base_url=fake.base_url, **options))
        return Counter(request.operation or "" for request in fake.requests)

    return call


def rows(pipeline: Any, query: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query."""
    with pipeline.sql_client() as sql:
        found: list[tuple[Any, ...]] = [tuple(row) for row in sql.execute_sql(query)]
        return found


def live(fake: FakePeriskope) -> dict[str, Any]:
    """Return the tickets there are, by id."""
    found = {name: fake.get(name)["ticket"] for name in fake.ticket_ids}
    return {name: ticket for name, ticket in found.items() if not ticket.get("is_deleted")}


class Pipelines(ModuleType):
    """As much of dlt as the source uses, which takes seconds to import and to load: one load after the other."""

    def __init__(self) -> None:
        super().__init__("dlt")
        self.state = dict[str, Any]()
        self.secrets = dict[str, str]()
        self.current = SimpleNamespace(resource_state=lambda: self.state)

    def resource(self, rows: Callable[[], Any], **hints: Any) -> SimpleNamespace:
        return SimpleNamespace(rows=rows, hints=hints)

    def source(self, make: Callable[[], Any], **_: Any) -> Callable[[], Any]:
        return make


def test_what_dlt_is_handed(
    fake: FakePeriskope, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Rows in the types of their columns, what is to go, and a state that does not have what failed."""
    dlt = Pipelines()
    monkeypatch.setitem(sys.modules, "dlt", dlt)
    dlt.secrets["sources.periskope.api_key"] = fake.api_key
    (tickets,) = periskope(base_url=fake.base_url, resources=["tickets"])
    assert tickets.hints["columns"]["created_at"] == {"data_type": "timestamp", "nullable": True}
    assert tickets.hints["columns"]["ticket_id"]["nullable"] is False
    assert tickets.hints["columns"]["deleted"]["hard_delete"]
    first = [row for batch in tickets.rows() for row in batch]
    assert {row["ticket_id"] for row in first if not row.get("deleted")} == live(fake).keys()
    example = next(row for row in first if row["ticket_id"] == "BKT-001")
    assert isinstance(example["ticket_labels"], list)
    assert isinstance(example["chat_members"], dict)
    one, gone, *_ = live(fake)
    fake.change(one, subject="Another")
    fake.remove(gone)
    fake.faults.add("422", ticket_id=one)
    assert [row for batch in tickets.rows() for row in batch] == [{"ticket_id": gone, "deleted": True}]
    assert "1 tickets failed, and come again with the next load" in caplog.text
    fake.faults.clear()
    assert [row["subject"] for batch in tickets.rows() for row in batch] == ["Another"]
    assert list(tickets.rows()) == []
    (messages,) = periskope(fake.api_key, base_url=fake.base_url, resources=["messages"])
    dlt.state.clear()
    assert len(next(messages.rows())) == fake.messages.count


@pytest.mark.slow  # dlt takes seconds to import and to load
@pytest.mark.timeout(300)
def test_three_of_sixty(fake: FakePeriskope, pipeline: Any, load: Load, caplog: pytest.LogCaptureFixture) -> None:
    """The second load asks for three of sixty; what failed is not loaded, not forgotten, and comes with the next."""
    first = load(resources=["tickets"])
    assert first == {"tickets.list": 1, "tickets.get": len(live(fake))}
    assert rows(pipeline, "SELECT count(*), count(DISTINCT ticket_id) FROM tickets") == [(len(live(fake)),) * 2]
    assert load(resources=["tickets"]) == {"tickets.list": 1}
    one, two, gone, marked, *_ = live(fake)
    fake.change(one, subject="Another", status="closed")
    fake.change(two, subject="It fails")
    fake.change(marked, is_deleted=True)
    fake.remove(gone)
    fake.faults.add("422", ticket_id=two)
    with caplog.at_level(logging.WARNING, "periskope.dlt"):
        assert load(resources=["tickets"]) == {"tickets.list": 1, "tickets.get": 3}
    assert "1 tickets failed, and come again with the next load" in caplog.text
    assert fake.counts["422"] == 1
    fake.faults.clear()
    before = dict(rows(pipeline, "SELECT ticket_id, subject FROM tickets"))
    assert (before[one], before[two] == "It fails") == ("Another", False)
    assert load(resources=["tickets"]) == {"tickets.list": 1, "tickets.get": 1}
    found = dict(rows(pipeline, "SELECT ticket_id, subject FROM tickets"))
    assert found == {name: ticket["subject"] for name, ticket in live(fake).items()}
    labelled = "SELECT ticket_id FROM tickets WHERE list_contains(ticket_labels::VARCHAR[], 'vip')"  # as the docs say
    wanted_ids = {name for name, ticket in live(fake).items() if "vip" in (ticket["ticket_labels"] or "").split(", ")}
    assert {name for (name,) in rows(pipeline, labelled)} == wanted_ids
    types = dict(
        rows(pipeline, "SELECT column_name, data_type FROM information_schema.columns WHERE table_name = 'tickets'")
    )
    wanted = {
        "created_at": "TIMESTAMP WITH TIME ZONE",
        "priority": "BIGINT",
        "is_deleted": "BOOLEAN",
        "ticket_labels": "JSON",
        "closed_message": "VARCHAR",  # also where it never held anything
        "attached_messages": "JSON",
    }
    assert {name: types[name] for name in wanted} == wanted


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_everything_there_is(fake: FakePeriskope, pipeline: Any, load: Load) -> None:
    """Each resource has its table; a second load of all asks for pages alone, with rows alone from the first on."""
    load(details="none")
    for table in ("chats", "contacts", "messages"):
        objects: Any = getattr(fake, table)
        assert rows(pipeline, f"SELECT count(*) FROM {table}") == [(objects.count,)]  # noqa: S608  # our own name
    assert load(details="none") == {f"{name}.list": 1 for name in ("tickets", "chats", "contacts", "messages")}


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_query_of_the_page(fake: FakePeriskope, load: Load, pipeline: Any) -> None:
    """The query that the page shows for a label finds the tickets that have it."""
    load(resources=["tickets"])
    (query,) = re.findall(r"```sql\n(.*?)```", (ROOT / "docs/guides/changes.md").read_text("utf-8"), re.DOTALL)
    wanted = {name for name, ticket in live(fake).items() if "VIP" in ticket["ticket_labels"].split(", ")}
    assert {name for (name,) in rows(pipeline, query)} == wanted != set()


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_example(fake: FakePeriskope, pipeline: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The example of the docs loads, and its query finds the chats with the most tickets."""
    del pipeline
    monkeypatch.setenv("PERISKOPE_API_KEY", fake.api_key)
    monkeypatch.setenv("PERISKOPE_BASE_URL", fake.base_url)
    found = runpy.run_path(str(ROOT / "examples" / "dlt_load.py"))["load"]()
    assert len(found) == 5
    assert [row[1] for row in found] == sorted((row[1] for row in found), reverse=True)


def test_what_there_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A resource that is not there is refused, and without dlt it says what to install; a fault of dlt is its own."""
    for wrong in ("tickets", ["tickets", "parcels"]):
        with pytest.raises(ConfigurationError, match="expected some of tickets, chats, contacts, messages"):
            periskope("key", resources=wrong)
    monkeypatch.setitem(sys.modules, "dlt", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install '/path/to/clone\[dlt\]'"):
        periskope("key")
    monkeypatch.delitem(sys.modules, "dlt")
    (tmp_path / "dlt.py").write_text("import no_such_module")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        periskope("key")
