"""What the AI agent of the organisation knows: questions with answers, and documents."""

import os
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import nullcontext
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import Final, Literal

from periskope_async._codec.converter import prepare
from periskope_async._io.caller import Caller
from periskope_async._io.paging import walk
from periskope_async._progress import shown
from periskope_async._sansio.arguments import as_one_of, as_rows, as_text, as_texts
from periskope_async._sansio.operation import Operation, Request, about_another, no_page
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.bulk import Progress
from periskope_async.errors import ConfigurationError, PeriskopeError
from periskope_async.models.knowledge_base import FaqCreated, KbDocumentCreated, KbItem, KbPage, KbType
from periskope_async.resources._files import Upload, with_media
from periskope_async.sending import Media

__all__ = ["KnowledgeBase"]

#: Rows of a page. Neither the service's default nor its maximum is documented.
_PAGE_SIZE: Final = 50

Type = KbType | Literal["faq", "document"]


def _id_of(item: KbItem) -> str:
    return item.context_id


def _of_another_document(request: Request[tuple[KbItem, ...]], chunks: tuple[KbItem, ...]) -> str | None:
    asked = str(request.resource_id).strip().casefold()
    names = {chunk.document_id.casefold() for chunk in chunks if chunk.document_id is not None}
    return "the body is of another document" if names - {asked} else None


_FAQ: Final = "/knowledge-base/faq/{context_id}"
_DOCUMENT: Final = "/knowledge-base/document/{document_id}"
_another: Final = about_another(_id_of)

LIST = Operation("knowledge_base.list", "GET", "/knowledge-base", KbPage, idempotent=True, mismatch=no_page("data"))
GET_FAQ = Operation("knowledge_base.get_faq", "GET", _FAQ, KbItem, idempotent=True, mismatch=_another, resource="faq")
# The client's types say an array, the page shows one object.
GET_DOCUMENT = Operation(
    "knowledge_base.get_document",
    "GET",
    _DOCUMENT,
    tuple[KbItem, ...],
    idempotent=True,
    lone=True,
    mismatch=_of_another_document,
)
CREATE_FAQ = Operation("knowledge_base.create_faq", "POST", "/knowledge-base/faq/create", FaqCreated, idempotent=False)
CREATE_DOCUMENT = Operation(
    "knowledge_base.create_document",
    "POST",
    "/knowledge-base/document/create",
    tuple[KbDocumentCreated, ...],
    idempotent=False,
    lone=True,
)
UPDATE_FAQ = Operation(
    "knowledge_base.update_faq", "PATCH", _FAQ, KbItem, idempotent=True, mismatch=_another, resource="faq"
)
DELETE_FAQ: Operation[None] = Operation(
    "knowledge_base.delete_faq", "DELETE", _FAQ, None, idempotent=True, resource="faq"
)
DELETE_DOCUMENT: Operation[None] = Operation(
    "knowledge_base.delete_document", "DELETE", _DOCUMENT, None, idempotent=True
)


