"""The messages of a phone, read, sent and acted on: one resource, and so in one file."""

import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from functools import partial
from operator import attrgetter
from typing import Any, Final, TypeVar, cast

from periskope_async._codec.converter import prepare
from periskope_async._io.caller import Caller
from periskope_async._io.changes import Subject, find_changes, pages_in_bulk
from periskope_async._io.many import fetch_many
from periskope_async._io.paging import walk
from periskope_async._io.source import Ids
from periskope_async._io.stream import open_stream
from periskope_async._sansio.arguments import Moment, as_flag, as_future, as_rows, as_seconds, as_text, as_texts_by_name
from periskope_async._sansio.changes import scope_of
from periskope_async._sansio.ids import as_chat_id, as_phone, as_recipients
from periskope_async._sansio.operation import Operation, Request, about_another, no_page
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.bulk import BulkResult, Failed, Fetched, Progress
from periskope_async.changes import Changes
from periskope_async.errors import ConfigurationError
from periskope_async.models.messages import Message, MessagePage
from periskope_async.models.sends import BroadcastReceipt, MessageStatus, SendReceipt, SendSyncAnswer, SentMessage
from periskope_async.resources import queue
from periskope_async.resources._files import with_media
from periskope_async.resources._find_sent import as_since, matching
from periskope_async.resources._send_many import send_many, settle
from periskope_async.sending import FoundSend, Key, Media, Outgoing, Poll, SendManyResult, content_fields

__all__ = ["Messages"]

T = TypeVar("T")


def _another(request: Request[Message], message: Message) -> str | None:
    """Say that it is another message: one may be asked for by its full id, its short one, or that of its send."""
    asked = str(request.resource_id).strip()
    queue_id = asked if message.sent_message_id is None and "_" not in asked else message.sent_message_id
    known = asked in {message.message_id, message.unique_id, queue_id}
    return None if known else "the body is of another message"


def _neither(_: Request[SendSyncAnswer], answer: SendSyncAnswer) -> str | None:
    return None if answer.message or answer.queue_id else "the body is neither a message nor a receipt"


_no_page: Final = no_page("messages")

GET = Operation("messages.get", "GET", "/message/{message_id}", Message, idempotent=True, mismatch=_another)
GET_STATUS = Operation(
    "messages.get_status",
    "GET",
    "/message/{unique_id}/status",
    MessageStatus,
    idempotent=True,
    mismatch=about_another(attrgetter("unique_id")),
    resource="message",
)
LIST = Operation("messages.list", "GET", "/chats/messages", MessagePage, idempotent=True, mismatch=_no_page)
LIST_OF_CHAT = Operation(
    "messages.list", "GET", "/chats/{chat_id}/messages", MessagePage, idempotent=True, mismatch=_no_page
)
SEND = Operation("messages.send", "POST", "/message/send", SendReceipt, idempotent=False, resource="chat")
SEND_SYNC = Operation(
    "messages.send_sync",
    "POST",
    "/message/send-sync",
    SendSyncAnswer,
    idempotent=False,
    mismatch=_neither,
    resource="chat",
)
BROADCAST = Operation("messages.broadcast", "POST", "/message/broadcast", BroadcastReceipt, idempotent=False)
EDIT: Operation[None] = Operation("messages.edit", "POST", "/message/{message_id}/edit", None, idempotent=True)
FORWARD: Operation[None] = Operation(
    "messages.forward", "POST", "/message/{message_id}/forward", None, idempotent=False
)
DELETE: Operation[None] = Operation("messages.delete", "POST", "/message/{message_id}/delete", None, idempotent=False)
REACT: Operation[None] = Operation("messages.react", "POST", "/message/{message_id}/react", None, idempotent=True)
PIN: Operation[None] = Operation("messages.pin", "POST", "/message/{message_id}/pin", None, idempotent=True)

#: What the service waits for in `send_sync` by itself, seconds.
SYNC_TIMEOUT: Final = 20


