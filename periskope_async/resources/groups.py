"""Groups: made, joined and left, their settings and their participants. All else of a group is in `chats`."""

from collections.abc import Iterable, Mapping
from typing import Any

from periskope_async._codec.converter import prepare
from periskope_async._io.caller import Caller
from periskope_async._sansio.arguments import as_flag, as_text
from periskope_async._sansio.ids import as_group_id, as_numbers
from periskope_async._sansio.operation import Operation, about_another
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError
from periskope_async.models.chats import Chat
from periskope_async.models.groups import GroupInvite, ParticipantResult

__all__ = ["Groups"]

#: What became of each participant, by id. To the type checkers a `Mapping` is not a class; the codec reads it as one.
_RESULTS: Any = Mapping[str, ParticipantResult]


def _id_of(chat: Chat) -> str:
    return chat.chat_id


_another = about_another(_id_of)
_Results = Operation[Mapping[str, ParticipantResult]]

CREATE = Operation("groups.create", "POST", "/chats/create", Chat, idempotent=False)
UPDATE = Operation("groups.update", "POST", "/chats/{chat_id}/settings", Chat, idempotent=True, mismatch=_another)
REFRESH_INVITE = Operation("groups.refresh_invite", "POST", "/chats/{chat_id}/invite", GroupInvite, idempotent=False)
ACCEPT_INVITE = Operation("groups.accept_invite", "POST", "/chats/accept-invite", Chat, idempotent=False)
ADD: _Results = Operation("groups.add_participants", "POST", "/chats/{chat_id}/add", _RESULTS, idempotent=False)
REMOVE: _Results = Operation(
    "groups.remove_participants", "POST", "/chats/{chat_id}/remove", _RESULTS, idempotent=False
)
PROMOTE: _Results = Operation(
    "groups.promote_participants", "POST", "/chats/{chat_id}/promote", _RESULTS, idempotent=False
)
DEMOTE: _Results = Operation(
    "groups.demote_participants", "POST", "/chats/{chat_id}/demote", _RESULTS, idempotent=False
)
LEAVE: Operation[None] = Operation("groups.leave", "POST", "/chats/{chat_id}/leave", None, idempotent=False)


