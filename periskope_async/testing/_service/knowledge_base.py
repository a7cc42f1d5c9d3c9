"""The operations on the knowledge base. It must not know sockets, faults or rate limits."""

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final, cast
from urllib.parse import urlsplit

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import ORG_ID, lettered, made_id
from periskope_async.testing._service.answers import Answer, not_found
from periskope_async.testing._service.assumptions import Assumptions
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import REQUIRED_TEXT, TEXT, TEXTS, Body, Field, one_of
from periskope_async.testing._service.made_up.conversations import moment
from periskope_async.testing._service.operations import PAGING, page, read
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State

__all__ = ["DOCUMENTS", "FAQS", "ROUTES", "knowledge_base"]

#: How much text a chunk holds. How the service splits documents is not documented.
_CHUNK: Final = 1000  # characters
_EMBEDDING: Final = "[0.007811843,0.023783164,0.029483568]"


def _context_id(number: int) -> str:
    return f"ai-context-{lettered(number, 15)}"


FAQS: Final = Resource(
    name="faq",
    plural="knowledge_base",
    rows_key="data",
    id_key="context_id",
    text_key="answer",
    example_id=_context_id(0),
    other_id=_context_id(10**14),
    unknown_values={"type": "hologram"},
    row_of=lambda item, _: item,
)
#: What a path calls by the id of a document; its chunks lie with the questions.
DOCUMENTS: Final = Resource(
    name="document",
    plural="knowledge_base",
    id_key="document_id",
    text_key="answer",
    example_id=made_id("document", 0, 0),
    other_id="00000000-0000-4000-8000-00000000ffff",
    unknown_values={"type": "hologram"},
    row_of=lambda item, _: item,
)


def knowledge_base(state: State) -> Objects:
    """The items there are from the start: a question, and a document of two chunks."""

    def make() -> Mapping[str, Json]:
        question = _item(0, moment(0), "faq", "How do I connect WhatsApp?", "By scanning the QR code in Settings.")
        text = "A parcel is brought within three days. " * 30
        chunks = _chunks(made_id("document", state.seed, 0), "parcels.txt", text, 1, moment(1))
        return {item["context_id"]: item for item in (question, *chunks)}

    return Objects(FAQS, MadeOnce(FAQS, make), state.lock, state.timestamp)


def _item(number: int, timestamp: str, kind: str, question: str, answer: str, **more: Any) -> Json:
    return {
        "context_id": _context_id(number),
        "org_id": ORG_ID,
        "type": kind,
        "question": question,
        "answer": answer,
        "attachments": None,
        "embedding": _EMBEDDING,
        "metadata": None,
        "document_id": None,
        "created_at": timestamp,
        **more,
    }


def _chunks(document_id: str, filename: str, text: str, first: int, timestamp: str) -> Iterable[Json]:
    parts = [text[start : start + _CHUNK] for start in range(0, len(text), _CHUNK)] or [""]
    for number, part in enumerate(parts):
        metadata = {"fileName": filename, "filePath": _path(document_id, filename), "tokenCount": len(part.split())}
        question = f"Document: {filename} - Chunk {number + 1}"
        more = {"document_id": document_id, "metadata": metadata}
        yield _item(first + number, timestamp, "document", question, part, **more)


def _path(document_id: str, filename: str) -> str:
    return f"org-assets/{ORG_ID}/ai_assets/documents/{document_id}/{filename}"


def _next(call: Call) -> int:
    """A number that no item has. Those from the start have the first three."""
    return 3 + len(call.objects.put_ids())


def _is(call: Call, name: str, kind: str) -> bool:
    return call.objects.body(name) is not None and call.objects.get(name).get("type") == kind


def _of_document(call: Call) -> list[str]:
    names = call.objects.ids()
    return [name for name in names if call.objects.get(name).get("document_id") == call.resource_id]


def _list(call: Call) -> Answer:
    kind = call.query.get("type")
    return page(call, None if kind is None else lambda name: call.objects.get(name).get("type") == kind, numbered=False)


def _get_faq(call: Call) -> Answer:
    return read(call) if _is(call, call.resource_id, "faq") else not_found("faq")


def _create_faq(call: Call) -> Answer:
    body, state = call.body, call.state
    with state.lock:
        item = _item(_next(call), state.timestamp(), "faq", body["question"], body["answer"])
        item["attachments"] = body.get("attachments") or None
        call.objects.put(item)
    return Answer(200, dumps({"context_id": item["context_id"]}))


def _update_faq(call: Call) -> Answer:
    with call.state.lock:
        if not _is(call, call.resource_id, "faq"):
            return not_found("faq")
        fields = ("question", "answer", "attachments")
        sent = {key: call.body[key] for key in fields if call.body.get(key)}
        call.objects.change(call.resource_id, **sent, updated_at=call.state.timestamp())
        return read(call)


def _delete_faq(call: Call) -> Answer:
    with call.state.lock:
        if not _is(call, call.resource_id, "faq"):
            return not_found("faq")
        call.objects.remove(call.resource_id)
    return Answer(200, dumps({"context_id": call.resource_id}))


def _get_document(call: Call) -> Answer:
    chunks = [call.objects.get(name) for name in _of_document(call)]
    if not chunks:
        return not_found("document")
    return Answer(200, dumps(chunks if call.state.assumptions.documents == "array" else chunks[0]))