class Messages:
    """The messages of a phone. Reached as `client.messages`.

    A chat id is a person's number in any usual spelling, also with `@c.us`, or a group's `…@g.us`. A message id is
    the full one, or the `queue_id` of a send that has left the queue. `phone` is the phone that sends, or that the
    messages are of, in any usual spelling or as `phone-…`; None for the client's.

    The service knows no idempotency key. So a send goes once, and again only if the first cannot have arrived. An error
    whose `maybe_sent` is True leaves open whether it was sent, and so does a send that you cancel: never send it again
    before you have looked, which `find_sent` does.
    """

    def __init__(self, caller: Caller) -> None:
        prepare(Message, SendReceipt)
        self._caller = caller

    async def send(
        self,
        chat_id: str,
        message: str | None = None,
        *,
        media: Media | None = None,
        poll: Poll | None = None,
        reply_to: str | None = None,
        hide_url_preview: bool | Unset = UNSET,
        phone: str | None = None,
    ) -> SendReceipt:
        """Put a message into the queue of its phone, which sends one after the other; return the receipt.

        API: `POST /message/send`, https://docs.periskope.app/api-reference/message/send-message

        Args:
            chat_id: the chat; a first message to a person makes it.
            message: the text, with WhatsApp's markdown; the caption of a file.
            media: a file to send. One of yours is read and encoded in another thread.
            poll: a poll to send.
            reply_to: the id of the message it answers.
            hide_url_preview: whether links in the text get no preview.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable, or there is nothing to send; nothing was sent.
            ValidationError: the service refused a value; `fields` says which.
            PeriskopeError: as for `Tickets.get`; `maybe_sent` says whether it may have been sent all the same.
        """
        body = _send_fields(chat_id, message, media, poll, reply_to, hide_url_preview)
        request = SEND.request(body=body, phone=phone)
        return await self._caller.call(await with_media(request, media))

    async def send_sync(
        self,
        chat_id: str,
        message: str | None = None,
        *,
        media: Media | None = None,
        poll: Poll | None = None,
        reply_to: str | None = None,
        hide_url_preview: bool | Unset = UNSET,
        sync_timeout: float = SYNC_TIMEOUT,
        phone: str | None = None,
    ) -> SentMessage | SendReceipt:
        """Send a message and return it; if it is not confirmed in time, the receipt, as `send` does.

        API: `POST /message/send-sync`, https://docs.periskope.app/api-reference/message/send-message-sync

        Args:
            chat_id: as for `send`; so for all that is not here.
            message: the text.
            media: a file to send.
            poll: a poll to send.
            reply_to: the id of the message it answers.
            hide_url_preview: whether links in the text get no preview.
            sync_timeout: seconds that the service waits for the confirmation. Less than the client's `timeout`, which
                would cut it off. Its maximum is not documented, nor whether others than 20 belong into the body, where
                they are sent.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable, or there is nothing to send; nothing was sent.
            PeriskopeError: as for `send`.
        """
        seconds = as_seconds("sync_timeout", sync_timeout)
        timeout = self._caller.settings.timeout
        if seconds >= timeout:
            raise ConfigurationError(f"sync_timeout: expected less than the client's timeout of {timeout:g} s")
        body = _send_fields(chat_id, message, media, poll, reply_to, hide_url_preview)
        waits = {} if seconds == SYNC_TIMEOUT else {"sync_timeout": sync_timeout}
        request = SEND_SYNC.request(body=waits | body, phone=phone)
        return (await self._caller.call(await with_media(request, media))).as_either()

    async def send_many(
        self,
        messages: Iterable[Outgoing],
        *,
        deadline: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
        journal: str | os.PathLike[str] | None = None,
        phone: str | None = None,
    ) -> SendManyResult:
        """Send many messages, each at most once, and return what became of each: none is sent twice, none is lost.

        `concurrency` at a time, as fast as the rate limit of the API allows, so that their order is not kept: where it
        matters, also within a chat, use `send`. The phone's queue then sends one after the other. What certainly was
        not sent, for a passing reason, gets one more try at the end. A refused key ends the run, as does an outage that
        lasts as long as the client's `deadline`.

        Args:
            messages: what to send, each with a `key` of its own or none; all are read before the first is sent.
            deadline: seconds for the whole run; what is not begun by then is skipped, what is under way is unclear.
                None means no end.
            on_progress: called after every message, in the thread of the call. What it raises ends the run.
            progress: show a bar, as `Tickets.get_many`.
            journal: a file in which every message is noted before it is sent, on the disk itself, and after. A run with
                the journal of an earlier one, however that process or the machine ended, sends what was not sent, and
                only that; what was under way then is unclear, until `settle` notes what became of it. The keys and the
                phone have to be the same. It holds no text and no number. Those that go at the same time share one
                fsync. POSIX only.
            phone: see the class.

        Raises:
            ConfigurationError: `messages` are none, two have one key, `deadline` cannot be one, or the journal is of
                other messages or another phone; nothing was sent. A bad message fails alone.
            ClientClosedError: the client was closed; the journal knows what was sent. So where `on_progress` raises.
        """
        return await send_many(
            self._caller,
            SEND,
            messages,
            deadline=deadline,
            on_progress=on_progress,
            progress=progress,
            journal=journal,
            phone=phone,
        )

    async def settle(
        self,
        messages: Iterable[Outgoing],
        *,
        journal: str | os.PathLike[str],
        found: Mapping[Key, FoundSend | None] | None = None,
        phone: str | None = None,
    ) -> SendManyResult:
        """Note in the journal of a `send_many` what became of its unclear messages, and return how that run stands.

        Nothing is sent, nor is the service asked: `find_sent` does that. In the result `sent` and `unclear` are those
        of the journal, and `skipped` is what `send_many` would send now. Without `found` the journal is only read.

        Args:
            messages: those of `send_many`.
            journal: its journal.
            found: by key, a trace of a message that was sent; None for one that certainly was not, which the next
                `send_many` sends again.
            phone: as for `send_many`.

        Raises:
            ConfigurationError: an argument is unusable, a message in `found` is not unclear, or the journal is of other
                messages or another phone; nothing was noted.
        """
        return await settle(self._caller, SEND, messages, journal=journal, found=found, phone=phone)

    async def find_sent(self, outgoing: Outgoing, *, since: Moment, phone: str | None = None) -> tuple[FoundSend, ...]:
        """Return the traces of a send whose answer was lost: in the phone's queue, and among the chat's messages.

        The API has no key by which a send can be found, so it goes by chat and text, or where it has none by the kind
        of message. Several traces mean that it was sent as often. None at all proves nothing: a send that broke off
        just now may still arrive, and how long the queue remembers its jobs is not documented. Look again later.

        API: `GET /queue/jobs` and `GET /chats/{chat_id}/messages`

        Args:
            outgoing: what was sent.
            since: when it was sent, at the earliest, by the service's clock: a datetime such as `datetime.now(UTC)`, a
                date or text. Without an offset it is UTC, as everywhere.
            phone: the phone that sent it; see the class.

        Raises:
            ConfigurationError: an argument is unusable; nothing was asked.
            PeriskopeError: as for `get`.
        """
        outgoing.fields()
        after = as_since(since, datetime.now(UTC))
        jobs = await self._caller.call(
            queue.LIST_JOBS.request(phone=phone)
        )  # before the chat: from here to there they go
        messages = self.list(chat_id=outgoing.chat_id, page_size=100, phone=phone)
        return await matching(outgoing, after, jobs, messages)

    async def broadcast(
        self,
        chat_ids: Iterable[str],
        message: str | None = None,
        *,
        media: Media | None = None,
        poll: Poll | None = None,
        reply_to: str | None = None,
        scheduled_at: Moment | Unset = UNSET,
        delay: float | Unset = UNSET,
        variables: Mapping[str, Mapping[str, str]] | Unset = UNSET,
        phone: str | None = None,
    ) -> BroadcastReceipt:
        """Send one message to many chats; return the receipt. `queue.get_broadcast` says how far it is.

        API: `POST /message/broadcast`, https://docs.periskope.app/api-reference/message/broadcast-a-message

        Args:
            chat_ids: the chats, each once. How many at most, the service does not document.
            message: the text. How a variable stands in it, the service does not document.
            media: a file to send.
            poll: a poll to send.
            reply_to: the id of the message it answers.
            scheduled_at: when it begins; left out, now. Without an offset it is taken for UTC.
            delay: seconds between two chats; the service's default is 1.
            variables: values by name, by chat id.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable, or there is nothing to send; nothing was sent.
            PeriskopeError: as for `send`.
        """
        chats = as_recipients("chat_ids", chat_ids)
        body = {
            "chat_ids": chats,
            "scheduled_at": as_future("scheduled_at", scheduled_at, datetime.now(UTC)),
            "delay": _delay(delay),
            "variables": _variables(variables, chats),
            **content_fields(message, media, poll, reply_to),
        }
        return await self._caller.call(await with_media(BROADCAST.request(body=body, phone=phone), media))

    async def get(self, message_id: str, *, phone: str | None = None) -> Message:
        """Return a message with its reactions, its file and whom it has reached.

        API: `GET /message/{message_id}`, https://docs.periskope.app/api-reference/message/get-message

        Raises:
            ConfigurationError: the id cannot be one, or `phone` cannot be one; nothing was sent.
            NotFoundError: the service does not know such a message. Of a `queue_id` whose message is still in the
                queue it answers nothing: that is this error, or one of an empty body.
            PeriskopeError: as for `Tickets.get`.
        """
        return await self._caller.call(_get(message_id, phone=phone))

    async def get_many(
        self,
        message_ids: Ids,
        *,
        deadline: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
        phone: str | None = None,
    ) -> BulkResult[Message]:
        """Return every one of many messages that exists, and a plain account of the rest; as `Tickets.get_many`.

        Raises:
            ConfigurationError: `message_ids` are not ids, or `deadline` is not a time. A bad id fails alone.
            ClientClosedError: the client is closed.
        """
        build = partial(_get, phone=phone)
        return await fetch_many(
            self._caller,
            build,
            message_ids,
            name="message_ids",
            deadline=deadline,
            on_progress=on_progress,
            progress=progress,
            model=Message,
        )

    def stream(
        self, message_ids: Ids, *, ordered: bool = False, phone: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Fetched[Message] | Failed]]:
        """Fetch many messages and hand them over one by one, in bounded memory; as `Tickets.stream`."""
        return open_stream(self._caller, partial(_get, phone=phone), message_ids, name="message_ids", ordered=ordered)

    async def get_status(self, unique_id: str, *, phone: str | None = None) -> MessageStatus:
        """Return how far a send has come.

        API: `GET /message/{unique_id}/status`, https://docs.periskope.app/api-reference/message/message-status

        Args:
            unique_id: WhatsApp's short id, as a receipt has it.
            phone: see the class.

        Raises:
            ConfigurationError: the id cannot be one, or `phone` cannot be one; nothing was sent.
            NotFoundError: the service does not know such a message.
            PeriskopeError: as for `Tickets.get`.
        """
        return await self._caller.call(_get_status(unique_id, phone=phone))

    async def get_many_status(
        self,
        unique_ids: Ids,
        *,
        deadline: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
        phone: str | None = None,
    ) -> BulkResult[MessageStatus]:
        """Return how far each of many sends has come; as `get_many`.

        Raises:
            ConfigurationError: `unique_ids` are not ids, or `deadline` is not a time. A bad id fails alone.
            ClientClosedError: the client is closed.
        """
        build = partial(_get_status, phone=phone)
        return await fetch_many(
            self._caller,
            build,
            unique_ids,
            name="unique_ids",
            deadline=deadline,
            on_progress=on_progress,
            progress=progress,
            model=MessageStatus,
        )

    def list(
        self,
        *,
        chat_id: str | Unset = UNSET,
        start_time: Moment | Unset = UNSET,
        end_time: Moment | Unset = UNSET,
        oldest_first: bool = False,
        page_size: int = 2000,
        limit: int | None = None,
        phone: str | None = None,
    ) -> AsyncGenerator[Message, None]:
        """Walk all messages, each once, even while others come and go, in the memory of two pages.

        Oldest first ends with what came during the walk. The API serves the newest first alone, so the end of the list
        is looked for: that takes requests of one message each, twelve for 100,000 messages, before the first one comes.

        Args:
            chat_id: as for `list_page`; so for all that is not here.
            start_time: a date, datetime or text.
            end_time: likewise.
            oldest_first: whether they come in the order in which they were sent; else the newest comes first.
            page_size: messages asked for at a time; the service's maximum is 2,000. Where several come between two
                requests, pages of a few make many.
            limit: messages to yield at most, the oldest or the newest; None for all.
            phone: see the class.

        Raises:
            ConfigurationError: `page_size` or `limit` is below 1, or `oldest_first` is not a bool; nothing was sent.
            PeriskopeError: as for `get`; rows already read stay read.
        """
        as_flag("oldest_first", oldest_first)
        fetch = partial(self.list_page, chat_id=chat_id, start_time=start_time, end_time=end_time, phone=phone)
        return walk(
            fetch,
            attrgetter("message_id"),
            key_of=attrgetter("timestamp"),
            from_end=oldest_first,
            page_size=page_size,
            limit=limit,
        )

    async def list_page(
        self,
        *,
        chat_id: str | Unset = UNSET,
        start_time: Moment | Unset = UNSET,
        end_time: Moment | Unset = UNSET,
        offset: int = 0,
        limit: int = 2000,
        phone: str | None = None,
    ) -> MessagePage:
        """Return one page of the messages of a chat, or of all chats; newest first.

        API: `GET /chats/messages`, https://docs.periskope.app/api-reference/message/list-all-messages, or with
        `chat_id` `GET /chats/{chat_id}/messages`, https://docs.periskope.app/api-reference/message/get-chat-messages

        Args:
            chat_id: the chat; left out, all chats. Of one chat the API takes no times.
            start_time: a date, datetime or text.
            end_time: likewise. It keeps new messages from moving the others while you walk.
            offset: the first row, counted from 0.
            limit: how many rows at most; the service's maximum is 2,000.
            phone: see the class. Of a phone that is not in the chat, the page is empty or stale, without an error.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `get`.
        """
        return await self._caller.call(_page(chat_id, start_time, end_time, offset, limit, phone=phone))

    async def changed_since(
        self,
        state: Mapping[str, Any] | None = None,
        *,
        chat_id: str | Unset = UNSET,
        start_time: Moment | Unset = UNSET,
        page_size: int = 2000,
        phone: str | None = None,
    ) -> Changes[Message, Message]:
        """Return which messages were created, updated and deleted since an earlier call; as `Tickets.changed_since`.

        A page has messages in full, so that nothing but pages is asked for, and `fetched` has them by id. An edit, a
        reaction and each step of a delivery update a message. One is deleted if it says so, or if it is listed no more
        and the service does not know it.

        Args:
            state: `Changes.state` of the call before; None to begin with everything.
            chat_id: the chat; left out, all chats.
            start_time: look at nothing that was sent before, and forget it, so that a run costs no more than the
                messages since. It may be later from run to run. Of one chat the API takes no times.
            page_size: messages asked for at a time.
            phone: see the class.

        Raises:
            ConfigurationError: `state` is not one, was damaged, or is of something else, as of another phone; or
                another argument is unusable. Nothing was sent.
            PeriskopeError: the list could not be read; the state still holds.
        """
        _page(chat_id, start_time, UNSET, 0, page_size, phone=phone)  # refuses now what it cannot ask for
        subject = self._subject(chat_id, start_time=start_time, phone=phone)
        return await find_changes(subject, state, details="none", page_size=page_size)

    def _subject(
        self, chat_id: str | Unset = UNSET, *, start_time: Moment | Unset = UNSET, phone: str | None = None
    ) -> Subject[Message, Message]:
        whose = self._caller.settings.phone if phone is None else as_phone("phone", phone)
        chat = None if isinstance(chat_id, Unset) else as_chat_id("chat_id", chat_id)
        return Subject(
            of="messages",
            scope=scope_of(whose, chat),
            fetch=pages_in_bulk(
                self._caller,
                lambda offset, limit: _page(chat_id, start_time, UNSET, offset, limit, phone=phone),
            ),
            id_of=attrgetter("message_id"),
            is_deleted=attrgetter("is_deleted"),
            remains=lambda message_id: Message(message_id=message_id, is_deleted=True),
            get_many=partial(self.get_many, phone=phone),
            row_model=Message,
            full_model=Message,
            rows_are_full=True,
            forget_missing=start_time is not UNSET,
        )

    async def edit(self, message_id: str, edited_body: str, *, phone: str | None = None) -> None:
        """Change the text of a message that was sent in the last 15 minutes; of a file its caption, of a poll nothing.

        API: `POST /message/{message_id}/edit`, https://docs.periskope.app/api-reference/message/edit-message

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `get`.
        """
        await self._act(EDIT, message_id, phone, edited_body=as_text("edited_body", edited_body))

    async def forward(self, message_id: str, forward_chat_ids: Iterable[str], *, phone: str | None = None) -> None:
        """Send a message on to other chats, each once.

        API: `POST /message/{message_id}/forward`, https://docs.periskope.app/api-reference/message/forward-message

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `send`.
        """
        chats = as_recipients("forward_chat_ids", forward_chat_ids)
        await self._act(FORWARD, message_id, phone, forward_chat_ids=chats)

    async def delete(self, message_id: str, *, phone: str | None = None) -> None:
        """Delete a message for everybody. What the service answers for one that is deleted already is not documented.

        API: `POST /message/{message_id}/delete`, https://docs.periskope.app/api-reference/message/delete-message

        Raises:
            ConfigurationError: the id cannot be one, or `phone` cannot be one; nothing was sent.
            PeriskopeError: as for `get`; `maybe_sent` says whether it may have been deleted all the same.
        """
        await self._caller.call(DELETE.request(message_id=message_id, phone=phone))

    async def react(self, message_id: str, reaction: str, *, phone: str | None = None) -> None:
        """React to a message, in place of the phone's reaction before. How to take one back is not documented.

        API: `POST /message/{message_id}/react`, https://docs.periskope.app/api-reference/message/react-to-message

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `get`.
        """
        await self._act(REACT, message_id, phone, reaction=as_text("reaction", reaction))

    async def pin(self, message_id: str, *, phone: str | None = None) -> None:
        """Pin a message in its chat.

        API: `POST /message/{message_id}/pin`, https://docs.periskope.app/api-reference/message/pin-message

        Raises:
            ConfigurationError: the id cannot be one, or `phone` cannot be one; nothing was sent.
            PeriskopeError: as for `get`.
        """
        await self._act(PIN, message_id, phone, pin=True)

    async def unpin(self, message_id: str, *, phone: str | None = None) -> None:
        """Take a message off the pinned ones; else as `pin`."""
        await self._act(PIN, message_id, phone, pin=False)

    async def _act(self, operation: Operation[None], message_id: str, phone: str | None, **body: object) -> None:
        await self._caller.call(operation.request(message_id=message_id, body=body, phone=phone))


