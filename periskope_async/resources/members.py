"""The people of the organisation."""

import re
from collections.abc import Iterable
from typing import Any, Final

from periskope_async._io.caller import Caller
from periskope_async._sansio.arguments import as_one_of, as_texts
from periskope_async._sansio.ids import as_numbers
from periskope_async._sansio.operation import Operation, Request
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError
from periskope_async.models.members import InviteResult, Member, MemberRole

__all__ = ["Members"]

#: What no address can do without; whether it leads anywhere is for the service to find out.
_EMAIL: Final = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+")


def _unsaid(_: Request[InviteResult], result: InviteResult) -> str | None:
    # Every key is optional to a reader; of an error object in a 200 it would make invitations of which none failed.
    return None if result.to_dict().keys() & {"addedMembers", "errors"} else "the body does not say who was invited"


INVITE = Operation(
    "members.invite", "POST", "/members/invite", InviteResult, idempotent=False, mismatch=_unsaid, resource="member"
)
UPDATE_ACCESS = Operation(
    "members.update_access", "PATCH", "/members/access", tuple[Member, ...], idempotent=True, resource="member"
)
DELETE: Operation[None] = Operation(
    "members.delete", "DELETE", "/members/{id}", None, idempotent=False, resource="member"
)


class Members:
    """The people of the organisation. Reached as `client.members`.

    A member's id is the e-mail address. Labels and phones say which chats one of the role member sees; an admin sees
    all, whatever they say.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def invite(
        self,
        emails: Iterable[str],
        *,
        role: MemberRole | str | Unset = UNSET,
        labels: Iterable[str] | Unset | None = UNSET,
        org_phones: Iterable[str] | Unset | None = UNSET,
    ) -> InviteResult:
        """Invite people, and return who was invited and who was not: a call can succeed in part.

        It is sent again only if the first cannot have arrived. An error whose `maybe_sent` is True leaves open whether
        people have been written to.

        API: `POST /members/invite`, https://docs.periskope.app/api-reference/members/invite-members

        Args:
            emails: addresses, at least one.
            role: admin or member; left out, member.
            labels: names of the labels whose chats they see; None for all chats.
            org_phones: the phones whose chats they see, in any usual spelling; None for all.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `Tickets.create`.
        """
        fields = {
            "emails": _as_emails(emails),
            "role": as_one_of("role", role, MemberRole),
            **_access(labels, org_phones),
        }
        return await self._caller.call(INVITE.request(body=fields))

    async def update_access(
        self,
        emails: Iterable[str],
        *,
        labels: Iterable[str] | Unset | None = UNSET,
        org_phones: Iterable[str] | Unset | None = UNSET,
    ) -> tuple[Member, ...]:
        """Say of members which chats they see, and return them as they then are. Only the role member has limits.

        Of None, one page says that it clears the access, and another that it opens everything: which one holds is not
        known, so None is sent only where you pass it. The vendor's types require both; its page, one of the two.

        API: `PATCH /members/access`, https://docs.periskope.app/api-reference/members/update-member-access

        Args:
            emails: addresses, at least one.
            labels: names of the labels whose chats they see.
            org_phones: the phones whose chats they see, in any usual spelling.

        Raises:
            ConfigurationError: an argument is unusable, or there is nothing to change; nothing was sent.
            PeriskopeError: as for `Tickets.get`.
        """
        fields = {"emails": _as_emails(emails), **_access(labels, org_phones)}
        if fields["labels"] is UNSET and fields["orgPhones"] is UNSET:
            raise ConfigurationError("update_access: expected labels or org_phones")
        return await self._caller.call(UPDATE_ACCESS.request(body=fields))

    async def delete(self, email: str) -> None:
        """Take a person out of the organisation. It is not sent twice.

        API: `DELETE /members/{id}`, https://docs.periskope.app/api-reference/members/delete-member

        Raises:
            ConfigurationError: the address cannot be one; nothing was sent.
            NotFoundError: the service knows no such member.
            PeriskopeError: as for `Tickets.create`.
        """
        (address,) = _as_emails([email], "email")
        await self._caller.call(DELETE.request(id=address))


def _as_emails(values: object, name: str = "emails") -> list[str]:
    addresses = as_texts(name, values)
    if not addresses or isinstance(addresses, Unset):
        raise ConfigurationError(f"{name}: is empty")
    addresses = [address.strip() for address in addresses]
    if not all(map(_EMAIL.fullmatch, addresses)):
        raise ConfigurationError(f"{name}: expected e-mail addresses, such as 'asha@example.com'")
    return list(dict.fromkeys(addresses))


def _access(labels: object, org_phones: object) -> dict[str, Any]:
    """Return the fields that say which chats one sees. An empty list is refused: whether it is none or all, who knows.

    Raises:
        ConfigurationError: they cannot be sent.
    """
    names = None if labels is None else as_texts("labels", labels)
    if names == []:
        raise ConfigurationError("labels: is empty")
    phones = org_phones if isinstance(org_phones, Unset | None) else as_numbers("org_phones", org_phones)
    return {"labels": names, "orgPhones": phones}
