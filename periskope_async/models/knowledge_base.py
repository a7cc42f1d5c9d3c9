"""What the AI agent of an organisation knows: questions with answers, and documents in chunks."""

from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.enums import OpenStrEnum
from periskope_async._codec.marks import ROWS
from periskope_async._codec.model import Model, sparse
from periskope_async._deferred import frozen
from periskope_async.models.pages import Page, rows_first, show_count

__all__ = ["FaqCreated", "KbDocumentCreated", "KbItem", "KbPage", "KbType"]


class KbType(OpenStrEnum):
    """What an item of the knowledge base is."""

    FAQ = "faq"
    DOCUMENT = "document"


@frozen(kw_only=True, field_transformer=sparse)
class KbItem(Model):
    """A question with its answer, or one chunk of a document.

    Attributes:
        context_id: such as `ai-context-…`.
        org_id: the organisation it belongs to.
        type: faq or document.
        question: the question; of a chunk, which one of which document it is.
        answer: the answer; of a chunk, its text.
        attachments: any JSON: URLs.
        embedding: any JSON: 768 numbers, in an array or as text.
        metadata: any JSON: of a chunk, `fileName`, `filePath` and `tokenCount`.
        document_id: the document that a chunk is of, a UUID.
        created_at: when it was made.
        updated_at: when it last changed.
    """

    context_id: str
    org_id: str | None = None
    type: KbType | None = None
    question: str | None = None
    answer: str | None = None
    attachments: Any = None
    embedding: Any = field(default=None, repr=False)
    metadata: Any = None
    document_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


@frozen(kw_only=True, field_transformer=sparse)
class KbDocumentCreated(Model):
    """What became of a document that was added.

    Attributes:
        file_name: its name.
        document_id: the document, a UUID; None if it was not added.
        file_path: where the service keeps it.
        chunks_count: into how many chunks it was split.
        status: a word; which ones there are is not documented.
        reason: why it was not added.
    """

    file_name: str
    document_id: str | None = None
    file_path: str | None = None
    chunks_count: int | None = None
    status: str | None = None
    reason: str | None = None


@frozen(kw_only=True, field_transformer=sparse)
class FaqCreated(Model):
    """What the service answers to a new question.

    Attributes:
        context_id: its id.
    """

    context_id: str


@frozen(kw_only=True, field_transformer=rows_first)
class KbPage(Page[KbItem]):
    """One page of the knowledge base.

    Attributes:
        data: its rows, in the order of the service, which is not documented.
    """

    data: tuple[KbItem, ...] = field(default=(), metadata=ROWS, repr=show_count)
