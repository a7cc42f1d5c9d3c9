"""What a newcomer does wrong: each message names the cure, and no checker is kept from finding it before."""

import asyncio
import re
import sys
from collections.abc import Callable, Iterator
from importlib import invalidate_caches
from pathlib import Path
from typing import Any

import pytest

import periskope_async
import periskope_sync
from periskope_async import ConfigurationError, Ticket, TicketInfo, webhooks
from periskope_async._codec import frames
from periskope_async.testing import FakePeriskope
from tests.support import each_of

INFO: Any = TicketInfo(ticket=Ticket(ticket_id="BKT-001", subject="Printer on fire"))
CLIENTS: list[Any] = [periskope_async.PeriskopeClient, periskope_sync.PeriskopeClient]


@pytest.fixture
def fake() -> Iterator[FakePeriskope]:
    """Serve in a thread of its own."""
    with FakePeriskope() as fake:
        yield fake


# -- models -----------------------------------------------------------------------------------------------------------


def test_attribute_of_a_part() -> None:
    """`info.subject` says that it is `info.ticket.subject`, and is not there for `hasattr` and `dir`."""
    with pytest.raises(AttributeError, match=r"'TicketInfo' has no 'subject' itself: use \.ticket\.subject") as caught:
        _ = INFO.subject
    assert (caught.value.name, caught.value.obj) == ("subject", INFO)
    assert not hasattr(INFO, "subject")
    assert not hasattr(TicketInfo, "subject")
    assert not hasattr(INFO, "nonsense")
    assert "subject" not in dir(INFO)
    assert {"ticket", "chat", "to_dict"} <= set(dir(INFO))
    assert repr(vars(TicketInfo)["subject"]) == "<see .ticket.subject>"


def test_attributes_that_are_there_stay_as_fast() -> None:
    """No model looks attributes up in Python code, and none of its own attributes is in another's place."""
    assert not {"__getattr__", "__getattribute__"} & {name for cls in TicketInfo.__mro__[:-1] for name in vars(cls)}
    assert INFO.ticket.subject == "Printer on fire"
    assert INFO.extra == INFO.ticket.extra == {}


@pytest.mark.parametrize(
    ("use", "cure"),
    [
        (lambda: INFO["ticket"], r"use the attribute \.ticket, or to_dict\(\)"),
        (lambda: INFO["nonsense"], r"use its attributes, or to_dict\(\)"),
        (lambda: dict(INFO), r"or to_dict\(\)"),
        (lambda: list(INFO), r"or to_dict\(\)"),
    ],
)
def test_model_taken_for_a_dict(use: Callable[[], object], cure: str) -> None:
    """A model that is used as a mapping says where its values are."""
    with pytest.raises(TypeError, match=rf"a TicketInfo is not a mapping: .*{cure}"):
        use()


# -- clients ----------------------------------------------------------------------------------------------------------


def test_with_on_the_async_client() -> None:
    """`with` says that the blocking client is in the other package."""
    client: Any = periskope_async.PeriskopeClient("key")
    with pytest.raises(TypeError, match=r"'async with'; for 'with' there is periskope_sync\.PeriskopeClient"), client:
        pass


async def test_async_with_on_the_blocking_client() -> None:
    """`async with` says that the async client is in the other package."""
    client: Any = periskope_sync.PeriskopeClient("key")
    with pytest.raises(TypeError, match=r"'with'; for 'async with' there is periskope_async\.PeriskopeClient"):
        async with client:
            pass


@each_of("client", CLIENTS)
@each_of(
    ("option", "cure"),
    [
        ("max_retries", r"did you mean 'retries'\?"),
        ("token", r"did you mean 'api_key'\?"),
        ("time_out", r"did you mean 'timeout'\?"),
        ("xyz", "there are api_key, base_url, "),
    ],
)
def test_option_of_another_name(client: Any, option: str, cure: str) -> None:
    """An option that other clients have says what it is called here, and nobody shows its value."""
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{option}'; {cure}") as caught:
        client(**{option: "CANARY"})
    frame = caught.value.__traceback__
    frame = frame and frame.tb_next
    while frame is not None:
        assert "CANARY" not in repr(frame.tb_frame.f_locals)
        frame = frame.tb_next


