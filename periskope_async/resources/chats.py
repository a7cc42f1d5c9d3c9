"""The chats of a phone, with a person or of a group: all that is done to them, in one file."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from operator import attrgetter
from typing import Any, Final

from periskope_async._codec.converter import prepare
from periskope_async._io.caller import Caller
from periskope_async._io.changes import Subject, find_changes, pages_in_bulk
from periskope_async._io.many import fetch_many
from periskope_async._io.paging import walk
from periskope_async._io.sharing import read_shared
from periskope_async._io.source import Ids
from periskope_async._io.stream import open_stream
from periskope_async._sansio.arguments import (
    Labels,
    Moment,
    as_flag,
    as_flags_by_name,
    as_labels,
    as_one_of,
    as_rows,
    as_text,
    as_texts_by_name,
)
from periskope_async._sansio.changes import scope_of
from periskope_async._sansio.ids import as_chat_id, as_chat_ids, as_phone
from periskope_async._sansio.operation import Operation, Request, about_another, no_page
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.bulk import BulkResult, Failed, Fetched, Progress
from periskope_async.changes import Changes, Details
from periskope_async.errors import ConfigurationError
from periskope_async.models.audit_logs import AuditLog, AuditLogPage
from periskope_async.models.chats import Chat, ChatAiSettings, ChatPage
from periskope_async.models.infos import ChatType
from periskope_async.resources._audit_logs import PAGE_SIZE, QueryValue, audit_query, walk_logs

__all__ = ["Chats"]


def _id_of(chat: Chat) -> str:
    return chat.chat_id


def _id_in(settings: ChatAiSettings) -> str:
    return settings.chat_id


_another = about_another(_id_of)

#: What `list` can be narrowed to; a chat may be of further types.
_TYPES: Final = (ChatType.USER, ChatType.GROUP, ChatType.BUSINESS)

GET = Operation("chats.get", "GET", "/chats/{chat_id}", Chat, idempotent=True, mismatch=_another)
LIST = Operation("chats.list", "GET", "/chats", ChatPage, idempotent=True, mismatch=no_page("chats"))
UPDATE = Operation("chats.update", "PATCH", "/chats/{chat_id}", Chat, idempotent=True, mismatch=_another)
MARK_READ: Operation[None] = Operation("chats.mark_read", "POST", "/chats/{chat_id}/read", None, idempotent=True)
UPDATE_LABELS: Operation[None] = Operation("chats.update_labels", "PATCH", "/chats/labels", None, idempotent=True)
UPDATE_ACCESS: Operation[None] = Operation("chats.update_access", "PATCH", "/chats/access", None, idempotent=True)
UPDATE_AI_SETTINGS = Operation(
    "chats.update_ai_settings",
    "PATCH",
    "/chats/{chat_id}/ai",
    ChatAiSettings,
    idempotent=True,
    mismatch=about_another(_id_in),
)
LIST_AUDIT_LOGS = Operation(
    "chats.list_audit_logs",
    "GET",
    "/chats/{chat_id}/audit-logs",
    AuditLogPage,
    idempotent=True,
    mismatch=no_page("logs"),
)


class Chats:
    """The chats of a phone. Reached as `client.chats`.

    A chat id is `<digits>@c.us` for a person (the suffix may be left out) and `…@g.us` for a group. `phone` is the
    phone that the chats are of, in any usual spelling or as `phone-…`; None for the client's.
    """

    def __init__(self, caller: Caller) -> None:
        prepare(Chat)
        self._caller = caller

    async def get(self, chat_id: str, *, max_age: float | None = None, phone: str | None = None) -> Chat:
        """Return a chat with its members, labels and newest message.

        API: `GET /chats/{chat_id}`, https://docs.periskope.app/api-reference/chat/get-chat-by-id

        Args:
            chat_id: the chat.
            max_age: how old an answer may be, seconds; as for `Tickets.get`.
            phone: see the class.

        Raises:
            ConfigurationError: the id cannot be one, or `phone` is none; nothing was sent.
            NotFoundError: the service knows no such chat.
            PeriskopeError: as for `Tickets.get`.
        """
        if not max_age:
            return await self._caller.call(_get(chat_id, phone=phone))
        return await read_shared(self._caller, _get, chat_id, max_age=max_age, phone=phone)

    async def get_many(
        self,
        chat_ids: Ids,
        *,
        deadline: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
        phone: str | None = None,
    ) -> BulkResult[Chat]:
        """Return every one of many chats that exists, and a plain account of the rest; as `Tickets.get_many`.

        Raises:
            ConfigurationError: `chat_ids` is one text or not iterable, or `deadline` no time. A bad id fails alone.
            ClientClosedError: the client is closed.
        """
        build = partial(_get, phone=phone)
        return await fetch_many(
            self._caller,
            build,
            chat_ids,
            name="chat_ids",
            deadline=deadline,
            on_progress=on_progress,
            progress=progress,
            model=Chat,
        )

    def stream(
        self, chat_ids: Ids, *, ordered: bool = False, phone: str | None = None
    ) -> AbstractAsyncContextManager[AsyncIterator[Fetched[Chat] | Failed]]:
        """Fetch many chats and hand them over one by one, in bounded memory; as `Tickets.stream`."""
        return open_stream(self._caller, partial(_get, phone=phone), chat_ids, name="chat_ids", ordered=ordered)

    def list(
        self,
        *,
        chat_type: ChatType | str | Unset = UNSET,
        label: str | Unset = UNSET,
        start_time: Moment | Unset = UNSET,
        end_time: Moment | Unset = UNSET,
        page_size: int = 2000,
        limit: int | None = None,
        phone: str | None = None,
    ) -> AsyncGenerator[Chat, None]:
        """Walk all chats, each once, even while others come and go; as `Tickets.list`. For the rest see `list_page`.

        Raises:
            ConfigurationError: `page_size` or `limit` is below 1; nothing was sent.
            PeriskopeError: as for `get`; rows already read stay read.
        """
        fetch = partial(
            self.list_page, chat_type=chat_type, label=label, start_time=start_time, end_time=end_time, phone=phone
        )
        return walk(fetch, attrgetter("chat_id"), page_size=page_size, limit=limit)

    async def list_page(
        self,
        *,
        chat_type: ChatType | str | Unset = UNSET,
        label: str | Unset = UNSET,
        start_time: Moment | Unset = UNSET,
        end_time: Moment | Unset = UNSET,
        offset: int = 0,
        limit: int = 2000,
        phone: str | None = None,
    ) -> ChatPage:
        """Return one page of the chats.

        API: `GET /chats`, https://docs.periskope.app/api-reference/chat/list-all-chats

        Args:
            chat_type: user, group or business.
            label: the name or id of a label that they have.
            start_time: a date, datetime or text. Which time of a chat is meant, the service does not document.
            end_time: likewise.
            offset: the first row, counted from 0.
            limit: how many rows at most; the service's maximum is 2,000.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `get`.
        """
        query = {
            "chat_type": as_one_of("chat_type", chat_type, _TYPES),
            "label": as_text("label", label),
            **as_rows(offset, limit, start_time=start_time, end_time=end_time),
        }
        return await self._caller.call(LIST.request(query=query, phone=phone))

    async def changed_since(
        self,
        state: Mapping[str, Any] | None = None,
        *,
        details: Details = "changed",
        page_size: int = 2000,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
        phone: str | None = None,
    ) -> Changes[Chat, Chat]:
        """Return which chats were created, updated and deleted since an earlier call; as `Tickets.changed_since`.

        A chat's row has its newest message, so that every message updates its chat; `messages.changed_since` has them
        all. A chat is deleted if it is listed no more and the service does not know it.

        Raises:
            ConfigurationError: `state` is not one, was damaged, or is of something else, as of another phone; or
                another argument is unusable. Nothing was sent.
            PeriskopeError: the list could not be read; the state still holds.
        """
        subject = self._subject(on_progress=on_progress, progress=progress, phone=phone)
        return await find_changes(subject, state, details=details, page_size=page_size)

    def _subject(
        self,
        *,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
        phone: str | None = None,
    ) -> Subject[Chat, Chat]:
        whose = self._caller.settings.phone if phone is None else as_phone("phone", phone)
        return Subject(
            of="chats",
            scope=scope_of(whose),
            fetch=pages_in_bulk(
                self._caller, lambda offset, limit: LIST.request(query=as_rows(offset, limit), phone=phone)
            ),
            id_of=_id_of,
            remains=lambda chat_id: Chat(chat_id=chat_id),
            get_many=partial(self.get_many, on_progress=on_progress, progress=progress, phone=phone),
            row_model=Chat,
            full_model=Chat,
        )

    async def update(
        self,
        chat_id: str,
        *,
        assigned_to: str | Unset = UNSET,
        labels: Labels | Unset = UNSET,
        custom_properties: Mapping[str, str] | Unset = UNSET,
        phone: str | None = None,
    ) -> Chat:
        """Change some fields of a chat and return it as it then is.

        API: `PATCH /chats/{chat_id}`, https://docs.periskope.app/api-reference/chat/update-chat

        Args:
            chat_id: the chat.
            assigned_to: the e-mail address of a user of the account.
            labels: names, all of them; unknown ones are created.
            custom_properties: values by the name or id of a property.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable, or no field to change was passed; nothing was sent.
            NotFoundError: the service knows no such chat.
            PeriskopeError: as for `get`.
        """
        fields = {
            "assigned_to": as_text("assigned_to", assigned_to),
            "labels": as_labels("labels", labels),
            "custom_properties": as_texts_by_name("custom_properties", custom_properties),
        }
        if all(value is UNSET for value in fields.values()):
            raise ConfigurationError("update: no field to change")
        return await self._caller.call(UPDATE.request(chat_id=as_chat_id("chat_id", chat_id), body=fields, phone=phone))

    async def mark_read(self, chat_id: str, *, phone: str | None = None) -> None:
        """Mark all messages of a chat as read, those too that arrive meanwhile.

        API: `POST /chats/{chat_id}/read`

        Raises:
            PeriskopeError: as for `get`.
        """
        await self._caller.call(MARK_READ.request(chat_id=as_chat_id("chat_id", chat_id), phone=phone))

    async def update_labels(self, chat_ids: Iterable[str], labels: Labels, *, phone: str | None = None) -> None:
        """Give many chats the same labels, in one call.

        API: `PATCH /chats/labels`, https://docs.periskope.app/api-reference/chat/update-chat-labels

        Args:
            chat_ids: at least one. What the service does about one that it does not know is not documented.
            labels: names, all of them, in place of those that the chats have; unknown ones are created.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `get`.
        """
        fields = {"chat_ids": as_chat_ids("chat_ids", chat_ids), "labels": as_labels("labels", labels)}
        await self._caller.call(UPDATE_LABELS.request(body=fields, phone=phone))

    async def update_access(
        self, chat_ids: Iterable[str], access: Mapping[str, bool], *, replace: bool, phone: str | None = None
    ) -> None:
        """Say of many chats, in one call, who of the account may see them.

        API: `PATCH /chats/access`

        Args:
            chat_ids: at least one. What the service does about one that it does not know is not documented.
            access: True for may, False for may not, by e-mail address of a user of the account.
            replace: True: in place of what the chats have; False: beside it.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable, or there is nothing to add; nothing was sent.
            PeriskopeError: as for `get`.
        """
        fields = {
            "chat_ids": as_chat_ids("chat_ids", chat_ids),
            "access": as_flags_by_name("access", access),
            "replace": as_flag("replace", replace) is True,  # always sent: what the service assumes is not documented
        }
        if not fields["access"] and not fields["replace"]:
            raise ConfigurationError("access: is empty, so with replace=False there is nothing to change")
        await self._caller.call(UPDATE_ACCESS.request(body=fields, phone=phone))

    async def update_ai_settings(
        self, chat_id: str, *, is_agent_allowed: bool | Unset = UNSET, is_flagging_allowed: bool | Unset = UNSET
    ) -> ChatAiSettings:
        """Say what the AI may do in a chat, and return what it then may; what is left out stays as it is.

        API: `PATCH /chats/{chat_id}/ai`; documented by its newest page only.

        Args:
            chat_id: the chat.
            is_agent_allowed: whether the agent may answer in it.
            is_flagging_allowed: whether messages in it may be flagged.

        Raises:
            ConfigurationError: an argument is unusable, or neither was passed; nothing was sent.
            NotFoundError: the service knows no such chat.
            PeriskopeError: as for `get`.
        """
        fields = {
            "is_agent_allowed": as_flag("is_agent_allowed", is_agent_allowed),
            "is_flagging_allowed": as_flag("is_flagging_allowed", is_flagging_allowed),
        }
        if all(value is UNSET for value in fields.values()):
            raise ConfigurationError("update_ai_settings: nothing to change")
        return await self._caller.call(UPDATE_AI_SETTINGS.request(chat_id=chat_id, body=fields))

    def list_audit_logs(
        self,
        /,
        chat_id: str,
        *,
        performed_by: str | Unset = UNSET,
        action: str | Unset = UNSET,
        offset: int = 0,
        page_size: int = PAGE_SIZE,
        limit: int | None = None,
        **query: QueryValue,
    ) -> AsyncGenerator[AuditLog, None]:
        """Walk who changed what of a chat, newest first, each once.

        Args:
            chat_id: as for `list_audit_logs_page`, which says more of the next two, too.
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
            partial(self.list_audit_logs_page, chat_id), chosen, offset=offset, page_size=page_size, limit=limit
        )

    async def list_audit_logs_page(
        self,
        /,
        chat_id: str,
        *,
        performed_by: str | Unset = UNSET,
        action: str | Unset = UNSET,
        offset: int = 0,
        limit: int = PAGE_SIZE,
        **query: QueryValue,
    ) -> AuditLogPage:
        """Return one page of who changed what of a chat, newest first.

        API: `GET /chats/{chat_id}/audit-logs`; documented by its newest page only.

        Args:
            chat_id: the chat; of a person's, the suffix may be left out.
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
        return await self._caller.call(LIST_AUDIT_LOGS.request(chat_id=chat_id, query=rows))


def _get(chat_id: str, *, phone: str | None = None) -> Request[Chat]:
    return GET.request(chat_id=as_chat_id("chat_id", chat_id), phone=phone)
