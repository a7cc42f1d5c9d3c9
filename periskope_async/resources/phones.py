"""The phones of the organisation: connected by a code that is scanned, restarted, and deleted."""

import math

import anyio

from periskope_async._io.caller import Caller
from periskope_async._sansio.arguments import Labels, as_labels, as_seconds, as_text
from periskope_async._sansio.operation import Operation
from periskope_async._sansio.response import Content
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError, DeadlineExceeded, PeriskopeError
from periskope_async.models.phones import Phone, PhoneRow
from periskope_async.models.qr_images import QrImage

__all__ = ["Phones"]

LIST = Operation("phones.list", "GET", "/phones/all", tuple[Phone, ...], idempotent=True, resource="phone")
GET = Operation("phones.get", "GET", "/phones", Phone, idempotent=True, resource="phone")
GET_QR = Operation("phones.get_qr", "GET", "/phones/qr", Content, idempotent=True, resource="phone")
UPDATE = Operation("phones.update", "PATCH", "/phones/update", Phone, idempotent=True, resource="phone")
CREATE = Operation("phones.create", "POST", "/phones/create", PhoneRow, idempotent=False, resource="phone")
# A second resync may begin the work once more, a second restart cut off the first; and what a second delete or reset
# meets, a phone connected anew perhaps, nobody knows. So each goes once.
RESYNC: Operation[None] = Operation("phones.resync", "POST", "/phones/resync", None, idempotent=False, resource="phone")
RESTART: Operation[None] = Operation(
    "phones.restart", "POST", "/phones/restart", None, idempotent=False, resource="phone"
)
RESET: Operation[None] = Operation("phones.reset", "POST", "/phones/reset", None, idempotent=False, resource="phone")
DELETE: Operation[None] = Operation(
    "phones.delete", "DELETE", "/phones/delete", None, idempotent=False, resource="phone"
)