class KnowledgeBase:
    """What the AI agent of the organisation knows: questions, and documents. Reached as `client.knowledge_base`."""

    def __init__(self, caller: Caller) -> None:
        prepare(KbItem)
        self._caller = caller

    def list(
        self,
        *,
        type: Type | Unset = UNSET,  # noqa: A002  # the API's word
        page_size: int = _PAGE_SIZE,
        limit: int | None = None,
    ) -> AsyncGenerator[KbItem, None]:
        """Walk all items, each once, even while others come and go; as `Tickets.list`.

        Args:
            type: faq or document, for these alone.
            page_size: rows asked for at a time; how many the service allows is not documented.
            limit: rows to yield at most; None for all.

        Raises:
            ConfigurationError: `page_size` or `limit` is below 1; nothing was sent.
            PeriskopeError: as for `Tickets.get`; rows already read stay read.
        """
        fetch = partial(self.list_page, type=type)
        return walk(fetch, attrgetter("context_id"), page_size=page_size, limit=limit)

    async def list_page(
        self,
        *,
        type: Type | Unset = UNSET,  # noqa: A002  # the API's word
        offset: int = 0,
        limit: int = _PAGE_SIZE,
    ) -> KbPage:
        """Return one page of the items: questions, and chunks of documents.

        API: `GET /knowledge-base`

        Args:
            type: faq or document, for these alone.
            offset: the first row, counted from 0.
            limit: how many rows at most; the service's maximum is not documented.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `Tickets.get`.
        """
        query = {"type": as_one_of("type", type, KbType), **as_rows(offset, limit)}
        return await self._caller.call(LIST.request(query=query))

    async def get_faq(self, context_id: str) -> KbItem:
        """Return a question with its answer.

        API: `GET /knowledge-base/faq/{context_id}`, https://docs.periskope.app/api-reference/knowledge-base/get-faq-by-id

        Raises:
            ConfigurationError: the id cannot be one; nothing was sent.
            NotFoundError: the service knows no such question.
            PeriskopeError: as for `Tickets.get`.
        """
        return await self._caller.call(GET_FAQ.request(context_id=context_id))

    async def get_document(self, document_id: str) -> tuple[KbItem, ...]:
        """Return the chunks of a document.

        API: `GET /knowledge-base/document/{document_id}`,
        https://docs.periskope.app/api-reference/knowledge-base/get-document-by-id

        Raises:
            ConfigurationError: the id cannot be one; nothing was sent.
            NotFoundError: the service knows no such document.
            PeriskopeError: as for `Tickets.get`.
        """
        return await self._caller.call(GET_DOCUMENT.request(document_id=document_id))

    async def create_faq(self, question: str, answer: str, *, attachments: Iterable[str] | Unset = UNSET) -> str:
        """Add a question with its answer, and return its `context_id`.

        It is sent again only if the first cannot have arrived. An error whose `maybe_sent` is True leaves open whether
        it was added.

        API: `POST /knowledge-base/faq/create`

        Args:
            question: the question.
            answer: the answer.
            attachments: URLs.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `Tickets.create`.
        """
        made = await self._caller.call(CREATE_FAQ.request(body=_faq(question, answer, attachments)))
        return made.context_id

    async def update_faq(
        self, context_id: str, question: str, answer: str, *, attachments: Iterable[str] | Unset = UNSET
    ) -> KbItem:
        """Change a question and its answer, and return them as they then are.

        API: `PATCH /knowledge-base/faq/{context_id}`,
        https://docs.periskope.app/api-reference/knowledge-base/update-faq

        Args:
            context_id: its id.
            question: the question; the vendor's types demand it, changed or not.
            answer: the answer; likewise.
            attachments: URLs.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            NotFoundError: the service knows no such question.
            PeriskopeError: as for `get_faq`.
        """
        body = _faq(question, answer, attachments)
        return await self._caller.call(UPDATE_FAQ.request(context_id=context_id, body=body))

    async def create_document(
        self,
        *,
        url: str | None = None,
        content: bytes | os.PathLike[str] | None = None,
        filename: str | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
    ) -> tuple[KbDocumentCreated, ...]:
        """Add a document, which the service splits into chunks, and return what became of it.

        A success says that the service has read it, and not that it was of use: see `document_id` and `reason`. It is
        sent again only if the first cannot have arrived.

        API: `POST /knowledge-base/document/create`,
        https://docs.periskope.app/api-reference/knowledge-base/create-document

        Args:
            url: where the service fetches it.
            content: its bytes, or the path of a file, which is read, encoded and sent piece by piece: nothing holds it
                whole. In base64 it is a third larger: prefer `url` for large ones.
            filename: its name; found by the path or the URL where left out.
            on_progress: called as the file is sent, in the thread of the call, with its bytes: `total` and `done`. If
                it has to be sent anew, `done` begins anew. Not called for a `url`. What it raises ends the call.
            progress: show a bar in a terminal or a notebook, and nothing elsewhere; as for `Tickets.get_many`.

        Raises:
            ConfigurationError: there is neither `url` nor `content`, or both, or an argument is unusable; nothing was
                sent. Or the file was changed, or could not be read on, while it was sent: then the service got a part
                of it, which it cannot add.
            PeriskopeError: as for `Tickets.create`.
        """
        media = _document(url, content, filename)
        source = {"base64": ""} if media.url is None else {"url": media.url}
        request = CREATE_DOCUMENT.request(body={"document": {"filename": media.filename, **source}})
        bar = shown(on_progress, lambda: None) if progress else nullcontext(on_progress)
        with bar as report:
            upload = Upload(report)
            try:
                made = await self._caller.call(await with_media(request, media, upload))
            except PeriskopeError:
                if upload.failure is not None:
                    raise upload.failure from None
                raise
            upload.finish()
        return made

    async def delete_faq(self, context_id: str) -> None:
        """Delete a question with its answer.

        API: `DELETE /knowledge-base/faq/{context_id}`

        Raises:
            PeriskopeError: as for `get_faq`.
        """
        await self._caller.call(DELETE_FAQ.request(context_id=context_id))

    async def delete_document(self, document_id: str) -> None:
        """Delete a document: all its chunks, and the file that the service keeps.

        API: `DELETE /knowledge-base/document/{document_id}`

        Raises:
            PeriskopeError: as for `get_document`.
        """
        await self._caller.call(DELETE_DOCUMENT.request(document_id=document_id))


def _faq(question: str, answer: str, attachments: Iterable[str] | Unset) -> dict[str, object]:
    fields: dict[str, object] = {
        "answer": as_text("answer", answer),
        "question": as_text("question", question),
        "attachments": as_texts("attachments", attachments),
    }
    unset = next((name for name in ("question", "answer") if fields[name] is UNSET), None)
    if unset:
        raise ConfigurationError(f"{unset}: is empty")
    return fields


def _document(url: str | None, content: bytes | os.PathLike[str] | None, filename: str | None) -> Media:
    if (url is None) == (content is None):
        raise ConfigurationError("url, content: expected one of them")
    # A document has no MIME type in this API; this one stands for whichever it is.
    mimetype = "application/octet-stream"
    if url is not None:
        return Media.from_url(url, filename=filename, mimetype=mimetype)
    if isinstance(content, os.PathLike):
        return Media.from_path(Path(content), filename=filename, mimetype=mimetype)
    if filename is None:
        raise ConfigurationError("filename: bytes have none; pass it")
    return Media.from_bytes(content, filename=filename, mimetype=mimetype)  # type: ignore[arg-type]  # None is excluded above