def test_session_of_the_blocking_client() -> None:
    """What the other client alone has is not proposed."""
    client: Any = periskope_sync.PeriskopeClient
    with pytest.raises(TypeError, match=r"'http_client'; there are "):
        client("key", http_client=None)


@pytest.mark.parametrize(
    ("key", "cure"),
    [
        ("Bearer abc", "without the word 'Bearer'"),
        (" bearer  abc\n", "without the word 'Bearer'"),
        ("abc\ndef", "a line break or a blank in its middle"),
        ("abc def", "a line break or a blank in its middle"),
    ],
)
def test_key_with_something_else(key: str, cure: str) -> None:
    """A key that came with its header's word, or with another line, is refused with what to take away."""
    with pytest.raises(ConfigurationError, match=cure) as caught:
        periskope_async.PeriskopeClient(key)
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("key", ["Bearer", "bearer-abc", "Bearerabc"])
def test_key_that_only_looks_like_it(key: str) -> None:
    """A key that is one word is a key, whatever it begins with."""
    periskope_async.PeriskopeClient(key)


# -- calls ------------------------------------------------------------------------------------------------------------


async def test_many_ids_for_one(fake: FakePeriskope) -> None:
    """`get` with a list says what takes many, and sends nothing."""
    ids: Any = ["BKT-001", "BKT-002"]
    async with fake.client() as client:
        with pytest.raises(ConfigurationError, match=r"ticket_id: expected one id as text, got list; .* get_many"):
            await client.tickets.get(ids)
    assert fake.calls == 0


#: What is for `async with`, by what its message says.
ENTERED: list[tuple[Callable[[Any], Any], str]] = [
    (lambda client: client.tickets.stream(["BKT-001"]), r"'async with client\.tickets\.stream\(ids\) as results:'"),
    (lambda client: client.tickets.watch(), r"'async with client\.tickets\.watch\(\) as changes:'"),
    (lambda client: client.events(), r"'async with client\.events\(\) as events:'"),
]


@pytest.mark.parametrize(("make", "cure"), ENTERED)
async def test_what_is_not_entered(fake: FakePeriskope, make: Callable[[Any], Any], cure: str) -> None:
    """A stream, watch or live events taken for an iterator, awaited, or entered by `with`, say how they are used."""
    async with fake.client() as client:
        made = make(client)
        with pytest.raises(TypeError, match=cure):
            async for _ in made:
                pass
        with pytest.raises(TypeError, match=cure):
            await made
        for wrong in (iter, next, anext):
            with pytest.raises(TypeError, match=cure):
                wrong(made)
        with pytest.raises(TypeError, match=cure), made:
            pass
        assert re.fullmatch(rf"<.* entered first: {cure}, then .*>", repr(made))
    assert fake.calls == 0


@pytest.mark.parametrize(("make", "cure"), ENTERED)
def test_what_is_not_entered_without_await(fake: FakePeriskope, make: Callable[[Any], Any], cure: str) -> None:
    """Their blocking twins say the same without `async`."""
    cure = cure.replace("async ", "")

    async def enter(made: Any) -> None:
        async with made:
            pass

    with periskope_sync.PeriskopeClient(fake.api_key, base_url=fake.base_url) as client:
        made = make(client)
        for wrong in (list, next):
            with pytest.raises(TypeError, match=cure):
                wrong(made)
        with pytest.raises(TypeError, match=cure):
            asyncio.run(enter(made))
        assert re.fullmatch(rf"<.* entered first: {cure}, then .*>", repr(made))
    assert fake.calls == 0


async def test_stream_that_was_taken_for_something_else(fake: FakePeriskope) -> None:
    """After a refusal, a stream can still be entered."""
    async with fake.client() as client:
        stream: Any = client.tickets.stream(["BKT-001"])
        with pytest.raises(TypeError):
            iter(stream)
        async with stream as results:
            assert [item.id async for item in results] == ["BKT-001"]


