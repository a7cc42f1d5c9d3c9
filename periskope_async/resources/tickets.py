"""The tickets of the account: one resource, and so in one file."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from operator import attrgetter
from typing import Any, Final, Literal

from periskope_async._codec.converter import prepare
from periskope_async._io.caller import Caller
from periskope_async._io.changes import Subject, find_changes, pages_in_bulk
from periskope_async._io.many import fetch_many
from periskope_async._io.paging import walk
from periskope_async._io.rows import Rows
from periskope_async._io.sharing import read_shared
from periskope_async._io.source import Ids
from periskope_async._io.stream import open_stream
from periskope_async._io.watch import watch_changes
from periskope_async._sansio.arguments import (
    Labels,
    Moment,
    as_count,
    as_labels,
    as_moment,
    as_one_of,
    as_rows,
    as_text,
)
from periskope_async._sansio.ids import as_chat_id, as_id
from periskope_async._sansio.operation import Operation, Request, about_another, no_page
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.bulk import BulkResult, Failed, Fetched, Progress
from periskope_async.changes import Change, Changes, Details
from periskope_async.errors import ConfigurationError
from periskope_async.models.audit_logs import AuditLog, AuditLogPage
from periskope_async.models.ticket_rows import TicketPage, TicketRow
from periskope_async.models.tickets import TicketInfo, TicketPriority, TicketStatus
from periskope_async.resources._audit_logs import PAGE_SIZE, QueryValue, audit_query, walk_logs
from periskope_async.resources._ticket_filter import filter_of, only

__all__ = ["Tickets"]

# No `str`, with which a checker would find no misspelling. What is read from elsewhere goes in as TicketStatus(text),
# or TicketPriority[text.upper()].
Priority = TicketPriority | Literal[1, 2, 3, 4, "1", "2", "3", "4", "low", "medium", "high", "urgent"]
Status = TicketStatus | Literal["open", "inprogress", "closed", "archived"]


def _id_of(info: TicketInfo) -> str:
    return info.ticket.ticket_id


_another: Final = about_another(_id_of)

GET = Operation("tickets.get", "GET", "/tickets/{ticket_id}", TicketInfo, idempotent=True, mismatch=_another)
LIST = Operation("tickets.list", "GET", "/tickets", TicketPage, idempotent=True, mismatch=no_page("tickets"))
CREATE = Operation("tickets.create", "POST", "/tickets/create", TicketInfo, idempotent=False, resource="chat")
UPDATE = Operation("tickets.update", "PATCH", "/tickets/{ticket_id}", TicketInfo, idempotent=True, mismatch=_another)
LIST_AUDIT_LOGS = Operation(
    "tickets.list_audit_logs",
    "GET",
    "/tickets/{ticket_id}/audit-logs",
    AuditLogPage,
    idempotent=True,
    mismatch=no_page("logs"),
)

_LEVELS: Final[Mapping[str, int]] = {
    spelling: level
    for level, name in enumerate(("low", "medium", "high", "urgent"), 1)
    for spelling in (name, str(level))
}


class Tickets:
    """The tickets of the account. Reached as `client.tickets`."""

    def __init__(self, caller: Caller) -> None:
        prepare(TicketInfo)
        self._caller = caller

    async def get(self, ticket_id: str, *, max_age: float | None = None) -> TicketInfo:
        """Return a ticket with its chat, the message it was raised on, and the messages attached to it.

        API: `GET /tickets/{ticket_id}`, https://docs.periskope.app/api-reference/tickets/get-ticket

        Args:
            ticket_id: the ticket's id, such as `BKT-001`.
            max_age: seconds. An answer to a request that was sent no longer ago will do: one that is kept, or one that
                other calls wait for at this moment. What this client changes is asked for anew, and what it asked for
                with another `phone` is another answer. None or 0 for a request of its own.

        Raises:
            ConfigurationError: the id or `max_age` cannot be one; nothing was sent.
            NotFoundError: the service knows no such ticket.
            AuthenticationError: the key was refused.
            RateLimitError: waiting as long as the service asks would pass the deadline.
            ApiError: the service answered something else than the ticket.
            TransportError: there was no usable answer; `DeadlineExceeded` if time ran out.
            DecodeError: the body is not a ticket.
            ClientClosedError: the client is closed.
        """
        if not max_age:
            return await self._caller.call(_get(ticket_id))
        return await read_shared(self._caller, _get, ticket_id, max_age=max_age)

    async def get_many(
        self,
        ticket_ids: Ids,
        *,
        deadline: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
    ) -> BulkResult[TicketInfo]:
        """Return every one of many tickets that exists, and a plain account of the rest.

        One id that fails never costs another its ticket. The ids are fetched `concurrency` at a time, each distinct one
        once, as fast as the service's rate limit allows; one that fails for a passing reason gets one more try at the
        end. A refused key ends the run, as does an outage that lasts as long as the client's `deadline`.

        Args:
            ticket_ids: the ids, from any iterable or async iterable; read lazily.
            deadline: seconds for the whole run; what is not done by then is in `skipped`, or in `errors` if
                it was under way. None means no end. (The client's own `deadline` counts for each ticket,
                from its first attempt.)
            on_progress: called after every ticket, in the thread of the call. What it raises ends the run.
            progress: show a bar on a terminal's standard error (without rich, which the extra `cli` brings, a line),
                or in a notebook. Elsewhere nothing is shown.

        Raises:
            ConfigurationError: `ticket_ids` is one text or not iterable, or `deadline` no time. A bad id fails alone.
            ClientClosedError: the client is closed.
        """
        return await fetch_many(
            self._caller,
            _get,
            ticket_ids,
            name="ticket_ids",
            deadline=deadline,
            on_progress=on_progress,
            progress=progress,
            model=TicketInfo,
        )

    def stream(
        self, ticket_ids: Ids, *, ordered: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[Fetched[TicketInfo] | Failed]]:
        """Fetch many tickets and hand them over one by one, as `Fetched` or `Failed`, in bounded memory.

            async with client.tickets.stream(ticket_ids) as results:
                async for result in results:
                    match result:
                        case Fetched(ticket_id, ticket): ...
                        case Failed(ticket_id, error): ...

        Works as `get_many` does, but reads the ids only as fast as the results are taken, so they may be endless.
        Leave at any time: what is in flight is cancelled and gone when the `async with` ends. A refused key, and an
        outage that lasts as long as the client's `deadline`, end the stream after their `Failed`.

        Args:
            ticket_ids: the ids, from any iterable or async iterable; each distinct one is delivered once.
            ordered: deliver in the order of the ids instead of as they come.

        Raises:
            ConfigurationError: `ticket_ids` is one text or not iterable (when the `async with` begins).
            ClientClosedError: the client is closed.
        """
        return open_stream(self._caller, _get, ticket_ids, name="ticket_ids", ordered=ordered)

    async def list_page(self, *, offset: int = 0, limit: int = 2000) -> TicketPage:
        """Return one page of the account's tickets, as rows: without chat and messages, deleted ones included.

        API: `GET /tickets`, https://docs.periskope.app/api-reference/tickets/get-tickets

        Args:
            offset: the first row, counted from 0.
            limit: how many rows at most. The service's own maximum is not documented; 2,000 is its default.

        Raises:
            ConfigurationError: `offset` is below 0 or `limit` below 1; nothing was sent.
            ValidationError: the service refused `limit`.
            PeriskopeError: as for `get`.
        """
        return await self._caller.call(LIST.request(query=as_rows(offset, limit)))

    async def create(
        self,
        *,
        chat_id: str,
        subject: str,
        assignee: str | Unset = UNSET,
        due_date: Moment | Unset = UNSET,
        priority: Priority | Unset = UNSET,
        status: Status | Unset = UNSET,
        labels: Labels | Unset = UNSET,
        quoted_message_id: str | Unset = UNSET,
        phone: str | None = None,
    ) -> TicketInfo:
        """Create a ticket and return it.

        The service knows no idempotency key, so a create is sent again only if the first cannot have arrived. An error
        whose `maybe_sent` is True leaves open whether the ticket exists: look before you repeat it.

        API: `POST /tickets/create`, https://docs.periskope.app/api-reference/tickets/create-ticket

        Args:
            chat_id: the chat: a number in any usual spelling, also with `@c.us`, or `…@g.us`.
            subject: what it is about.
            assignee: the e-mail address of a user of the account.
            due_date: a date, a datetime (without an offset it is taken for UTC), or text the service can read.
            priority: low, medium, high or urgent, also as 1 to 4; the service's default is low.
            status: open, inprogress, closed, archived; the service's default is open.
            labels: names; unknown ones are created.
            quoted_message_id: the message the ticket is raised on.
            phone: the phone whose chat it is, in any usual spelling or as `phone-…`; None for the client's.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            ValidationError: the service refused a value; `fields` says which.
            PeriskopeError: as for `get`.
        """
        fields = {
            "chat_id": as_chat_id("chat_id", chat_id),
            "subject": as_text("subject", subject),
            "assignee": as_text("assignee", assignee),
            "due_date": as_moment("due_date", due_date),
            "priority": _level(priority),  # as a number here, as text in an update: so the API wants it
            "status": as_one_of("status", status, TicketStatus),
            "labels": as_labels("labels", labels),
            "quoted_message_id": as_id("quoted_message_id", quoted_message_id),
        }
        return await self._caller.call(CREATE.request(body=fields, phone=phone))

    async def update(
        self,
        ticket_id: str,
        *,
        subject: str | Unset = UNSET,
        assignee: str | Unset | None = UNSET,
        due_date: Moment | Unset | None = UNSET,
        priority: Priority | Unset = UNSET,
        status: Status | Unset = UNSET,
        labels: Labels | Unset | None = UNSET,
    ) -> TicketInfo:
        """Change fields of a ticket and return it as it then is.

        None asks the service to clear a field. Whether it clears it or leaves it is not documented: compare with what
        comes back. Labels replace those there were.

        API: `PATCH /tickets/{ticket_id}`, https://docs.periskope.app/api-reference/tickets/update-ticket

        Args:
            ticket_id: the ticket's id.
            subject: what it is about.
            assignee: the e-mail address of a user of the account; None for nobody.
            due_date: a date, a datetime (without an offset it is taken for UTC), or text; None for none.
            priority: low, medium, high or urgent, also as 1 to 4.
            status: open, inprogress, closed, archived.
            labels: names, all of them; None for none.

        Raises:
            ConfigurationError: an argument is unusable, or no field to change was passed; nothing was sent.
            NotFoundError: the service knows no such ticket.
            ValidationError: the service refused a value; `fields` says which.
            PeriskopeError: as for `get`.
        """
        level = _level(priority)
        fields = {
            "subject": as_text("subject", subject),
            "assignee": "" if assignee is None else as_text("assignee", assignee),
            "due_date": None if due_date is None else as_moment("due_date", due_date),
            "priority": level if isinstance(level, Unset) else str(level),
            "status": as_one_of("status", status, TicketStatus),
            "labels": "" if labels is None else as_labels("labels", labels),
        }
        if all(value is UNSET for value in fields.values()):
            raise ConfigurationError("update: no field to change")
        return await self._caller.call(UPDATE.request(ticket_id=ticket_id, body=fields))

    def list(
        self,
        *,
        page_size: int = 2000,
        limit: int | None = None,
        status: Status | None = None,
        assignee: str | None = None,
        label: str | None = None,
        updated_since: Moment | None = None,
    ) -> AsyncGenerator[TicketRow, None]:
        """Walk all tickets of the account as rows, each once, even while others create and delete some.

            async for row in client.tickets.list(status="open", updated_since="2026-11-01"): ...

        The order is the service's, which documents none. Pages are fetched one ahead. Rows carry `is_deleted`.

        The service filters nothing: what `status`, `assignee`, `label` and `updated_since` leave out is left out on our
        side, so that every row is read over the network all the same, until `limit` rows have passed.

        Args:
            page_size: rows asked for at a time.
            limit: rows to walk at most; None for all.
            status: only tickets that stand there. A text that is none of its words is refused, as a slip; what the
                service may have added, `TicketStatus("…")` chooses.
            assignee: only tickets of the user with this e-mail address, in any case; "" for those of nobody.
            label: only tickets with the label of this name.
            updated_since: only tickets that were changed, or else created, then or later. A date, a datetime (without
                an offset it is taken for UTC), or one as text.

        Raises:
            ConfigurationError: `page_size` or `limit` is below 1, or a filter can be none; nothing was sent.
            PeriskopeError: as for `get`; rows already read stay read.
        """
        chosen = filter_of(status, assignee, label, updated_since)
        if chosen is None:
            return walk(self.list_page, attrgetter("ticket_id"), page_size=page_size, limit=limit)
        most = None if limit is None else as_count("limit", limit, least=1)
        return Rows(only(walk(self.list_page, attrgetter("ticket_id"), page_size=page_size), chosen, most))

    async def changed_since(
        self,
        state: Mapping[str, Any] | None = None,
        *,
        details: Details = "changed",
        page_size: int = 2000,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
    ) -> Changes[TicketRow, TicketInfo]:
        """Return which tickets were created, updated and deleted since an earlier call, those that are there in full.

            changes = await client.tickets.changed_since(state)  # None at first
            ...  # store changes.tickets, and remove changes.deleted
            state = changes.state  # JSON: keep it last

        The service does not say what changed. So all rows are read, 2,000 a request, and compared with what they were
        by anything in them; then only the tickets whose rows differ are fetched. Where nothing changed, the rows are
        all that is asked for. It all goes behind single calls.

        It is exact while tickets come, change and move in the list: what a walk misses is seen by the next. One that is
        listed no more is asked for, and deleted only if the service does not know it.

        Args:
            state: `Changes.state` of the call before, also after a round through JSON; None to begin with everything.
            details: "changed" fetches the tickets whose rows changed. "all" fetches every ticket, each time, and also
                finds those that changed in nothing that a row has: whether a row changes with a ticket's messages is
                not documented. "none" fetches none.
            page_size: rows asked for at a time.
            on_progress: as for `get_many`, of the tickets that are fetched.
            progress: likewise.

        Raises:
            ConfigurationError: `state` is not one, was damaged, or is of something else; or another argument is
                unusable. Nothing was sent.
            PeriskopeError: the list could not be read; the state still holds. A ticket that fails stands in `errors`.
        """
        subject = self._subject(on_progress=on_progress, progress=progress)
        return await find_changes(subject, state, details=details, page_size=page_size)

    def watch(
        self,
        *,
        every: float = 30.0,
        state: Mapping[str, Any] | None = None,
        details: Details = "none",
        page_size: int = 2000,
    ) -> AbstractAsyncContextManager[AsyncIterator[Change[TicketRow, TicketInfo]]]:
        """Look again and again for what changed, as `changed_since`, and hand over the changes one by one.

            async with client.tickets.watch(every=30) as changes:
                async for change in changes:
                    print(change.kind, change.ticket_id, change.row.status)

        Each round costs a request for every 2,000 tickets of the account, which goes behind single calls. A round that
        fails for a passing reason is left out: what it would have found, the next one finds. Leave at any time.

        Args:
            every: seconds from the beginning of a round to that of the next. Rounds do not drift; one that comes due
                while another is under way, or while you work off its changes, is left out.
            state: from where to go on: a `Change.state`, or a `Changes.state`. None for what changes from now on.
            details: "none" for rows alone; "changed" or "all", as for `changed_since`, to have `Change.value` as well.
            page_size: rows asked for at a time.

        Raises:
            ConfigurationError: an argument is unusable.
            PeriskopeError: while you iterate: the list cannot be read, and waiting does not help, as with a wrong key.
        """
        return watch_changes(self._subject(), state, details=details, every=every, page_size=page_size)

    def _subject(
        self, *, on_progress: Callable[[Progress], None] | None = None, progress: bool = False
    ) -> Subject[TicketRow, TicketInfo]:
        return Subject(
            of="tickets",
            scope="",
            fetch=pages_in_bulk(self._caller, lambda offset, limit: LIST.request(query=as_rows(offset, limit))),
            id_of=attrgetter("ticket_id"),
            is_deleted=_is_deleted,
            remains=lambda ticket_id: TicketRow(ticket_id=ticket_id, is_deleted=True),
            get_many=partial(self.get_many, on_progress=on_progress, progress=progress),
            row_model=TicketRow,
            full_model=TicketInfo,
        )

    def list_audit_logs(
        self,
        /,
        ticket_id: str,
        *,
        performed_by: str | Unset = UNSET,
        action: str | Unset = UNSET,
        offset: int = 0,
        page_size: int = PAGE_SIZE,
        limit: int | None = None,
        **query: QueryValue,
    ) -> AsyncGenerator[AuditLog, None]:
        """Walk who changed what of a ticket, newest first, each once.

        Args:
            ticket_id: as for `list_audit_logs_page`, which says more of the next two, too.
            performed_by: for what one user of the account did.
            action: for what was done so.
            offset: the first row, counted from 0.
            page_size: rows asked for at a time.
            limit: rows to yield at most; None for all.
            **query: further parameters, sent as they are named.

        Raises:
            ConfigurationError: `offset` is below 0, `page_size` or `limit` below 1; nothing was sent.
            PeriskopeError: as for `get`; rows already read stay read.
        """
        chosen = {"performed_by": performed_by, "action": action, **query}
        return walk_logs(
            partial(self.list_audit_logs_page, ticket_id), chosen, offset=offset, page_size=page_size, limit=limit
        )

    async def list_audit_logs_page(
        self,
        /,
        ticket_id: str,
        *,
        performed_by: str | Unset = UNSET,
        action: str | Unset = UNSET,
        offset: int = 0,
        limit: int = PAGE_SIZE,
        **query: QueryValue,
    ) -> AuditLogPage:
        """Return one page of who changed what of a ticket, newest first.

        API: `GET /tickets/{ticket_id}/audit-logs`; documented by its newest page only.

        Args:
            ticket_id: the ticket's id.
            performed_by: the e-mail address of a user of the account, for what they did.
            action: for what was done so, such as `STATUS_CHANGED`; which others there are is not documented.
            offset: the first row, counted from 0; the name is presumed, as is the next.
            limit: how many rows at most; the service's maximum is not documented.
            **query: further parameters, sent as they are named, dates and datetimes as text. The page says that a time
                can be chosen, and not by which.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `get`.
        """
        rows = audit_query(offset, limit, performed_by, action, query)
        return await self._caller.call(LIST_AUDIT_LOGS.request(ticket_id=ticket_id, query=rows))


def _is_deleted(ticket: TicketRow | TicketInfo) -> bool | None:
    return ticket.ticket.is_deleted if isinstance(ticket, TicketInfo) else ticket.is_deleted


def _get(ticket_id: str) -> Request[TicketInfo]:
    return GET.request(ticket_id=ticket_id)


def _level(value: object) -> int | Unset:
    if isinstance(value, Unset):
        return value
    level = _LEVELS.get(value.strip().lower()) if isinstance(value, str) else value
    if isinstance(level, bool) or not isinstance(level, int) or level not in range(1, 5):
        raise ConfigurationError(f"priority: expected low, medium, high or urgent, also as 1 to 4, got {value!r}")
    return int(level)