def _page(  # what `list_page` takes
    chat_id: str | Unset,
    start_time: Moment | Unset,
    end_time: Moment | Unset,
    offset: int,
    limit: int,
    *,
    phone: str | None,
) -> Request[MessagePage]:
    query = as_rows(offset, limit, start_time=start_time, end_time=end_time)
    if chat_id is UNSET:
        return LIST.request(query=query, phone=phone)
    if not (query["start_time"] is UNSET and query["end_time"] is UNSET):
        raise ConfigurationError("start_time, end_time: the API takes them for all chats only")
    return LIST_OF_CHAT.request(chat_id=as_chat_id("chat_id", chat_id), query=query, phone=phone)


def _get(message_id: str, *, phone: str | None) -> Request[Message]:
    return GET.request(message_id=message_id, phone=phone)


def _get_status(unique_id: str, *, phone: str | None) -> Request[MessageStatus]:
    return GET_STATUS.request(unique_id=unique_id, phone=phone)


def _send_fields(
    chat_id: str,
    message: str | None,
    media: Media | None,
    poll: Poll | None,
    reply_to: str | None,
    hide_url_preview: bool | Unset,  # noqa: FBT001  # as the method takes it
) -> dict[str, Any]:
    """Return the fields in JSON of a send; the file's last."""
    hidden = as_flag("hide_url_preview", hide_url_preview)
    return {
        "chat_id": as_chat_id("chat_id", chat_id),
        "options": UNSET if hidden is UNSET else {"hide_url_preview": hidden},
        **content_fields(message, media, poll, reply_to),
    }


def _delay(value: object) -> object:
    return value if isinstance(value, Unset) else as_seconds("delay", value, or_zero=True)


def _variables(values: object, chats: list[str]) -> object:
    if values is UNSET:
        return UNSET
    if not isinstance(values, Mapping):
        raise ConfigurationError(f"variables: expected values by name, by chat id, got {type(values).__name__}")
    known = {chat_id.removesuffix("@c.us") for chat_id in chats}
    rows: list[dict[str, object]] = []
    for chat_id, texts in cast("Mapping[object, object]", values).items():
        spelled = as_chat_id("variables", chat_id)
        if spelled.removesuffix("@c.us") not in known:
            raise ConfigurationError("variables: there are some for a chat that is not in chat_ids")
        rows.append({"chat_id": spelled, "values": as_texts_by_name("variables", texts)})
    return rows
