"""The knowledge base, filled and read against the fake service."""

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from periskope_async import (
    ConfigurationError,
    DecodeError,
    KbType,
    Media,
    NotFoundError,
    PeriskopeClient,
    Progress,
    TransportError,
    UnexpectedResponseError,
    Unset,
)
from periskope_async._sansio.upload import PIECE
from periskope_async.testing import Assumptions, FakePeriskope, Fault, Reply
from tests.support import swallowing, traced

JSON = (("Content-Type", "application/json"),)
TEXT = b"All about parcels. " * 100


async def test_faqs(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A question is added, read, changed, listed, and deleted for good."""
    base = client.knowledge_base
    name = await base.create_faq("Where?", "At the desk.", attachments=["https://example.com/a.png"])
    assert fake.requests[0].json() == {
        "answer": "At the desk.",
        "question": "Where?",
        "attachments": ["https://example.com/a.png"],
    }
    item = await base.get_faq(name)
    assert (item.type, item.question, item.attachments) == (KbType.FAQ, "Where?", ["https://example.com/a.png"])
    assert item.to_dict() == fake.knowledge_base.get(name)
    changed = await base.update_faq(name, "Where?", "Upstairs.")
    assert (changed.answer, changed.attachments, changed.context_id) == ("Upstairs.", item.attachments, name)
    assert [each.context_id async for each in base.list(type="faq", limit=1)] == [name]
    await base.delete_faq(name)
    assert name not in fake.knowledge_base.ids
    for call in (base.get_faq(name), base.update_faq(name, "a", "b"), base.delete_faq(name)):
        with pytest.raises(NotFoundError, match="Faq not found") as caught:
            await call
        assert (caught.value.resource, caught.value.resource_id) == ("faq", name)


async def test_list(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A walk comes by every item once; a page, which numbers no rows, has those that were asked for."""
    items = [item async for item in client.knowledge_base.list(page_size=2)]
    assert [item.context_id for item in items] == [*reversed(fake.knowledge_base.ids)]
    page = await client.knowledge_base.list_page(type=KbType.DOCUMENT, offset=1, limit=5)
    assert (page.rows, page.count, page.first, page.last) == ((items[1],), 2, None, None)
    fake.faults.add(Fault.HOLLOW, operation="knowledge_base.list")
    with pytest.raises(UnexpectedResponseError, match="not a page of data"):
        await client.knowledge_base.list_page()


@pytest.mark.parametrize("assumptions", [None, Assumptions(documents="object")], ids=["array", "object"])
async def test_documents(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A document is sent in base64 and split into chunks, whichever of two forms the service answers in; then gone."""
    base = client.knowledge_base
    (made,) = await base.create_document(content=TEXT, filename="parcels.txt")
    sent = fake.requests[0].json()["document"]
    assert (base64.b64decode(sent["base64"]), sent["filename"], len(sent)) == (TEXT, "parcels.txt", 2)
    assert (made.file_name, made.chunks_count) == ("parcels.txt", 2)
    name = str(made.document_id)
    chunks = await base.get_document(name)
    assert {(chunk.document_id, chunk.type) for chunk in chunks} == {(name, KbType.DOCUMENT)}
    assert TEXT.decode().startswith("".join(str(chunk.answer) for chunk in chunks))
    assert [item.document_id async for item in base.list(type="document", limit=2)] == [name, name]
    with pytest.raises(NotFoundError):
        await base.get_faq(chunks[0].context_id)
    await base.delete_document(name)
    for call in (base.get_document(name), base.delete_document(name)):
        with pytest.raises(NotFoundError, match="Document not found") as caught:
            await call
        assert (caught.value.resource, caught.value.resource_id) == ("document", name)


async def test_documents_by_path_and_by_url(fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path) -> None:
    """A file is read when it is sent; one by URL is not sent at all. Either has its own name, unless it is said."""
    path = tmp_path / "a.pdf"
    path.write_bytes(TEXT)
    await client.knowledge_base.create_document(content=path)
    await client.knowledge_base.create_document(url="https://example.com/b.pdf?x=1")
    (made,) = await client.knowledge_base.create_document(url="https://example.com/b.pdf", filename="c.pdf")
    first, second, third = (request.json()["document"] for request in fake.requests)
    assert (first["filename"], base64.b64decode(first["base64"])) == ("a.pdf", TEXT)
    assert second == {"filename": "b.pdf", "url": "https://example.com/b.pdf?x=1"}
    assert (third["filename"], made.file_name) == ("c.pdf", "c.pdf")


@pytest.mark.slow
@pytest.mark.parametrize("progress", [False, True])
async def test_a_document_is_held_by_nobody(tmp_path: Path, *, progress: bool) -> None:
    """Sixty megabytes from a disk take no more memory than six do: some pieces, and never the file."""
    path, peaks = tmp_path / "a.pdf", list[int]()
    for size in (6_000_000, 60_000_000):
        path.write_bytes(bytes(size))
        made = b'[{"file_name": "a.pdf", "document_id": "d"}]'
        async with swallowing(made) as swallowed, PeriskopeClient("key", base_url=swallowed.url) as client:
            _ = client.knowledge_base
            with traced() as peak:
                await client.knowledge_base.create_document(content=path, progress=progress)
        assert swallowed.bytes > size * 4 // 3
        peaks.append(peak())
    assert max(peaks) < 10 * PIECE
    assert peaks[1] < peaks[0] + PIECE


@pytest.mark.parametrize("size", [10, 3 * PIECE + 10])
async def test_how_far_a_document_is_sent(
    fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path, size: int
) -> None:
    """Its bytes are counted up to the last, whether it is small or large; of one by URL there is nothing to count."""
    path, seen = tmp_path / "a.txt", list[Progress]()
    path.write_bytes(b"x" * size)
    await client.knowledge_base.create_document(content=path, on_progress=seen.append)
    assert base64.b64decode(fake.requests[0].json()["document"]["base64"]) == path.read_bytes()
    counted = [each.done for each in seen]
    assert counted == sorted(counted)
    assert {*range(0, size, PIECE), size} - {*counted} <= {0}
    assert {(each.total, each.failed, each.in_flight, each.unit) for each in seen} == {(size, 0, 0, "bytes")}
    assert (seen[-1].done, seen[-1].eta) == (size, 0)
    await client.knowledge_base.create_document(url="https://example.com/a.pdf", on_progress=seen.append)
    assert len(seen) == len(counted)


async def test_a_document_is_counted_anew_when_it_is_sent_anew(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """A document that was refused for a while is sent whole once more, and counted from its beginning."""
    content, seen = bytes(2 * PIECE), list[int]()
    fake.faults.add(Fault.STATUS_429, times=1)
    await client.knowledge_base.create_document(
        content=content, filename="a", on_progress=lambda now: seen.append(now.done)
    )
    assert (fake.counts[Fault.STATUS_429], seen.count(PIECE), seen[-1]) == (1, 2, 2 * PIECE)
    assert len(base64.b64decode(fake.requests[-1].json()["document"]["base64"])) == 2 * PIECE


async def test_a_report_that_raises_ends_the_call(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """What `on_progress` raises comes out as it is, and the document was not added."""

    def fail(now: Progress) -> None:
        if now.done:
            raise LookupError("enough")

    before = fake.knowledge_base.count
    with pytest.raises(LookupError, match="enough"):
        await client.knowledge_base.create_document(content=bytes(3 * PIECE), filename="a", on_progress=fail)
    assert (fake.knowledge_base.count, fake.calls) == (before, 0)


@pytest.mark.parametrize("change", ["shorter", "longer", "gone"])
async def test_a_document_that_changes_meanwhile(
    fake: FakePeriskope, client: PeriskopeClient, tmp_path: Path, change: str
) -> None:
    """A file that is cut, grows or cannot be read while it is sent was certainly not added, and the error says why."""
    path, before = tmp_path / "a.txt", fake.knowledge_base.count
    path.write_bytes(bytes(3 * PIECE))

    def meddle(now: Progress) -> None:
        if now.done == PIECE:
            with path.open("r+b") as file:
                file.truncate({"shorter": 2, "longer": 5, "gone": 2}[change] * PIECE)

    def gone(media: Media) -> Iterator[bytes]:
        yield bytes(PIECE)
        yield from Media.pieces(media.from_path(path.with_name("gone.txt"), filename="a"))

    with pytest.MonkeyPatch.context() as patch:
        if change == "gone":
            patch.setattr(Media, "pieces", gone)
        with pytest.raises(ConfigurationError, match="cannot read" if change == "gone" else "changed") as caught:
            await client.knowledge_base.create_document(content=path, on_progress=meddle)
    assert (caught.value.maybe_sent, fake.knowledge_base.count, fake.calls) == (False, before, 0)


@pytest.mark.parametrize(
    ("method", "arguments", "message"),
    [
        ("create_document", {}, "url, content: expected one of them"),
        ("create_document", {"url": "https://example.com/a", "content": b"x"}, "url, content: expected one of them"),
        ("create_document", {"url": "a.pdf"}, "url: expected one that begins"),
        ("create_document", {"content": b"x"}, "filename: bytes have none"),
        ("create_document", {"content": b"", "filename": "a"}, "content: is empty"),
        ("create_document", {"content": "text", "filename": "a"}, "content: expected bytes, got str"),
        ("create_document", {"content": Path("/nowhere/a.pdf")}, "path: cannot read 'a.pdf'"),
        ("create_document", {"content": b"x", "filename": ""}, "filename: is empty"),
        ("create_faq", {"question": "", "answer": "a"}, "question: is empty"),
        ("create_faq", {"question": "q", "answer": None}, "answer: expected text"),
        ("create_faq", {"question": Unset.UNSET, "answer": "a"}, "question: is empty"),
        ("create_faq", {"question": "q", "answer": "a", "attachments": "u"}, "attachments: expected several"),
        ("update_faq", {"context_id": ".", "question": "q", "answer": "a"}, "context_id: "),
        ("list_page", {"type": ""}, "type: is empty"),
        ("list_page", {"limit": 0}, "limit: "),
    ],
)
async def test_bad_items_are_refused(
    fake: FakePeriskope, client: PeriskopeClient, method: str, arguments: dict[str, Any], message: str
) -> None:
    """What cannot be an item is refused before anything is sent, by name."""
    with pytest.raises(ConfigurationError, match=message):
        await getattr(client.knowledge_base, method)(**arguments)
    assert fake.calls == 0


@pytest.mark.parametrize("method", ["create_faq", "create_document"])
async def test_items_are_added_once(fake: FakePeriskope, client: PeriskopeClient, method: str) -> None:
    """An item whose answer is lost is not added again; its error says that it may have been."""
    fake.faults.add(Fault.FIN, operation=f"knowledge_base.{method}")
    arguments = {"question": "q", "answer": "a"} if method == "create_faq" else {"url": "https://example.com/a"}
    with pytest.raises(TransportError) as caught:
        await getattr(client.knowledge_base, method)(**arguments)
    assert (caught.value.maybe_sent, fake.counts[Fault.FIN], fake.calls) == (True, 1, 1)


@pytest.mark.parametrize("method", ["delete_faq", "delete_document"])
async def test_a_deletion_may_be_repeated(fake: FakePeriskope, client: PeriskopeClient, method: str) -> None:
    """A deletion whose answer is lost, and that then finds nothing, has succeeded."""
    faq, *_, chunk = map(fake.knowledge_base.get, fake.knowledge_base.ids)
    name = faq["context_id"] if method == "delete_faq" else chunk["document_id"]
    fake.faults.add(Fault.RESET_DURING, times=1, operation=f"knowledge_base.{method}")
    await getattr(client.knowledge_base, method)(name)
    assert (fake.counts[Fault.RESET_DURING], fake.calls) == (1, 2)


@pytest.mark.parametrize("method", ["get_faq", "get_document"])
async def test_another_item_is_not_the_one(fake: FakePeriskope, client: PeriskopeClient, method: str) -> None:
    """An answer about another question, or another document, is an error."""
    other = b'{"context_id": "ai-context-x", "document_id": "another"}'
    fake.answer(lambda _: Reply(200, other, JSON))
    with pytest.raises(UnexpectedResponseError, match=r"another (faq|document)"):
        await getattr(client.knowledge_base, method)("one")


async def test_what_says_nothing_of_a_document(fake: FakePeriskope, client: PeriskopeClient) -> None:
    """An answer that names no file says nothing of a document; one that says why it was not added is an answer."""
    fake.answer(lambda _: Reply(200, b'{"success": false}', JSON))
    with pytest.raises(DecodeError, match="file_name"):
        await client.knowledge_base.create_document(url="https://example.com/a")
    refused = b'[{"file_name": "a", "status": "failed", "reason": "too large"}]'
    fake.answer(lambda _: Reply(200, refused, JSON))
    (result,) = await client.knowledge_base.create_document(url="https://example.com/a")
    assert (result.document_id, result.status, result.reason) == (None, "failed", "too large")


def test_without_await() -> None:
    """The blocking client has the same knowledge."""
    with FakePeriskope(5) as fake, fake.sync_client() as client:
        base = client.knowledge_base
        name = base.create_faq("q", "a")
        assert base.update_faq(name, "q", "b") == base.get_faq(name) == next(iter(base.list()))
        assert base.list_page().rows[0].context_id == name
        base.delete_faq(name)
        (made,) = base.create_document(content=b"x", filename="x.txt")
        assert [chunk.answer for chunk in base.get_document(str(made.document_id))] == ["x"]
        base.delete_document(str(made.document_id))
        assert fake.knowledge_base.count == 3
