"""Members of the organisation, and what becomes of invitations."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.enums import OpenStrEnum
from periskope_async._codec.marks import EMPTY_MAPPING, LEFT_OUT, keyed
from periskope_async._codec.model import Model, identity
from periskope_async._deferred import frozen

__all__ = ["InviteFailure", "InviteResult", "Member", "MemberRole"]


class MemberRole(OpenStrEnum):
    """What a member may do."""

    ADMIN = "admin"
    MEMBER = "member"


@frozen(kw_only=True, field_transformer=identity)
class Member(Model):
    """A person of the organisation, or one who was invited.

    Attributes:
        email: the address; the id of a member.
        role: admin or member.
        member_name: the name; None until the invitation is accepted.
        member_image: a URL.
        member_color: such as `#25D366`.
        member_metadata: any JSON, such as working hours.
        label_ids: of the labels whose chats the member may see; None as of `org_phones`.
        org_phones: the phones whose chats the member may see, with `@c.us`; None for all, by the vendor's types.
        is_active: whether the member is active.
        is_online: whether the member is online.
        is_owner: whether the member owns the organisation.
        user_id: None until the invitation is accepted.
        invited_at: when the invitation was sent.
        invited_by: who sent it.
        created_at: when the member was made.
        org_id: the organisation.
        preferences: any JSON: settings of the console.
    """

    email: str
    role: MemberRole | None = None
    member_name: str | None = None
    member_image: str | None = None
    member_color: str | None = None
    member_metadata: Any = None
    label_ids: tuple[str, ...] | None = None
    org_phones: tuple[str, ...] | None = None
    is_active: bool | None = None
    is_online: bool | None = None
    is_owner: bool | None = None
    user_id: str | None = None
    invited_at: datetime | None = None
    invited_by: str | None = None
    created_at: datetime | None = None
    org_id: str | None = None
    preferences: Any = None


@frozen(kw_only=True, field_transformer=identity)
class InviteFailure(Model):
    """An address that was not invited.

    Attributes:
        email: the address; None where the service does not say.
        error: why, as the service has it: `message`.
    """

    email: str | None = None
    error: Mapping[str, Any] = EMPTY_MAPPING

    @property
    def message(self) -> str:
        """Why, in the service's words; `""` where it gives none."""
        return str(self.error.get("message") or "")


@frozen(kw_only=True)
class InviteResult(Model):
    """What became of invitations: some may have failed.

    Attributes:
        members: who was invited (`addedMembers` in JSON).
        errors: who was not, and why.
    """

    members: tuple[Member, ...] = field(default=(), metadata=LEFT_OUT | keyed("addedMembers"))
    errors: tuple[InviteFailure, ...] = field(default=(), metadata=LEFT_OUT)
