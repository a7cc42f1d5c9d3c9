"""The messages that are to be sent later, once or again and again: all that is done to them, in one file."""

from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, date, datetime
from functools import partial
from operator import attrgetter
from typing import Any, Final, cast

from periskope_async._codec.converter import prepare
from periskope_async._io.caller import Caller
from periskope_async._io.paging import walk
from periskope_async._sansio.arguments import Moment, as_flag, as_future, as_moment, as_rows, as_text
from periskope_async._sansio.ids import as_chat_id
from periskope_async._sansio.operation import Operation, about_another, no_page
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError
from periskope_async.models.scheduled_messages import (
    ScheduledMessage,
    ScheduledMessageOccurrence,
    ScheduledMessageOccurrencePage,
    ScheduledMessagePage,
)
from periskope_async.resources._files import with_media
from periskope_async.resources._from_row import from_row
from periskope_async.sending import Media, content_fields

__all__ = ["ScheduledMessages"]

#: Rows of a page: as many as the service's page shows. Neither its default nor its maximum is documented.
_PAGE_SIZE: Final = 20


def _id_of(message: ScheduledMessage) -> str:
    return message.scheduled_id


_ONE: Final = "/message/scheduled/{scheduled_id}"

CREATE = Operation("scheduled_messages.create", "POST", "/message/scheduled", ScheduledMessage, idempotent=False)
LIST = Operation(
    "scheduled_messages.list",
    "GET",
    "/message/scheduled",
    ScheduledMessagePage,
    idempotent=True,
    mismatch=no_page("scheduled_messages"),
)
_of_one: Final = partial(
    Operation[ScheduledMessage],
    path=_ONE,
    result=ScheduledMessage,
    idempotent=True,
    mismatch=about_another(_id_of),
    resource="scheduled message",
)
GET = _of_one("scheduled_messages.get", "GET")
UPDATE = _of_one("scheduled_messages.update", "PATCH")
DELETE: Operation[None] = Operation(
    "scheduled_messages.delete", "DELETE", _ONE, None, idempotent=True, resource="scheduled message"
)
LIST_OCCURRENCES = Operation(
    "scheduled_messages.list_occurrences",
    "GET",
    f"{_ONE}/occurrences",
    ScheduledMessageOccurrencePage,
    idempotent=True,
    mismatch=no_page("occurrences"),
    resource="scheduled message",
)


