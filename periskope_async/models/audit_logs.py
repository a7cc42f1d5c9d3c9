"""Who changed what of a ticket or a chat, and when; and pages of that."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.marks import EMPTY_MAPPING, ROWS
from periskope_async._codec.model import Model, sparse
from periskope_async._deferred import frozen
from periskope_async.models.pages import Page, rows_first, show_count

__all__ = ["AuditLog", "AuditLogPage"]


@frozen(kw_only=True, field_transformer=sparse)
class AuditLog(Model):
    """One change of a ticket or a chat.

    Attributes:
        log_id: a UUID.
        org_id: the organisation it belongs to.
        ticket_id: the ticket that changed.
        chat_id: the chat that changed.
        action: what was done, such as `STATUS_CHANGED`; which others there are is not documented.
        performed_by: the e-mail address of who did it, or `api`.
        type: `ticket` or `chat`.
        old_record: any JSON: what it was before.
        new_record: any JSON: what it was afterwards.
        timestamp: when it was done.
    """

    log_id: str
    org_id: str | None = None
    ticket_id: str | None = None
    chat_id: str | None = None
    action: str | None = None
    performed_by: str | None = None
    type: str | None = None
    old_record: Mapping[str, Any] = EMPTY_MAPPING
    new_record: Mapping[str, Any] = EMPTY_MAPPING
    timestamp: datetime | None = None


@frozen(kw_only=True, field_transformer=rows_first)
class AuditLogPage(Page[AuditLog]):
    """One page of an audit log.

    Attributes:
        logs: its rows, newest first.
    """

    logs: tuple[AuditLog, ...] = field(default=(), metadata=ROWS, repr=show_count)