def _create_document(call: Call) -> Answer:
    state, document = call.state, call.body["document"]
    url = document.get("url") or ""
    filename = document.get("filename") or urlsplit(url).path.rpartition("/")[2] or "document"
    # A file by URL is not fetched: where it lies stands for what is in it.
    text = url or b64decode(document["base64"]).decode("utf-8", "replace")
    with state.lock:
        document_id = made_id("document", f"{state.seed} made", len(call.objects.put_ids()))
        chunks = list(_chunks(document_id, filename, text, _next(call), state.timestamp()))
        for chunk in chunks:
            call.objects.put(chunk)
    made = {"file_name": filename, "document_id": document_id, "file_path": _path(document_id, filename)}
    made["chunks_count"] = len(chunks)
    if state.assumptions.documents == "object":
        return Answer(201, dumps(made))
    # Which words `status` knows is not documented.
    return Answer(200, dumps([made | {"status": "success", "reason": ""}]))


def _delete_document(call: Call) -> Answer:
    with call.state.lock:
        names = _of_document(call)
        if not names:
            return not_found("document")
        for name in names:
            call.objects.remove(name)
    return Answer(200, dumps({"document_id": call.resource_id}))


def _is_document(value: Any, _: Assumptions) -> str:
    document = cast("Json", value if isinstance(value, dict) else {})
    if not all(isinstance(document.get(key, ""), str) for key in ("url", "base64", "filename")):
        return "Expected url, base64 and filename as strings"
    if not (document.get("url") or document.get("base64")):
        return "Expected url or base64"
    try:
        urlsplit(document.get("url") or "")
    except ValueError:
        return "Expected a URL"
    # As the pattern below says it, which takes many times the memory of a large file. What b64decode takes
    # beyond that differs between versions of Python.
    text: str = document.get("base64") or ""
    return "" if len(text) % 4 == 0 and re.fullmatch("[0-9A-Za-z+/]*={0,2}", text) else "Expected base64"


_TEXT: Final = {"type": "string"}
_DOCUMENT: Final = Field(
    {
        "type": "object",
        "properties": {
            "url": {"type": "string", "format": "uri"},
            "base64": {"type": "string", "pattern": "^([0-9A-Za-z+/]{4})*([0-9A-Za-z+/]{2}==|[0-9A-Za-z+/]{3}=)?$"},
            "filename": _TEXT,
        },
        "anyOf": [{"required": [key], "properties": {key: {"minLength": 1}}} for key in ("url", "base64")],
    },
    _is_document,
    empty=(),
)
_FAQ_FIELDS: Final = {"question": REQUIRED_TEXT, "answer": REQUIRED_TEXT, "attachments": TEXTS}
_NEW_FAQ: Final = Body("NewFaq", _FAQ_FIELDS, required=("question", "answer"))
#: The vendor's types demand question and answer, the page neither.
_FAQ_CHANGE: Final = Body("FaqChange", {"question": TEXT, "answer": TEXT, "attachments": TEXTS}, any_of=True)
_NEW_DOCUMENT: Final = Body("NewDocument", {"document": _DOCUMENT}, required=("document",))
_FAQ_PATH: Final = "/knowledge-base/faq/{context_id}"
_DOCUMENT_PATH: Final = "/knowledge-base/document/{document_id}"
_route: Final = partial(Route, resource=FAQS, result="KbItem")

ROUTES: Final = (
    _route(
        *("knowledge_base.list", "getAllKnowledgeBase", "GET", "/knowledge-base", "Items, newest first", _list),
        query={**PAGING, "type": one_of("faq", "document", empty=())},
        page=True,
        numbered=False,
    ),
    _route("knowledge_base.get_faq", "getKnowledgeBaseFaqByContextId", "GET", _FAQ_PATH, "One question", _get_faq),
    _route(
        *("knowledge_base.get_document", "getKnowledgeBaseDocumentByDocumentId", "GET", _DOCUMENT_PATH),
        *("The chunks of a document", _get_document),
        owner=DOCUMENTS,
        array=True,
    ),
    _route(
        *("knowledge_base.create_faq", "createFaq", "POST", "/knowledge-base/faq/create", "Add one", _create_faq),
        result="FaqCreated",
        body=_NEW_FAQ,
    ),
    _route(
        *("knowledge_base.create_document", "createDocument", "POST", "/knowledge-base/document/create"),
        *("Add a document", _create_document),
        result="DocumentCreated",
        body=_NEW_DOCUMENT,
        array=True,
    ),
    _route(
        *("knowledge_base.update_faq", "updateFaq", "PATCH", _FAQ_PATH, "Change one", _update_faq),
        body=_FAQ_CHANGE,
    ),
    _route(
        *("knowledge_base.delete_faq", "deleteFaq", "DELETE", _FAQ_PATH, "Delete a question", _delete_faq),
        result="FaqDeleted",
    ),
    _route(
        *("knowledge_base.delete_document", "deleteDocument", "DELETE", _DOCUMENT_PATH, "Delete a document"),
        _delete_document,
        owner=DOCUMENTS,
        result="DocumentDeleted",
    ),
)
