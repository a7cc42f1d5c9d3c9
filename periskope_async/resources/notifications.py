"""The notifications of a phone: what happened to its chats and their members."""

from collections.abc import AsyncGenerator
from functools import partial
from operator import attrgetter
from typing import Final

from periskope_async._io.caller import Caller
from periskope_async._io.paging import walk
from periskope_async._sansio.arguments import Moment, as_rows
from periskope_async._sansio.ids import as_chat_id
from periskope_async._sansio.operation import Operation, no_page
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError
from periskope_async.models.notifications import Notification, NotificationPage

__all__ = ["Notifications"]

_no_page: Final = no_page("notifictions", "notifications", "messages")

LIST = Operation(
    "notifications.list", "GET", "/chats/notifications", NotificationPage, idempotent=True, mismatch=_no_page
)
LIST_OF_CHAT = Operation(
    "notifications.list", "GET", "/chats/{chat_id}/notifications", NotificationPage, idempotent=True, mismatch=_no_page
)


class Notifications:
    """What happened to the chats of a phone and their members. Reached as `client.notifications`.

    `phone` is in any usual spelling or `phone-…`; None for the client's.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        chat_id: str | Unset = UNSET,
        start_time: Moment | Unset = UNSET,
        end_time: Moment | Unset = UNSET,
        page_size: int = 2000,
        limit: int | None = None,
        phone: str | None = None,
    ) -> AsyncGenerator[Notification, None]:
        """Walk all notifications, each once, even while others come; as `Tickets.list`. For the rest see `list_page`.

        Raises:
            ConfigurationError: `page_size` or `limit` is below 1; nothing was sent.
            PeriskopeError: as for `list_page`; rows already read stay read.
        """
        fetch = partial(self.list_page, chat_id=chat_id, start_time=start_time, end_time=end_time, phone=phone)
        return walk(
            fetch, attrgetter("notification_id"), key_of=attrgetter("timestamp"), page_size=page_size, limit=limit
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
    ) -> NotificationPage:
        """Return one page of the notifications, newest first: those of all chats, or of one.

        API: `GET /chats/notifications`, https://docs.periskope.app/api-reference/chat/list-all-notifications;
        with `chat_id`, `GET /chats/{chat_id}/notifications`.

        Args:
            chat_id: the chat whose notifications are wanted. The API cannot narrow these by time.
            start_time: none before this date, datetime or text.
            end_time: none after it.
            offset: the first row, counted from 0.
            limit: how many rows at most; the service's maximum is 2,000.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable, or a time stands beside `chat_id`; nothing was sent.
            PeriskopeError: as for `Tickets.get`.
        """
        query = as_rows(offset, limit, start_time=start_time, end_time=end_time)
        if isinstance(chat_id, Unset):
            return await self._caller.call(LIST.request(query=query, phone=phone))
        for name in ("start_time", "end_time"):
            if query[name] is not UNSET:
                raise ConfigurationError(f"{name}: the API cannot narrow the notifications of one chat by time")
        return await self._caller.call(
            LIST_OF_CHAT.request(chat_id=as_chat_id("chat_id", chat_id), query=query, phone=phone)
        )
