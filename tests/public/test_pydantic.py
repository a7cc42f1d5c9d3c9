"""Models in FastAPI and pydantic: as results, as bodies, in the OpenAPI schema."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import pytest

from periskope_async import models
from periskope_async._codec.model import Model
from periskope_async.models import Chat, TicketInfo, TicketRow
from periskope_async.testing import FakePeriskope
from tests.support import run_python

pydantic = pytest.importorskip("pydantic", reason="pydantic is not installed")
fastapi = pytest.importorskip("fastapi", reason="fastapi is not installed")
httpx = pytest.importorskip("httpx", reason="httpx is not installed")

EXAMPLE: dict[str, Any] = json.loads(
    (Path(__file__).parents[1] / "samples" / "ticket-info.example.json").read_text("utf-8")
)
CLASSES = [cls for cls in map(models.__getattr__, models.__all__) if isinstance(cls, type) and issubclass(cls, Model)]


@pytest.fixture
async def web() -> AsyncIterator[Any]:
    """Ask an application that answers with what a client of a fake service got."""
    app = fastapi.FastAPI()
    async with FakePeriskope(tickets=5) as fake, fake.client() as client:

        @app.get("/tickets/{ticket_id}")
        async def one(ticket_id: str) -> TicketInfo:
            return await client.tickets.get(ticket_id)

        @app.get("/tickets")
        async def rows() -> list[TicketRow]:
            return [row async for row in client.tickets.list()]

        @app.post("/subjects")
        async def subject(info: Annotated[TicketInfo, fastapi.Body()]) -> str | None:
            return info.ticket.subject

        @app.get("/bare/{ticket_id}", response_model=None)
        async def bare(ticket_id: str):  # type: ignore[no-untyped-def]  # noqa: ANN202  # as newcomers write it
            return await client.tickets.get(ticket_id)

        app.state.fake = fake
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as web:
            web.app = app
            yield web


async def test_handlers_answer_with_models(web: Any) -> None:
    """`-> TicketInfo` and `-> list[TicketRow]` answer with the service's own JSON."""
    answer = await web.get("/tickets/BKT-001")
    assert (answer.status_code, answer.json()) == (200, web.app.state.fake.get("BKT-001"))
    answer = await web.get("/tickets")
    assert answer.status_code == 200
    assert {TicketRow.from_dict(row).ticket_id for row in answer.json()} == {f"BKT-00{n}" for n in range(1, 6)}


async def test_body_of_a_request(web: Any) -> None:
    """A body parameter is read as strictly as an answer; what is wrong is a 422 that says where."""
    answer = await web.post("/subjects", json=EXAMPLE)
    assert (answer.status_code, answer.json()) == (200, EXAMPLE["ticket"]["subject"])
    answer = await web.post("/subjects", json={"ticket": {"subject": 5}})
    (detail,) = answer.json()["detail"]
    assert answer.status_code == 422
    assert detail["loc"] == ["body"]
    assert detail["msg"].startswith("not a TicketInfo: ")
    assert "$.ticket.ticket_id" in detail["msg"]


async def test_without_an_annotation(web: Any) -> None:
    """A model that is returned without an annotation fails with a sentence that says what to do."""
    with pytest.raises(ValueError, match=r"a TicketInfo is not a mapping: .* to_dict\(\) for the JSON"):
        await web.get("/bare/BKT-001")


async def test_openapi(web: Any) -> None:
    """The schema names every model once, with its fields, their types and which of them are always there."""
    schemas = (await web.get("/openapi.json")).json()["components"]["schemas"]
    assert {"TicketInfo", "Ticket", "ChatInfo", "MessageInfo", "TicketRow"} <= set(schemas)
    assert schemas["TicketInfo"]["required"] == ["ticket"]
    assert schemas["TicketInfo"]["properties"]["ticket"] == {"$ref": "#/components/schemas/Ticket"}
    ticket = schemas["Ticket"]
    assert (ticket["title"], ticket["type"], ticket["required"]) == ("Ticket", "object", ["ticket_id"])
    assert ticket["description"] == "A ticket's own fields."
    assert set(EXAMPLE["ticket"]) <= set(ticket["properties"])
    assert {"type": "string", "format": "date-time"} in ticket["properties"]["created_at"]["anyOf"]
    status = json.dumps(ticket["properties"]["status"])
    assert all(f'"{word}"' in status for word in ("open", "inprogress", "closed", "archived", "string", "null"))
    assert {"type": "integer"} in ticket["properties"]["priority"]["anyOf"]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_model_has_a_schema(cls: type[Model]) -> None:
    """Pydantic describes every model, in both directions, under the keys it has in JSON."""
    adapter = pydantic.TypeAdapter(cls)
    for mode in ("validation", "serialization"):
        schema = adapter.json_schema(mode=mode)
        assert schema.get("properties") or schema["$ref"]


def test_pydantic_reads_and_writes() -> None:
    """A model inside a pydantic model goes in as JSON or as itself, and comes out as the JSON it was."""
    holder = pydantic.create_model("Holder", info=(TicketInfo, ...), chats=(list[Chat], []))
    info = TicketInfo.from_dict(EXAMPLE)
    for given in (info, EXAMPLE):
        held = holder(info=given)
        assert held.info == info
        assert held.model_dump()["info"] == EXAMPLE
        assert json.loads(held.model_dump_json())["info"] == EXAMPLE
    assert holder.model_validate_json(json.dumps({"info": EXAMPLE})).info == info


@pytest.mark.parametrize("value", [5, None, [], {}, {"ticket": {"ticket_id": 5}}, "deep"])
def test_pydantic_refuses(value: Any) -> None:
    """What is not the model is a validation error of pydantic's."""
    if value == "deep":
        value = {}
        for _ in range(100_000):
            value = {"ticket": value}
    with pytest.raises(pydantic.ValidationError, match="not a TicketInfo: "):
        pydantic.TypeAdapter(TicketInfo).validate_python(value)


def test_another_model_is_named() -> None:
    """Rows of a list are not what `get` returns: who names the one for the other learns which it is."""
    row = TicketRow.from_dict({"ticket_id": "BKT-001"})
    with pytest.raises(pydantic.ValidationError, match="not a TicketInfo, but a TicketRow, which is the type to name"):
        pydantic.TypeAdapter(TicketInfo).validate_python(row)


def test_who_does_not_use_it_does_not_load_it() -> None:
    """Models alone load no pydantic, although it is installed."""
    done = run_python("""
        import sys
        from periskope_async.models import TicketInfo
        TicketInfo.from_dict({"ticket": {"ticket_id": "a"}}).to_dict()
        assert "pydantic_core" not in sys.modules
    """)
    assert done.returncode == 0, done.stderr
