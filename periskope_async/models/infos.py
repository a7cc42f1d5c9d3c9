"""Chats and messages in the short form that tickets carry, and the members of chats."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import attrs
from attrs import field

from periskope_async._codec.enums import OpenStrEnum
from periskope_async._codec.marks import EMPTY_MAPPING, EMPTY_TEXT, Labels
from periskope_async._codec.model import Model, identity, sparse
from periskope_async._codec.sparse import stored_sparsely
from periskope_async._deferred import frozen

__all__ = ["ChatInfo", "ChatMember", "ChatType", "MessageInfo"]


class ChatType(OpenStrEnum):
    """What kind of chat it is."""

    USER = "user"
    GROUP = "group"
    BUSINESS = "business"
    UNKNOWN = "unknown"


@stored_sparsely
@attrs.frozen(kw_only=True, slots=False, field_transformer=sparse)
class _ContactDetails(Model):
    """What `ChatMember` has beside what the service is known to send with a chat."""

    __slots__ = ()

    contact_type: str | None = None
    contact_lid: str | None = None
    label_ids: Any = None
    name: str | None = None
    short_name: str | None = None
    pushname: str | None = None
    periskope_name: str | None = None
    verified_name: str | None = None
    verified_level: int | None = None
    number: str | None = None
    is_me: bool | None = None
    is_user: bool | None = None
    is_group: bool | None = None
    is_business: bool | None = None
    is_enterprise: bool | None = None
    is_my_contact: bool | None = None
    is_wa_contact: bool | None = None
    is_imported: bool | None = None
    is_blocked: bool | None = None
    business_profile: Any = None
    updated_at: datetime | None = None
    id: Any = None


@frozen(kw_only=True, field_transformer=identity)
class ChatMember(_ContactDetails):
    """A participant of a chat, with what the organisation's contacts know of them.

    The service sends the first eleven attributes, or ten of them; the others are in its types.

    Attributes:
        contact_id: such as `918527184400@c.us`.
        chat_id: the chat this membership is of.
        org_id: the organisation the contact belongs to.
        org_phone: the organisation's phone in the chat, with `@c.us`.
        contact_name: the name as the contacts have it.
        contact_image: a URL.
        contact_color: such as `#FA6533`.
        contact_labels: names of the contact's labels.
        is_admin: whether they administer the group.
        is_super_admin: whether they own the group.
        is_internal: whether they belong to the organisation.
        contact_type: user, business.
        contact_lid: WhatsApp's id of them that is not their number, with `@lid`.
        label_ids: any JSON: which label ids are set.
        name: the name in the phone's address book.
        short_name: the short form of it.
        pushname: the name they gave themselves.
        periskope_name: the name they have in Periskope.
        verified_name: the verified name of a business.
        verified_level: how far the business is verified.
        number: their number, digits only.
        is_me: whether it is the phone itself.
        is_user: whether it is a person.
        is_group: whether it is a group.
        is_business: whether it is a business account.
        is_enterprise: whether it is an enterprise account.
        is_my_contact: whether they are in the phone's address book.
        is_wa_contact: whether they have WhatsApp.
        is_imported: whether they were imported.
        is_blocked: whether they are blocked.
        business_profile: any JSON: what a business says of itself.
        updated_at: when the contact last changed.
        id: any JSON: WhatsApp's id; its keys differ from place to place.
    """

    contact_id: str
    chat_id: str | None = None
    org_id: str | None = None
    org_phone: str | None = None
    contact_name: str | None = None
    contact_image: str | None = None
    contact_color: str | None = None
    contact_labels: Labels = field(default=(), metadata=EMPTY_TEXT)
    is_admin: bool | None = None
    is_super_admin: bool | None = None
    is_internal: bool | None = None


@frozen(kw_only=True, field_transformer=identity)
class ChatInfo(Model):
    """A chat, in the short form tickets carry.

    Attributes:
        chat_id: `…@c.us` for a person, `…@g.us` for a group.
        org_id: the organisation it belongs to.
        org_phone: the organisation's phone in it, with `@c.us`.
        chat_name: the name shown.
        chat_type: user, group, business, unknown.
        chat_image: a URL or a path.
        chat_labels: names of its labels.
        created_at: when it was first seen.
        custom_properties: values by property.
        group_description: the text of a group's description.
        invite_link: the link into a group.
        is_muted: whether it is muted.
        members: participants by contact id.
    """

    chat_id: str
    org_id: str | None = None
    org_phone: str | None = None
    chat_name: str | None = None
    chat_type: ChatType | None = None
    chat_image: str | None = None
    chat_labels: Labels = field(default=(), metadata=EMPTY_TEXT)
    created_at: datetime | None = None
    custom_properties: Mapping[str, Any] = EMPTY_MAPPING
    group_description: str | None = None
    invite_link: str | None = None
    is_muted: bool | None = None
    members: Mapping[str, ChatMember] = EMPTY_MAPPING


@frozen(kw_only=True, field_transformer=identity)
class MessageInfo(Model):
    """A message, in the short form tickets carry.

    Attributes:
        message_id: the full id: `true_<chat>_<id>`, in groups with `_<participant>` after it.
        chat_id: the chat it was sent in.
        org_phone: the organisation's phone in the chat, with `@c.us`.
        body: the text.
        timestamp: when it was sent.
        media_path: where its media is.
        sender_name: the name of who sent it.
        sender_phone: the phone of who sent it, digits only.
        performed_by: the e-mail address of the organisation's user who sent it through Periskope.
    """

    message_id: str
    chat_id: str | None = None
    org_phone: str | None = None
    body: str | None = field(default=None, metadata=EMPTY_TEXT)
    timestamp: datetime | None = None
    media_path: str | None = field(default=None, metadata=EMPTY_TEXT)
    sender_name: str | None = None
    sender_phone: str | None = None
    performed_by: str | None = None
