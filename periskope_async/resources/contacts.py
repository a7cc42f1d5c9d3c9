"""The contacts of the account."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from functools import partial
from operator import attrgetter
from typing import Any

from periskope_async._codec.converter import prepare
from periskope_async._io.caller import Caller
from periskope_async._io.changes import Subject, find_changes, pages_in_bulk
from periskope_async._io.many import fetch_many
from periskope_async._io.paging import walk
from periskope_async._io.sharing import read_shared
from periskope_async._io.source import Ids
from periskope_async._io.stream import open_stream
from periskope_async._sansio.arguments import Labels, as_flag, as_labels, as_rows, as_text
from periskope_async._sansio.ids import as_numbers
from periskope_async._sansio.operation import Operation, Request, about_another, no_page
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.bulk import BulkResult, Failed, Fetched, Progress
from periskope_async.changes import Changes, Details
from periskope_async.errors import ConfigurationError
from periskope_async.models.contacts import Contact, ContactCheck, ContactPage

__all__ = ["Contacts"]


def _id_of(contact: Contact) -> str:
    return contact.contact_id


_another = about_another(_id_of)

GET = Operation("contacts.get", "GET", "/contacts/{contact_id}", Contact, idempotent=True, mismatch=_another)
LIST = Operation("contacts.list", "GET", "/contacts", ContactPage, idempotent=True, mismatch=no_page("contacts"))
CREATE = Operation("contacts.create", "POST", "/contacts/create", Contact, idempotent=False, resource="contact")
UPDATE = Operation("contacts.update", "PATCH", "/contacts/{contact_id}", Contact, idempotent=True, mismatch=_another)
UPDATE_LABELS: Operation[None] = Operation("contacts.update_labels", "PATCH", "/contacts/labels", None, idempotent=True)
CHECK = Operation("contacts.check", "POST", "/contacts/check", tuple[ContactCheck, ...], idempotent=True)


class Contacts:
    """The contacts of the account. Reached as `client.contacts`.

    A contact id is a number with its country code; `@c.us` behind it, as in answers, may be left out.
    """

    def __init__(self, caller: Caller) -> None:
        prepare(Contact)
        self._caller = caller

    async def get(self, contact_id: str, *, max_age: float | None = None) -> Contact:
        """Return a contact, with the ids of the chats it is in.

        API: `GET /contacts/{contact_id}`, https://docs.periskope.app/api-reference/contacts/get-contact-by-id

        Args:
            contact_id: the contact.
            max_age: how old an answer may be, seconds; as for `Tickets.get`.

        Raises:
            ConfigurationError: the id cannot be one; nothing was sent.
            NotFoundError: the service knows no such contact.
            PeriskopeError: as for `Tickets.get`.
        """
        if not max_age:
            return await self._caller.call(_get(contact_id))
        return await read_shared(self._caller, _get, contact_id, max_age=max_age)

    async def get_many(
        self,
        contact_ids: Ids,
        *,
        deadline: float | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
    ) -> BulkResult[Contact]:
        """Return every one of many contacts that exists, and a plain account of the rest; as `Tickets.get_many`.

        Raises:
            ConfigurationError: `contact_ids` is one text or not iterable, or `deadline` no time. A bad id fails alone.
            ClientClosedError: the client is closed.
        """
        return await fetch_many(
            self._caller,
            _get,
            contact_ids,
            name="contact_ids",
            deadline=deadline,
            on_progress=on_progress,
            progress=progress,
            model=Contact,
        )

    def stream(
        self, contact_ids: Ids, *, ordered: bool = False
    ) -> AbstractAsyncContextManager[AsyncIterator[Fetched[Contact] | Failed]]:
        """Fetch many contacts and hand them over one by one, in bounded memory; as `Tickets.stream`."""
        return open_stream(self._caller, _get, contact_ids, name="contact_ids", ordered=ordered)

    def list(self, *, page_size: int = 2000, limit: int | None = None) -> AsyncGenerator[Contact, None]:
        """Walk all contacts, each once, even while others come and go; as `Tickets.list`. They lack `chat_ids`.

        Raises:
            ConfigurationError: `page_size` or `limit` is below 1; nothing was sent.
            PeriskopeError: as for `get`; rows already read stay read.
        """
        return walk(self.list_page, attrgetter("contact_id"), page_size=page_size, limit=limit)

    async def list_page(self, *, offset: int = 0, limit: int = 2000) -> ContactPage:
        """Return one page of the contacts, which lack `chat_ids`. The service knows no filters.

        API: `GET /contacts`, https://docs.periskope.app/api-reference/contacts/get-contacts

        Args:
            offset: the first row, counted from 0.
            limit: how many rows at most; the service's maximum is 2,000.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `get`.
        """
        return await self._caller.call(LIST.request(query=as_rows(offset, limit)))

    async def changed_since(
        self,
        state: Mapping[str, Any] | None = None,
        *,
        details: Details = "changed",
        page_size: int = 2000,
        on_progress: Callable[[Progress], None] | None = None,
        progress: bool = False,
    ) -> Changes[Contact, Contact]:
        """Return which contacts were created, updated and deleted since an earlier call; as `Tickets.changed_since`.

        A contact is deleted if it is listed no more and the service does not know it.

        Raises:
            ConfigurationError: `state` is not one, was damaged, or is of something else; or another argument is
                unusable. Nothing was sent.
            PeriskopeError: the list could not be read; the state still holds.
        """
        subject = self._subject(on_progress=on_progress, progress=progress)
        return await find_changes(subject, state, details=details, page_size=page_size)

    def _subject(
        self, *, on_progress: Callable[[Progress], None] | None = None, progress: bool = False
    ) -> Subject[Contact, Contact]:
        return Subject(
            of="contacts",
            scope="",
            fetch=pages_in_bulk(self._caller, lambda offset, limit: LIST.request(query=as_rows(offset, limit))),
            id_of=_id_of,
            remains=lambda contact_id: Contact(contact_id=contact_id),
            get_many=partial(self.get_many, on_progress=on_progress, progress=progress),
            row_model=Contact,
            full_model=Contact,
        )

    async def create(
        self,
        contact_id: str,
        contact_name: str,
        *,
        is_internal: bool | Unset = UNSET,
        labels: Labels | Unset = UNSET,
        phone: str | None = None,
    ) -> Contact:
        """Make a contact and return it. What becomes of one that exists is not documented: look before, or `update`.

        It is sent again only if the first cannot have arrived. An error whose `maybe_sent` is True leaves open whether
        the contact was made: `get` shows it.

        API: `POST /contacts/create`, https://docs.periskope.app/api-reference/contacts/create-contact

        Args:
            contact_id: the number with its country code, in any usual spelling.
            contact_name: the name it has in Periskope.
            is_internal: whether it is a colleague, whose messages are not flagged.
            labels: names; unknown ones are created.
            phone: the phone it is a contact of, in any usual spelling or as `phone-…`; None for the client's.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `Tickets.create`.
        """
        fields = {
            "contact_id": as_numbers("contact_id", [contact_id])[0],
            "contact_name": as_text("contact_name", contact_name),
            "is_internal": as_flag("is_internal", is_internal),
            "labels": as_labels("labels", labels),
        }
        return await self._caller.call(CREATE.request(body=fields, phone=phone))

    async def update(
        self,
        contact_id: str,
        *,
        contact_name: str | Unset = UNSET,
        is_internal: bool | Unset = UNSET,
        labels: Labels | Unset = UNSET,
    ) -> Contact:
        """Change some fields of a contact and return it as it then is.

        API: `PATCH /contacts/{contact_id}`, https://docs.periskope.app/api-reference/contacts/update-contact

        Args:
            contact_id: the contact.
            contact_name: the name it has in Periskope; on the phone it stays as it is.
            is_internal: whether it is a colleague, whose messages are not flagged.
            labels: names, all of them; unknown ones are created.

        Raises:
            ConfigurationError: an argument is unusable, or no field to change was passed; nothing was sent.
            NotFoundError: the service knows no such contact.
            PeriskopeError: as for `get`.
        """
        fields = {
            "contact_name": as_text("contact_name", contact_name),
            "is_internal": as_flag("is_internal", is_internal),
            "labels": as_labels("labels", labels),
        }
        if all(value is UNSET for value in fields.values()):
            raise ConfigurationError("update: no field to change")
        return await self._caller.call(UPDATE.request(contact_id=_bare(contact_id), body=fields))

    async def update_labels(self, contact_ids: Iterable[str], labels: Labels) -> None:
        """Give many contacts the same labels, in one call.

        API: `PATCH /contacts/labels`

        Args:
            contact_ids: numbers, at least one, in any usual spelling. What the service does about one that it does not
                know is not documented.
            labels: names, all of them, in place of those that the contacts have; unknown ones are created.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `get`.
        """
        fields = {"contact_ids": as_numbers("contact_ids", contact_ids), "labels": as_labels("labels", labels)}
        await self._caller.call(UPDATE_LABELS.request(body=fields))

    async def check(self, contact_ids: Iterable[str], *, phone: str | None = None) -> tuple[ContactCheck, ...]:
        """Return of each number whether it is on WhatsApp.

        Only the vendor's pages know this operation, and not its client 1.1.3. The most numbers of one call are not
        documented, and each costs the phone a question to WhatsApp.

        API: `POST /contacts/check`, https://docs.periskope.app/api-reference/contacts/check-contact

        Args:
            contact_ids: numbers, at least one, in any usual spelling.
            phone: the phone that asks, in any usual spelling or as `phone-…`; None for the client's.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `get`.
        """
        fields = {"contact_ids": as_numbers("contact_ids", contact_ids)}
        return await self._caller.call(CHECK.request(body=fields, phone=phone))


def _get(contact_id: str) -> Request[Contact]:
    return GET.request(contact_id=_bare(contact_id))


def _bare(contact_id: object) -> Any:
    # As the vendor documents the path: what a contact is asked for by lacks the `@c.us` that its answers end in.
    return contact_id.removesuffix("@c.us") if isinstance(contact_id, str) else contact_id  # refused as any other id
