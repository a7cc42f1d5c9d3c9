"""The private notes of a phone's chats."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from operator import attrgetter
from typing import Final

from periskope_async._codec.converter import prepare
from periskope_async._io.caller import Caller
from periskope_async._io.many import fetch_many
from periskope_async._io.paging import walk
from periskope_async._io.source import Ids
from periskope_async._io.stream import open_stream
from periskope_async._sansio.arguments import Moment, as_rows
from periskope_async._sansio.ids import as_chat_id
from periskope_async._sansio.operation import Operation, Request, no_page
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.bulk import BulkResult, Failed, Fetched, Progress
from periskope_async.models.notes import Note, NotePage
from periskope_async.resources._files import with_media
from periskope_async.sending import Media, content_fields

__all__ = ["Notes"]


def _another(request: Request[Note], note: Note) -> str | None:
    # A note has three ids, and which of them the API takes is not documented.
    asked = str(request.resource_id).strip().casefold()
    names = (note.message_id, note.unique_id, note.sent_message_id)
    return None if asked in {str(name).casefold() for name in names} else "the body is of another note"


_no_page: Final = no_page("notes")

CREATE = Operation("notes.create", "POST", "/note/create", Note, idempotent=False, unwrap="data", resource="chat")
LIST = Operation("notes.list", "GET", "/note", NotePage, idempotent=True, mismatch=_no_page)
LIST_OF_CHAT = Operation("notes.list", "GET", "/chats/{chat_id}/notes", NotePage, idempotent=True, mismatch=_no_page)
GET = Operation("notes.get", "GET", "/note/{note_id}", Note, idempotent=True, mismatch=_another)


class Notes:
    """The private notes in chats, which nobody but the organisation sees. Reached as `client.notes`.

    `phone` is the phone whose chats the notes are in, in any usual spelling or as `phone-…`; None for the client's.
    """

    def __init__(self, caller: Caller) -> None:
        prepare(Note)
        self._caller = caller

    async def create(
        self,
        chat_id: str,
        message: str | None = None,
        *,
        media: Media | None = None,
        reply_to: str | None = None,
        phone: str | None = None,
    ) -> Note:
        """Write a note into a chat and return it.

        It is sent again only if the first cannot have arrived. An error whose `maybe_sent` is True leaves open whether
        the note exists: look before you repeat it.

        API: `POST /note/create`, https://docs.periskope.app/api-reference/notes/create-private-notes

        Args:
            chat_id: the chat, as `<digits>@c.us` (the suffix may be left out) or `…@g.us`.
            message: the text.
            media: a file. One of yours is read and encoded in another thread.
            reply_to: the id of the note or message it replies to.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable, or there is neither text nor file; nothing was sent.
            PeriskopeError: as for `Tickets.create`.
        """
        fields = {"chat_id": as_chat_id("chat_id", chat_id), **content_fields(message, media, None, reply_to)}
        request = CREATE.request(body=fields, phone=phone)
        return await self._caller.call(await with_media(request, media))

    async def get(self, note_id: str, *, phone: str | None = None) -> Note:
        """Return a note.

        API: `GET /note/{note_id}`, https://docs.periskope.app/api-reference/notes/get-private-note

        Args:
            note_id: its `message_id`. Whether its `unique_id` will do as well is not documented.
            phone: see the class.

        Raises:
            ConfigurationError: the id cannot be one; nothing was sent.
            NotFoundError: no note has that id.
            PeriskopeError: as for `Tickets.get`.
        """
        return await self._caller.call(_get(note_id, phone=phone))

    async def get_many(
        self,
        note_ids: Ids,
        *,
        deadline: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
        phone: str | None = None,
    ) -> BulkResult[Note]:
        """Return every one of many notes that exists, and a plain account of the rest; as `Tickets.get_many`.

        Raises:
            ConfigurationError: `note_ids` is not an iterable of ids, or `deadline` not a time. A bad id fails alone.
            ClientClosedError: the client is closed.
        """
        build = partial(_get, phone=phone)
        return await fetch_many(
            self._caller,
            build,
            note_ids,
            name="note_ids",
            deadline=deadline,
            on_progress=on_progress,
            progress=progress,
            model=Note,
        )

    def stream(
        self, note_ids: Ids, *, ordered: bool = False, phone: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Fetched[Note] | Failed]]:
        """Fetch many notes and hand them over one by one, in bounded memory; as `Tickets.stream`."""
        return open_stream(self._caller, partial(_get, phone=phone), note_ids, name="note_ids", ordered=ordered)

    def list(
        self,
        *,
        chat_id: str | Unset = UNSET,
        start_time: Moment | Unset = UNSET,
        end_time: Moment | Unset = UNSET,
        page_size: int = 500,
        limit: int | None = None,
        phone: str | None = None,
    ) -> AsyncGenerator[Note, None]:
        """Walk all notes, each once, even while others come and go; as `Tickets.list`. For the rest see `list_page`.

        Raises:
            ConfigurationError: `page_size` or `limit` is below 1; nothing was sent.
            PeriskopeError: as for `get`; rows already read stay read.
        """
        fetch = partial(self.list_page, chat_id=chat_id, start_time=start_time, end_time=end_time, phone=phone)
        return walk(fetch, attrgetter("message_id"), key_of=attrgetter("timestamp"), page_size=page_size, limit=limit)

    async def list_page(
        self,
        *,
        chat_id: str | Unset = UNSET,
        start_time: Moment | Unset = UNSET,
        end_time: Moment | Unset = UNSET,
        offset: int = 0,
        limit: int = 500,
        phone: str | None = None,
    ) -> NotePage:
        """Return one page of the notes, newest first: those of all chats, or of one.

        API: `GET /note`, https://docs.periskope.app/api-reference/notes/list-all-private-notes; with `chat_id`,
        `GET /chats/{chat_id}/notes`.

        Args:
            chat_id: the chat whose notes are wanted.
            start_time: none before this date, datetime or text.
            end_time: none after it.
            offset: the first row, counted from 0.
            limit: how many rows at most; the service's default is 500, its maximum not documented.
            phone: see the class. A client without one gets the notes of every phone that its key may see.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `get`.
        """
        query = as_rows(offset, limit, start_time=start_time, end_time=end_time)
        if isinstance(chat_id, Unset):
            return await self._caller.call(LIST.request(query=query, phone=phone))
        return await self._caller.call(
            LIST_OF_CHAT.request(chat_id=as_chat_id("chat_id", chat_id), query=query, phone=phone)
        )


def _get(note_id: str, *, phone: str | None) -> Request[Note]:
    return GET.request(note_id=note_id, phone=phone)
