"""One method for each thing a person does with tickets. Knows the API's operations, and nothing of how they travel."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from operator import attrgetter

from periskope_async._codec.converter import prepare
from periskope_async._io.caller import Caller
from periskope_async._io.paging import walk
from periskope_async._io.run import fetch_many
from periskope_async._io.stream import open_stream
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.bulk import BulkResult, Failed, Fetched, Progress, TicketIds
from periskope_async.models import TicketInfo, TicketPage, TicketRow
from periskope_async.resources._ticket_requests import (
    DueDate,
    Labels,
    Priority,
    Status,
    create_ticket,
    get_ticket,
    list_tickets,
    update_ticket,
)
from periskope_async.settings import check_count, check_seconds

__all__ = ["Tickets"]


class Tickets:
    """The tickets of the account. Reached as `client.tickets`."""

    def __init__(self, caller: Caller) -> None:
        prepare(TicketInfo)
        self._caller = caller

    async def get(self, ticket_id: str) -> TicketInfo:
        """Return a ticket with its chat, the message it was raised on, and the messages attached to it.

        API: `GET /tickets/{ticket_id}`, https://docs.periskope.app/api-reference/tickets/get-ticket

        Args:
            ticket_id: the ticket's id, such as `BKT-001`.

        Raises:
            ConfigurationError: the id cannot be one; nothing was sent.
            NotFoundError: there is no such ticket.
            AuthenticationError: the key was refused.
            RateLimitError: waiting as long as the service asks would pass the deadline.
            ApiError: the service answered something else than the ticket.
            TransportError: there was no usable answer; `DeadlineExceeded` if time ran out.
            DecodeError: the body is not a ticket.
            ClientClosedError: the client is closed.
        """
        return await self._caller.call(get_ticket(ticket_id), TicketInfo)

    async def get_many(
        self,
        ticket_ids: TicketIds,
        *,
        deadline: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> BulkResult:
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

        Raises:
            ConfigurationError: `ticket_ids` is no iterable of ids, or `deadline` no time. A bad id fails alone.
            ClientClosedError: the client is closed.
        """
        if deadline is not None:
            deadline = check_seconds("deadline", deadline)
        return await fetch_many(self._caller, get_ticket, ticket_ids, deadline=deadline, on_progress=on_progress)

    def stream(
        self, ticket_ids: TicketIds, *, ordered: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[Fetched | Failed]]:
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
            ConfigurationError: `ticket_ids` is no iterable of ids (when the `async with` begins).
            ClientClosedError: the client is closed.
        """
        return open_stream(self._caller, get_ticket, ticket_ids, ordered=ordered)

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
        offset, limit = check_count("offset", offset, least=0), check_count("limit", limit, least=1)
        return await self._caller.call(list_tickets(offset, limit), TicketPage)

    async def create(
        self,
        *,
        chat_id: str,
        subject: str,
        assignee: str | Unset = UNSET,
        due_date: DueDate | Unset = UNSET,
        priority: Priority | Unset = UNSET,
        status: Status | Unset = UNSET,
        labels: Labels | Unset = UNSET,
        quoted_message_id: str | Unset = UNSET,
    ) -> TicketInfo:
        """Create a ticket and return it.

        The service knows no idempotency key, so a create is sent again only if the first cannot have arrived. An error
        whose `maybe_sent` is True leaves open whether the ticket exists: look before you repeat it.

        API: `POST /tickets/create`, https://docs.periskope.app/api-reference/tickets/create-ticket

        Args:
            chat_id: the chat, as `<digits>@c.us` (the suffix may be left out) or `…@g.us`.
            subject: what it is about.
            assignee: the e-mail address of a user of the account.
            due_date: a date, a datetime (without an offset it is taken for UTC), or text the service can read.
            priority: 1 (low) to 4 (urgent); the service's default is 1.
            status: the service's default is open.
            labels: names; unknown ones are created.
            quoted_message_id: the message the ticket is raised on.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            ValidationError: the service refused a value; `fields` tells which.
            PeriskopeError: as for `get`.
        """
        request = create_ticket(
            chat_id=chat_id,
            subject=subject,
            assignee=assignee,
            due_date=due_date,
            priority=priority,
            status=status,
            labels=labels,
            quoted_message_id=quoted_message_id,
        )
        return await self._caller.call(request, TicketInfo)

    async def update(
        self,
        ticket_id: str,
        *,
        subject: str | Unset = UNSET,
        assignee: str | Unset | None = UNSET,
        due_date: DueDate | Unset | None = UNSET,
        priority: Priority | Unset = UNSET,
        status: Status | Unset = UNSET,
        labels: Labels | Unset | None = UNSET,
    ) -> TicketInfo:
        """Change the given fields of a ticket and return it as it then is.

        None asks the service to clear a field. Whether it clears it or leaves it is not documented: compare with what
        comes back. Labels replace those there were.

        API: `PATCH /tickets/{ticket_id}`, https://docs.periskope.app/api-reference/tickets/update-ticket

        Args:
            ticket_id: the ticket's id.
            subject: what it is about.
            assignee: the e-mail address of a user of the account; None for nobody.
            due_date: a date, a datetime (without an offset it is taken for UTC), or text; None for none.
            priority: 1 (low) to 4 (urgent).
            status: open, inprogress, closed, archived.
            labels: names, all of them; None for none.

        Raises:
            ConfigurationError: an argument is unusable, or nothing to change was given; nothing was sent.
            NotFoundError: there is no such ticket.
            ValidationError: the service refused a value; `fields` tells which.
            PeriskopeError: as for `get`.
        """
        request = update_ticket(
            ticket_id,
            subject=subject,
            assignee=assignee,
            due_date=due_date,
            priority=priority,
            status=status,
            labels=labels,
        )
        return await self._caller.call(request, TicketInfo)

    async def list(self, *, page_size: int = 2000) -> AsyncGenerator[TicketRow, None]:
        """Walk all tickets of the account as rows, each once, even while others create and delete some.

            async for row in client.tickets.list(): ...

        The order is the service's, which documents none. Pages are fetched one ahead. Rows carry `is_deleted`.

        Args:
            page_size: rows asked for at a time.

        Raises:
            ConfigurationError: `page_size` is below 1; nothing was sent.
            PeriskopeError: as for `get`; rows already read stay read.
        """
        limit = check_count("page_size", page_size, least=1)

        def is_last(page: TicketPage, offset: int) -> bool:
            # A page is short at the end, or because the service serves fewer rows than were asked for. Its count is
            # never a reason to end, but one that says there is more is a reason to go on.
            return len(page.tickets) < limit and (page.count or 0) <= offset + len(page.tickets)

        rows = walk(
            lambda offset: self.list_page(offset=offset, limit=limit),
            attrgetter("tickets"),
            attrgetter("ticket_id"),
            is_last,
        )
        try:
            async for row in rows:
                yield row
        finally:
            await rows.aclose()