class ScheduledMessages:
    """The messages that are to be sent later. Reached as `client.scheduled_messages`.

    These operations are documented by the service's newest pages only, in part by examples: what is read off an
    example, and not said, the arguments say. `phone` is the phone that sends, in any usual spelling or as `phone-…`;
    None for the client's.
    """

    def __init__(self, caller: Caller) -> None:
        prepare(ScheduledMessage)
        self._caller = caller

    async def create(
        self,
        chat_id: str,
        scheduled_at: Moment,
        *,
        message: str | None = None,
        media: Media | None = None,
        is_repeat: bool | Unset = UNSET,
        repeat_config: Mapping[str, Any] | Unset = UNSET,
        phone: str | None = None,
    ) -> ScheduledMessage:
        """Have a message sent later, once or again and again, and return what is scheduled.

        It is sent again only if the first cannot have arrived. An error whose `maybe_sent` is True leaves open whether
        it is scheduled: look before you repeat it, or people get it twice.

        API: `POST /message/scheduled`; documented by its newest page only.

        Args:
            chat_id: the chat, as `<digits>@c.us` (the suffix may be left out) or `…@g.us`.
            scheduled_at: when: a date, a datetime (without an offset it is taken for UTC), or text the service can
                read. Sent in UTC.
            message: the text, or the caption of the file.
            media: a file. That it is sent as `messages.send` sends it is presumed, not documented.
            is_repeat: whether it is sent again and again; presumed likewise.
            repeat_config: how often: `repeat_interval` (day, week, month), `repeat_value`, `repeat_days` ("monday" …
                "sunday"), `repeat_ends`, `timezone`. Read off what the service answers; a date or datetime is sent as
                text.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable, the time has passed, or there is nothing to send; nothing was
                sent.
            NotFoundError: the phone has no such chat.
            PeriskopeError: as for `Tickets.create`.
        """
        if isinstance(cast("object", scheduled_at), Unset):
            raise ConfigurationError("scheduled_at: expected a time to come")
        fields = {
            "chat_id": as_chat_id("chat_id", chat_id),
            **_when(scheduled_at, is_repeat, repeat_config),
            **content_fields(message, media, None, None),
        }
        return await self._caller.call(await with_media(CREATE.request(body=fields, phone=phone), media))

    async def get(self, scheduled_id: str) -> ScheduledMessage:
        """Return a scheduled message.

        API: `GET /message/scheduled/{scheduled_id}`; documented by its newest page only.

        Raises:
            ConfigurationError: the id cannot be one; nothing was sent.
            NotFoundError: the service knows no such scheduled message.
            PeriskopeError: as for `Tickets.get`.
        """
        return await self._caller.call(GET.request(scheduled_id=scheduled_id))

    def list(
        self, *, page_size: int = _PAGE_SIZE, limit: int | None = None, phone: str | None = None
    ) -> AsyncGenerator[ScheduledMessage, None]:
        """Walk all scheduled messages, each once, even while others come and go; as `Tickets.list`.

        Args:
            page_size: rows asked for at a time; how many the service allows is not documented.
            limit: rows to yield at most; None for all.
            phone: see the class.

        Raises:
            ConfigurationError: `page_size` or `limit` is below 1; nothing was sent.
            PeriskopeError: as for `get`; rows already read stay read.
        """
        fetch = partial(self.list_page, phone=phone)
        return walk(fetch, attrgetter("scheduled_id"), page_size=page_size, limit=limit)

    async def list_page(
        self, *, offset: int = 0, limit: int = _PAGE_SIZE, phone: str | None = None
    ) -> ScheduledMessagePage:
        """Return one page of the scheduled messages.

        API: `GET /message/scheduled`; documented by its newest page only.

        Args:
            offset: the first row, counted from 0; the name is presumed, as is the next.
            limit: how many rows at most; the service's maximum is not documented.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `get`.
        """
        return await self._caller.call(LIST.request(query=as_rows(offset, limit), phone=phone))

    async def update(
        self,
        /,
        scheduled_id: str,
        *,
        message: str | None = None,
        media: Media | None = None,
        scheduled_at: Moment | Unset = UNSET,
        is_repeat: bool | Unset = UNSET,
        repeat_config: Mapping[str, Any] | Unset = UNSET,
        skip_next: bool | Unset = UNSET,
        status: str | Unset = UNSET,
        **fields: Any,
    ) -> ScheduledMessage:
        """Change some fields of a scheduled message and return it as it then is.

        API: `PATCH /message/scheduled/{scheduled_id}`; documented by its newest page only, which shows `message` alone:
        the other names are read off what the service answers.

        Args:
            scheduled_id: its id.
            message: its text; None leaves it.
            media: its file; None leaves it.
            scheduled_at: as for `create`.
            is_repeat: as for `create`.
            repeat_config: as for `create`.
            skip_next: whether the next time is left out.
            status: where it is to stand; how one is paused is not documented.
            **fields: further fields, sent as they are: whatever JSON can say.

        Raises:
            ConfigurationError: an argument is unusable, the time has passed, or no field to change was passed; nothing
                was sent.
            NotFoundError: the service knows no such scheduled message.
            PeriskopeError: as for `get`.
        """
        changed = {
            **fields,
            **_when(scheduled_at, is_repeat, repeat_config),
            "skip_next": as_flag("skip_next", skip_next),
            "status": as_text("status", status),
            **({} if message is None and media is None else content_fields(message, media, None, None)),
        }
        if all(value is UNSET for value in changed.values()):
            raise ConfigurationError("update: no field to change")
        request = UPDATE.request(scheduled_id=scheduled_id, body=changed)
        return await self._caller.call(await with_media(request, media))

    async def delete(self, scheduled_id: str) -> None:
        """Delete a scheduled message for good; what became of its runs stays readable.

        API: `DELETE /message/scheduled/{scheduled_id}`; documented by its newest page only.

        Raises:
            ConfigurationError: the id cannot be one; nothing was sent.
            NotFoundError: the service knows no such scheduled message.
            PeriskopeError: as for `get`.
        """
        await self._caller.call(DELETE.request(scheduled_id=scheduled_id))

    def list_occurrences(
        self, scheduled_id: str, *, offset: int = 0, page_size: int = _PAGE_SIZE, limit: int | None = None
    ) -> AsyncGenerator[ScheduledMessageOccurrence, None]:
        """Walk the runs of a scheduled message, newest first: whether each was sent, failed or was left out.

        Args:
            scheduled_id: its id.
            offset: the first row, counted from 0.
            page_size: rows asked for at a time.
            limit: rows to yield at most; None for all.

        Raises:
            ConfigurationError: `offset` is below 0, `page_size` or `limit` below 1; nothing was sent.
            PeriskopeError: as for `get`; rows already read stay read.
        """
        fetch = from_row(partial(self.list_occurrences_page, scheduled_id), offset)
        return walk(fetch, attrgetter("id"), page_size=page_size, limit=limit)

    async def list_occurrences_page(
        self, scheduled_id: str, *, offset: int = 0, limit: int = _PAGE_SIZE
    ) -> ScheduledMessageOccurrencePage:
        """Return one page of the runs of a scheduled message, newest first.

        API: `GET /message/scheduled/{scheduled_id}/occurrences`; documented by its newest page only.

        Args:
            scheduled_id: its id.
            offset: the first row, counted from 0; the name is presumed, as is the next.
            limit: how many rows at most; the service's maximum is not documented.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            NotFoundError: the service knows no such scheduled message.
            PeriskopeError: as for `get`.
        """
        query = as_rows(offset, limit)
        return await self._caller.call(LIST_OCCURRENCES.request(scheduled_id=scheduled_id, query=query))


def _when(scheduled_at: object, is_repeat: object, repeat_config: object) -> dict[str, Any]:
    return {
        "scheduled_at": as_future("scheduled_at", scheduled_at, datetime.now(UTC)),
        "is_repeat": as_flag("is_repeat", is_repeat),
        "repeat_config": _as_repeat("repeat_config", repeat_config),
    }


def _as_repeat(name: str, value: object) -> dict[str, Any] | Unset:
    """Return how often something is repeated, its times as text; what else it says is the service's to judge."""
    if isinstance(value, Unset):
        return value
    if not isinstance(value, Mapping) or not value:
        raise ConfigurationError(f"{name}: expected a mapping such as {{'repeat_interval': 'week', 'repeat_value': 1}}")
    entries = cast("Mapping[object, object]", value).items()
    return {str(as_text(f"the names in {name}", key)): _plain(f"{name}[{key!r}]", each) for key, each in entries}


def _plain(name: str, value: object) -> object:
    if isinstance(value, date):
        return as_moment(name, value)
    if value is None or isinstance(value, str | int | list):
        return cast("object", value)
    raise ConfigurationError(f"{name}: expected text, a number, a list or a time, got {type(value).__name__}")
