"""The reactions to the messages of a phone."""

from collections.abc import AsyncGenerator
from functools import partial
from operator import attrgetter

from periskope_async._io.caller import Caller
from periskope_async._io.paging import walk
from periskope_async._sansio.arguments import Moment, as_rows
from periskope_async._sansio.ids import as_chat_id, as_id
from periskope_async._sansio.operation import Operation, no_page
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.models.reactions import Reaction, ReactionPage

__all__ = ["Reactions"]

LIST = Operation("reactions.list", "GET", "/reactions", ReactionPage, idempotent=True, mismatch=no_page("reactions"))


class Reactions:
    """The reactions to the messages of a phone. Reached as `client.reactions`.

    To react yourself, see `Messages.react`. `phone` is in any usual spelling or `phone-…`; None for the client's.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def list(
        self,
        *,
        chat_id: str | Unset = UNSET,
        message_id: str | Unset = UNSET,
        start_time: Moment | Unset = UNSET,
        end_time: Moment | Unset = UNSET,
        page_size: int = 500,
        limit: int | None = None,
        phone: str | None = None,
    ) -> AsyncGenerator[Reaction, None]:
        """Walk all reactions, each once, while others come and go; as `Tickets.list`. For the rest see `list_page`.

        Raises:
            ConfigurationError: `page_size` or `limit` is below 1; nothing was sent.
            PeriskopeError: as for `list_page`; rows already read stay read.
        """
        fetch = partial(
            self.list_page,
            chat_id=chat_id,
            message_id=message_id,
            start_time=start_time,
            end_time=end_time,
            phone=phone,
        )
        return walk(fetch, attrgetter("reaction_id"), page_size=page_size, limit=limit)

    async def list_page(
        self,
        *,
        chat_id: str | Unset = UNSET,
        message_id: str | Unset = UNSET,
        start_time: Moment | Unset = UNSET,
        end_time: Moment | Unset = UNSET,
        offset: int = 0,
        limit: int = 500,
        phone: str | None = None,
    ) -> ReactionPage:
        """Return one page of the reactions, in an order that is not documented.

        API: `GET /reactions`, https://docs.periskope.app/api-reference/reactions/get-reactions

        Args:
            chat_id: the chat whose reactions are wanted.
            message_id: the message whose reactions are wanted.
            start_time: no reactions before this date, datetime or text; which of their times counts is not documented.
            end_time: none after it.
            offset: the first row, counted from 0.
            limit: how many rows at most; the service's default is 500, its maximum not documented.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `Tickets.get`.
        """
        query = {
            "chat_id": chat_id if isinstance(chat_id, Unset) else as_chat_id("chat_id", chat_id),
            "message_id": as_id("message_id", message_id),
            **as_rows(offset, limit, start_time=start_time, end_time=end_time),
        }
        return await self._caller.call(LIST.request(query=query, phone=phone))