@each_of(
    ("client", "method", "cure"),
    [
        (periskope_async.PeriskopeClient("key"), "close", r"periskope_async\..* use 'await client\.aclose\(\)'"),
        (periskope_sync.PeriskopeClient("key"), "aclose", r"periskope_sync\..* use 'client\.close\(\)'"),
    ],
)
def test_closing_as_the_other_client_is_closed(client: Any, method: str, cure: str) -> None:
    """`close` on the async client and `aclose` on the blocking one say the other name, and are not there otherwise."""
    with pytest.raises(AttributeError, match=cure) as caught:
        getattr(client, method)
    assert (caught.value.name, caught.value.obj) == (method, client)
    assert method not in dir(client)
    assert {"close", "aclose"} & set(dir(client))


async def test_age_below_zero(fake: FakePeriskope) -> None:
    """Where 0 is allowed, the message says so."""
    async with fake.client() as client:
        with pytest.raises(ConfigurationError, match=r"max_age: .* 0 or more$"):
            await client.tickets.get("BKT-001", max_age=-1)
    assert fake.calls == 0


# -- webhooks ---------------------------------------------------------------------------------------------------------


@each_of(
    ("use", "cure"),
    [
        (lambda: webhooks.parse(b"{}", None, "key"), r"headers: .* such as request\.headers, got NoneType"),
        (lambda: webhooks.parse(b"{}", "abc", "key"), r"headers: .* got str"),
        (lambda: webhooks.parse(b"{}", [], "key"), r"headers: .* got list"),
        (lambda: webhooks.verify(b"{}", b"abc", "key"), r"signature: .* got bytes"),
        (lambda: webhooks.Seen().add("x"), r"event: expected an Event, as webhooks\.parse returns it, got str"),
        (lambda: webhooks.Seen().discard(None), r"event: expected an Event, .* got NoneType"),
    ],
)
def test_something_else_for_a_delivery(use: Any, cure: str) -> None:
    """What is no mapping, no text, no event says what was expected, and where it is found."""
    with pytest.raises(TypeError, match=cure):
        use()


# -- lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("filters", [{}, {"status": "open"}])
async def test_list_taken_for_something_else(fake: FakePeriskope, filters: dict[str, Any]) -> None:
    """`for` over a list, and `await` of one, say how it is read, and send nothing."""
    async with fake.client() as client:
        rows: Any = client.tickets.list(**filters)
        with pytest.raises(TypeError, match=r"cannot be read with 'for': .*'async for row in \.\.\.list\(\)'"):
            list(rows)
        with pytest.raises(TypeError, match=r"cannot be awaited: .*'await \.\.\.list_page\(\)'"):
            await rows
    assert fake.calls == 0


async def test_list_is_an_async_generator() -> None:
    """A list can be stepped through, thrown into and closed as any async generator."""
    async with FakePeriskope(tickets=3) as fake, fake.client() as client:
        rows: Any = client.tickets.list()
        assert (await anext(rows)).ticket_id != (await rows.asend(None)).ticket_id
        with pytest.raises(KeyError, match="ours"):
            await rows.athrow(KeyError("ours"))
        with pytest.raises(KeyError, match="ours"):
            await client.tickets.list().athrow(KeyError, KeyError("ours"), KeyError().__traceback__)
        await rows.aclose()
        assert [row async for row in rows] == []


# -- data frames ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("convert", "library"),
    [(frames.to_pandas, "pandas"), (frames.to_polars, "polars"), (frames.to_arrow, "pyarrow")],
)
def test_frame_without_its_library(
    convert: Callable[..., object], library: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A library that is not there is named with the command that brings it; one that is broken speaks for itself."""
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    for name in [name for name in sys.modules if name.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ModuleNotFoundError, match=f"{library} is not installed.*: pip install {library}$"):
        convert([], {})
    (tmp_path / f"{library}.py").write_text("import a_part_of_it")
    invalidate_caches()
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'a_part_of_it'$"):
        convert([], {})