class Phones:
    """The phones of the organisation. Reached as `client.phones`.

    `phone` is the phone that is meant, in any usual spelling or as `phone-…`; None for the client's.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def list(self) -> tuple[Phone, ...]:
        """Return all phones of the organisation. It needs no phone, so it is how to find one.

        API: `GET /phones/all`, https://docs.periskope.app/api-reference/phones/get-all-phones

        Raises:
            PeriskopeError: as for `Tickets.get`.
        """
        return await self._caller.call(LIST.request())

    async def get(self, *, phone: str | None = None) -> Phone:
        """Return a phone.

        API: `GET /phones`, https://docs.periskope.app/api-reference/phones/get-phone

        Raises:
            ConfigurationError: `phone` cannot be one; nothing was sent.
            ValidationError: neither the call nor the client names a phone.
            PeriskopeError: as for `Tickets.get`.
        """
        return await self._caller.call(GET.request(phone=phone))

    async def get_qr(self, *, phone: str | None = None) -> QrImage:
        """Return the code that is scanned to connect a phone. There is one only while the phone is not connected.

        WhatsApp changes it every so often: show it soon, and ask again until `wait_until_connected` returns. `reset`
        makes a fresh one of a phone whose session is lost.

        API: `GET /phones/qr`, https://docs.periskope.app/api-reference/phones/get-qr

        Raises:
            ConfigurationError: `phone` cannot be one; nothing was sent.
            PeriskopeError: as for `Tickets.get`. What a connected phone gets is not documented.
        """
        content = await self._caller.call(GET_QR.request(phone=phone))
        return QrImage(content=content.data, content_type=content.media_type)

    async def wait_until_connected(
        self, *, phone: str | None = None, deadline: float | None = 120.0, every: float = 2.0
    ) -> Phone:
        """Return the phone once WhatsApp is connected, as after a scan; it is asked for again and again until then.

        A failure of the moment does not end it.

        Args:
            phone: see the class.
            deadline: seconds to wait in all; None for no end.
            every: seconds between the questions, each of which is a call of the rate limit.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            DeadlineExceeded: the phone was not connected in time; it says which state it was last in.
            PeriskopeError: as for `get`, where waiting cannot help.
        """
        every = as_seconds("every", every)
        limit = math.inf if deadline is None else as_seconds("deadline", deadline)
        seen = "it did not answer"
        with anyio.move_on_after(limit):
            while True:
                try:
                    found = await self.get(phone=phone)
                except PeriskopeError as failure:
                    if not failure.retryable:
                        raise
                else:
                    if found.is_connected:
                        return found
                    seen = f"its state is {found.wa_state or 'not known'}"
                await anyio.sleep(every)
        error = DeadlineExceeded(f"the phone was not connected within {limit:g} s: {seen}")
        error.resource = GET.resource
        error.retryable = True
        raise error

    async def update(
        self,
        *,
        phone_name: str | Unset = UNSET,
        phone_image: str | Unset = UNSET,
        labels: Labels | Unset = UNSET,
        phone: str | None = None,
    ) -> Phone:
        """Change some fields of a phone and return it as it then is.

        API: `PATCH /phones/update`

        Args:
            phone_name: the name shown; of a phone with the WhatsApp Business app it cannot be changed.
            phone_image: the URL of a picture.
            labels: names, all of them; unknown ones are created.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable, or no field to change was passed; nothing was sent.
            PeriskopeError: as for `get`.
        """
        fields = {
            "phone_name": as_text("phone_name", phone_name),
            "phone_image": as_text("phone_image", phone_image),
            "labels": as_labels("labels", labels),
        }
        if all(value is UNSET for value in fields.values()):
            raise ConfigurationError("update: no field to change")
        return await self._caller.call(UPDATE.request(body=fields, phone=phone))

    async def resync(self, *, phone: str | None = None) -> None:
        """Have the chats and messages of a phone read anew. It is heavy work for the phone, and is not sent twice.

        API: `POST /phones/resync`

        Raises:
            ConfigurationError: `phone` cannot be one; nothing was sent.
            PeriskopeError: as for `Tickets.create`.
        """
        await self._caller.call(RESYNC.request(phone=phone))

    async def restart(self, *, phone: str | None = None) -> None:
        """Start the session of a phone anew, without a scan. It is not sent twice.

        API: `POST /phones/restart`

        Raises:
            ConfigurationError: `phone` cannot be one; nothing was sent.
            PeriskopeError: as for `Tickets.create`.
        """
        await self._caller.call(RESTART.request(phone=phone))

    async def reset(self, *, phone: str | None = None) -> None:
        """Log a phone out: nothing is sent or received until its code is scanned again. It is not sent twice.

        API: `POST /phones/reset`

        Args:
            phone: the phone, which has to be named here: the client's does not count.

        Raises:
            ConfigurationError: no phone is named, or it cannot be one; nothing was sent.
            PeriskopeError: as for `Tickets.create`.
        """
        await self._caller.call(RESET.request(phone=_named("reset", phone)))

    async def create(self) -> PhoneRow:
        """Make a phone, to be connected by its code. Phones are billed.

        It is sent again only if the first cannot have arrived. An error whose `maybe_sent` is True leaves open whether
        it was made: `list` shows it.

        API: `POST /phones/create`

        Raises:
            PeriskopeError: as for `Tickets.create`.
        """
        return await self._caller.call(CREATE.request())

    async def delete(self, *, phone: str | None = None) -> None:
        """Take a phone out of the organisation. It is not sent twice.

        API: `DELETE /phones/delete`

        Args:
            phone: the phone, which has to be named here: the client's does not count.

        Raises:
            ConfigurationError: no phone is named, or it cannot be one; nothing was sent.
            PeriskopeError: as for `Tickets.create`.
        """
        await self._caller.call(DELETE.request(phone=_named("delete", phone)))


def _named(verb: str, phone: str | None) -> str:
    if phone is None:
        raise ConfigurationError(f"phone: has to be named to {verb} it; the phone of the client does not count")
    return phone
