"""Chats in full, pages of them, and what the AI may do in one."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.marks import EMPTY_MAPPING, LEFT_OUT, NULL, ROWS, Labels
from periskope_async._codec.model import Model, identity, sparse
from periskope_async._deferred import frozen
from periskope_async.models.infos import ChatMember, ChatType
from periskope_async.models.messages import Message
from periskope_async.models.pages import Page, rows_first, show_count

__all__ = ["Chat", "ChatAiSettings", "ChatPage"]


@frozen(kw_only=True, field_transformer=identity)
class Chat(Model):
    """A chat, in full.

    Attributes:
        chat_id: `…@c.us` for a person, `…@g.us` for a group.
        org_id: the organisation it belongs to.
        org_phone: the organisation's phone in it, with `@c.us`.
        chat_name: the name of the group or the contact.
        chat_type: user, group, business, unknown.
        chat_image: a URL or a path.
        created_at: when it was first seen.
        updated_at: when it last changed.
        assigned_to: the e-mail address of who works on it.
        labels: names of its labels.
        label_ids: which label ids are set.
        custom_properties: any JSON: values by property id or name.
        chat_access: who may see it, by e-mail address.
        override_chat_access: any JSON: likewise, in place of `chat_access`.
        active_phone: the phone that answers.
        chat_org_phones: the organisation's phones that are in it.
        common_chats: groups shared with the contact.
        initiated_by: who began it.
        closed_at: when it was closed; its unit is not documented.
        is_archived: whether it is archived.
        is_muted: whether it is muted on the phone.
        is_pinned: whether it is pinned.
        is_exited: whether the phone has left the group.
        members: participants by contact id.
        member_count: participants.
        member_add_mode: any JSON: who may add members, such as `"false"`.
        add_members_admins_only: whether only admins add members.
        info_admins_only: whether only admins edit name, picture and description.
        messages_admins_only: whether only admins send.
        group_description: the text of a group's description.
        group_metadata: any JSON: what WhatsApp says of the group.
        invite_link: the link into a group.
        parent_community_id: the community a group belongs to.
        latest_message: the newest message.
        latest_message_timestamp: when it was sent; its unit is not documented.
        latest_message_timestamp_map: likewise, by phone.
        latest_mention_at: when the organisation was last mentioned.
        message_unread_count: unread messages.
        unread_count: unread messages by phone.
        member_unread_count: unread messages by e-mail address of the organisation's user.
        member_closed_at: when each user closed it, by e-mail address; its unit is not documented.
        flag_count: flagged messages.
        flag_count_map: flagged messages by phone.
        pinned_messages: any JSON, one for each: `message_id`, `pinned_at`, `expires_at`.
        snooze_metadata: any JSON: `snooze_until`, `snooze_message`, `snooze_by`.
        ai_metadata: any JSON: how far the AI agent serves it.
        hubspot_metadata: any JSON, as the HubSpot integration left it.
        freshdesk_metadata: any JSON, as the Freshdesk integration left it.
        zohodesk_metadata: any JSON, as the Zoho Desk integration left it.
        zohocrm_metadata: any JSON, as the Zoho CRM integration left it.
    """

    chat_id: str
    org_id: str | None = None
    org_phone: str | None = None
    chat_name: str | None = None
    chat_type: ChatType | None = None
    chat_image: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    assigned_to: str | None = None
    labels: Labels = ()
    label_ids: Mapping[str, bool] = EMPTY_MAPPING
    custom_properties: Any = EMPTY_MAPPING
    chat_access: Mapping[str, bool] = field(default=EMPTY_MAPPING, metadata=NULL)
    override_chat_access: Any = field(default=None, metadata=LEFT_OUT)
    active_phone: str | None = field(default=None, metadata=LEFT_OUT)
    chat_org_phones: tuple[str, ...] = ()
    common_chats: tuple[str, ...] = field(default=(), metadata=LEFT_OUT)
    initiated_by: str | None = field(default=None, metadata=LEFT_OUT)
    closed_at: int | None = None
    is_archived: bool | None = field(default=None, metadata=LEFT_OUT)
    is_muted: bool | None = None
    is_pinned: bool | None = field(default=None, metadata=LEFT_OUT)
    is_exited: bool | None = None
    members: Mapping[str, ChatMember] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    member_count: int | None = None
    member_add_mode: Any = field(default=None, metadata=LEFT_OUT)
    add_members_admins_only: bool | None = field(default=None, metadata=LEFT_OUT)
    info_admins_only: bool | None = None
    messages_admins_only: bool | None = None
    group_description: str | None = None
    group_metadata: Mapping[str, Any] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    invite_link: str | None = None
    parent_community_id: str | None = field(default=None, metadata=LEFT_OUT)
    latest_message: Message | None = None
    latest_message_timestamp: int | None = field(default=None, metadata=LEFT_OUT)
    latest_message_timestamp_map: Mapping[str, int | None] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    latest_mention_at: datetime | None = field(default=None, metadata=LEFT_OUT)
    message_unread_count: int | None = None
    unread_count: Mapping[str, int] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    member_unread_count: Mapping[str, int] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    member_closed_at: Mapping[str, int] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    flag_count: int | None = field(default=None, metadata=LEFT_OUT)
    flag_count_map: Mapping[str, int] = field(default=EMPTY_MAPPING, metadata=NULL)
    pinned_messages: tuple[Mapping[str, Any], ...] = field(default=(), metadata=LEFT_OUT)
    snooze_metadata: Mapping[str, Any] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    ai_metadata: Mapping[str, Any] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    hubspot_metadata: Mapping[str, Any] = EMPTY_MAPPING
    freshdesk_metadata: Mapping[str, Any] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    zohodesk_metadata: Mapping[str, Any] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)
    zohocrm_metadata: Mapping[str, Any] = field(default=EMPTY_MAPPING, metadata=LEFT_OUT)


@frozen(kw_only=True, field_transformer=rows_first)
class ChatPage(Page[Chat]):
    """One page of the list of chats.

    Attributes:
        chats: its rows, in the order of the service.
    """

    chats: tuple[Chat, ...] = field(default=(), metadata=ROWS, repr=show_count)


@frozen(kw_only=True, field_transformer=sparse)
class ChatAiSettings(Model):
    """What the AI of an organisation may do in a chat.

    Attributes:
        chat_id: the chat.
        is_agent_allowed: whether the agent may answer in it.
        is_flagging_allowed: whether messages in it may be flagged.
    """

    chat_id: str
    is_agent_allowed: bool | None = None
    is_flagging_allowed: bool | None = None