class Groups:
    """The groups that a phone is in. Reached as `client.groups`.

    A `chat_id` is that of a group, `…@g.us`. `participants` are the phone numbers of people, at least one, in any usual
    spelling or as `<digits>@c.us`. `phone` is the phone that acts, in any usual spelling or as `phone-…`; None for the
    client's. In most groups it has to be an admin.

    All but `update` is sent again only if the first cannot have arrived. An error whose `maybe_sent` is True leaves
    open whether it was done: look at the group before you repeat it.
    """

    def __init__(self, caller: Caller) -> None:
        prepare(Chat, GroupInvite, _RESULTS)
        self._caller = caller

    async def create(
        self,
        group_name: str,
        participants: Iterable[str],
        *,
        description: str | Unset = UNSET,
        image: str | Unset = UNSET,
        add_members_admins_only: bool | Unset = UNSET,
        info_admins_only: bool | Unset = UNSET,
        messages_admins_only: bool | Unset = UNSET,
        force_add_participants: bool | Unset = UNSET,
        phone: str | None = None,
    ) -> Chat:
        """Create a group and return it. Who cannot be added is sent an invitation instead.

        Adding people who do not know the number looks like spam to WhatsApp, which bans numbers for it.

        API: `POST /chats/create`

        Args:
            group_name: its name.
            participants: see the class.
            description: what it is about.
            image: the URL of its picture.
            add_members_admins_only: whether only admins add members; the service's default is False, as of all below.
            info_admins_only: whether only admins edit name, picture and description.
            messages_admins_only: whether only admins send.
            force_add_participants: as the API has it, which does not explain it.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `Chats.get`.
        """
        options = {
            "description": as_text("description", description),
            "image": as_text("image", image),
            "addMembersAdminsOnly": as_flag("add_members_admins_only", add_members_admins_only),
            "infoAdminsOnly": as_flag("info_admins_only", info_admins_only),
            "messagesAdminsOnly": as_flag("messages_admins_only", messages_admins_only),
            "force_add_participants": as_flag("force_add_participants", force_add_participants),
        }
        options = {name: value for name, value in options.items() if value is not UNSET}
        fields = {
            "group_name": as_text("group_name", group_name),
            "participants": as_numbers("participants", participants),
            "options": options or UNSET,
        }
        return await self._caller.call(CREATE.request(body=fields, phone=phone))

    async def update(
        self,
        chat_id: str,
        *,
        name: str | Unset = UNSET,
        description: str | Unset = UNSET,
        image: str | Unset = UNSET,
        member_add_mode: bool | Unset = UNSET,
        info_admins_only: bool | Unset = UNSET,
        messages_admins_only: bool | Unset = UNSET,
        phone: str | None = None,
    ) -> Chat:
        """Change some settings of a group and return it as it then is.

        API: `POST /chats/{chat_id}/settings`

        Args:
            chat_id: the group.
            name: its name.
            description: what it is about.
            image: the URL of its picture.
            member_add_mode: whether only admins add members. The service's default is True: by its notes, a call that
                leaves this out may set it.
            info_admins_only: whether only admins edit name, picture and description; the service's default is False.
            messages_admins_only: whether only admins send; the service's default is False.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable, or nothing is to change; nothing was sent.
            NotFoundError: the group does not exist.
            PeriskopeError: as for `Chats.get`.
        """
        fields = {
            "name": as_text("name", name),
            "description": as_text("description", description),
            "image": as_text("image", image),
            "memberAddMode": as_flag("member_add_mode", member_add_mode),
            "infoAdminsOnly": as_flag("info_admins_only", info_admins_only),
            "messagesAdminsOnly": as_flag("messages_admins_only", messages_admins_only),
        }
        if all(value is UNSET for value in fields.values()):
            raise ConfigurationError("update: no setting to change")
        return await self._caller.call(
            UPDATE.request(chat_id=as_group_id("chat_id", chat_id), body=fields, phone=phone)
        )

    async def refresh_invite(self, chat_id: str, *, phone: str | None = None) -> GroupInvite:
        """Make a new link into a group and return it. The link before it is believed to lead nowhere from then on.

        API: `POST /chats/{chat_id}/invite`

        Raises:
            ConfigurationError: the id cannot be that of a group; nothing was sent.
            PeriskopeError: as for `Chats.get`.
        """
        request = REFRESH_INVITE.request(chat_id=as_group_id("chat_id", chat_id), phone=phone)
        return await self._caller.call(request)

    async def accept_invite(self, invite_code: str, *, phone: str | None = None) -> Chat:
        """Join the group that an invitation leads to, and return it.

        What the service answers to one who is in it is not documented.

        API: `POST /chats/accept-invite`, https://docs.periskope.app/api-reference/chat/accept-group-invite

        Args:
            invite_code: the last part of an invite link, or the whole link.
            phone: the phone that joins; see the class.

        Raises:
            ConfigurationError: the code is not text, or empty; nothing was sent.
            PeriskopeError: as for `Chats.get`.
        """
        code = str(as_text("invite_code", invite_code)).strip().partition("?")[0].removesuffix("/").rpartition("/")[2]
        fields = {"invite_code": as_text("invite_code", code)}
        return await self._caller.call(ACCEPT_INVITE.request(body=fields, phone=phone))

    async def add_participants(
        self,
        chat_id: str,
        participants: Iterable[str],
        *,
        force_add_participants: bool | Unset = UNSET,
        phone: str | None = None,
    ) -> Mapping[str, ParticipantResult]:
        """Add people to a group, and return by id, `<digits>@c.us`, what became of each: some may have failed.

        Who cannot be added is sent an invitation instead. Adding people who do not know the number looks like spam to
        WhatsApp, which bans numbers for it.

        API: `POST /chats/{chat_id}/add`, https://docs.periskope.app/api-reference/chat/add-participant

        Args:
            chat_id: the group.
            participants: see the class.
            force_add_participants: as the API has it, which does not explain it.
            phone: see the class.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            NotFoundError: the group does not exist.
            PeriskopeError: as for `Chats.get`.
        """
        force = as_flag("force_add_participants", force_add_participants)
        return await self._on_each(ADD, chat_id, participants, phone, force_add_participants=force)

    async def remove_participants(
        self, chat_id: str, participants: Iterable[str], *, phone: str | None = None
    ) -> Mapping[str, ParticipantResult]:
        """Remove people from a group, and return by id what became of each: some may have failed.

        API: `POST /chats/{chat_id}/remove`

        Raises:
            PeriskopeError: as for `add_participants`.
        """
        return await self._on_each(REMOVE, chat_id, participants, phone)

    async def promote_participants(
        self, chat_id: str, participants: Iterable[str], *, phone: str | None = None
    ) -> Mapping[str, ParticipantResult]:
        """Make admins of members of a group, and return by id what became of each: some may have failed.

        API: `POST /chats/{chat_id}/promote`

        Raises:
            PeriskopeError: as for `add_participants`.
        """
        return await self._on_each(PROMOTE, chat_id, participants, phone)

    async def demote_participants(
        self, chat_id: str, participants: Iterable[str], *, phone: str | None = None
    ) -> Mapping[str, ParticipantResult]:
        """Make mere members of admins of a group, and return by id what became of each: some may have failed.

        API: `POST /chats/{chat_id}/demote`

        Raises:
            PeriskopeError: as for `add_participants`.
        """
        return await self._on_each(DEMOTE, chat_id, participants, phone)

    async def leave(self, chat_id: str, *, phone: str | None = None) -> None:
        """Leave a group. What the service answers to one who has left it is not documented.

        API: `POST /chats/{chat_id}/leave`

        Raises:
            ConfigurationError: the id cannot be that of a group; nothing was sent.
            NotFoundError: the group does not exist.
            PeriskopeError: as for `Chats.get`.
        """
        await self._caller.call(LEAVE.request(chat_id=as_group_id("chat_id", chat_id), phone=phone))

    async def _on_each(
        self, operation: _Results, chat_id: str, participants: Iterable[str], phone: str | None, **options: object
    ) -> Mapping[str, ParticipantResult]:
        fields = {"participants": as_numbers("participants", participants), **options}
        request = operation.request(chat_id=as_group_id("chat_id", chat_id), body=fields, phone=phone)
        return await self._caller.call(request)
