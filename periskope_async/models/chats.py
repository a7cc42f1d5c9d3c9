"""Chats and their members."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field, frozen

from periskope_async._codec.enums import OpenStrEnum
from periskope_async._codec.marks import EMPTY_MAPPING, EMPTY_TEXT
from periskope_async._codec.model import Model, identity

__all__ = ["Chat", "ChatMember", "ChatType"]


class ChatType(OpenStrEnum):
    """What kind of chat it is."""

    USER = "user"
    GROUP = "group"
    BUSINESS = "business"
    UNKNOWN = "unknown"


@frozen(kw_only=True, field_transformer=identity)
class ChatMember(Model):
    """A participant of a chat, with what the organisation's contacts know of them.

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
    """

    contact_id: str
    chat_id: str | None = None
    org_id: str | None = None
    org_phone: str | None = None
    contact_name: str | None = None
    contact_image: str | None = None
    contact_color: str | None = None
    contact_labels: tuple[str, ...] = field(default=(), metadata=EMPTY_TEXT)
    is_admin: bool | None = None
    is_super_admin: bool | None = None
    is_internal: bool | None = None


@frozen(kw_only=True, field_transformer=identity)
class Chat(Model):
    """The chat a ticket was opened in.

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
    chat_labels: tuple[str, ...] = field(default=(), metadata=EMPTY_TEXT)
    created_at: datetime | None = None
    custom_properties: Mapping[str, Any] = EMPTY_MAPPING
    group_description: str | None = None
    invite_link: str | None = None
    is_muted: bool | None = None
    members: Mapping[str, ChatMember] = EMPTY_MAPPING
