"""The types of models, in either package. Never run: mypy and pyright read it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, assert_type

import periskope_async
import periskope_sync
from periskope_async import webhooks
from periskope_async.events import Event, MessageEvent, TicketUpdated, UnknownEvent
from periskope_async.records import ColumnKind, columns, from_record, to_record
from periskope_sync import (
    Chat,
    ChatMember,
    ChatPage,
    DeliveryInfo,
    Message,
    MessageFlag,
    MessageMedia,
    MessagePoll,
    MessageType,
    Note,
    NotificationPage,
    Page,
    PeriskopeError,
    QueueJob,
    Reaction,
    TicketInfo,
    TicketPage,
    TicketRow,
    answer_for,
)


def packages() -> None:
    """Both packages have the same models, and name their version."""
    assert_type(periskope_async.Chat, type[Chat])
    assert_type(periskope_sync.__version__, str)


def chats(chat: Chat, member: ChatMember) -> None:
    """Labels are a tuple, mappings have typed values, and a member has the fields that hardly ever come."""
    assert_type(chat.labels, tuple[str, ...])
    assert_type(chat.chat_access, Mapping[str, bool])
    assert_type(chat.latest_message_timestamp_map, Mapping[str, int | None])
    assert_type(chat.pinned_messages, tuple[Mapping[str, Any], ...])
    assert_type(chat.members, Mapping[str, ChatMember])
    assert_type(chat.latest_message, Message | None)
    assert_type(member.pushname, str | None)
    assert_type(member.updated_at, datetime | None)


def messages(message: Message) -> None:
    """What a message holds, and numbers that may come as text."""
    assert_type(message.message_type, MessageType | None)
    assert_type(message.media, MessageMedia | None)
    assert_type(message.delivery_info, DeliveryInfo | None)
    assert_type(message.flag_metadata, MessageFlag | None)
    assert_type(message.poll_info, MessagePoll | None)
    assert_type(message.reactions, tuple[Reaction, ...])
    assert_type(message.ack, str | None)
    assert_type(message.ack_level, int | None)
    assert_type(message.forwarding_score, int | None)


def pages(tickets: TicketPage, chats: ChatPage, page: Page[TicketRow]) -> None:
    """The rows of a page, by its own name and by that of all pages."""
    assert_type(chats.chats, tuple[Chat, ...])
    assert_type(chats.rows, tuple[Chat, ...])
    assert_type(tickets.rows, tuple[TicketRow, ...])
    assert_type(page.rows, tuple[TicketRow, ...])


def conversations(note: Note, page: NotificationPage, job: QueueJob) -> None:
    """Notes, notifications and jobs: what has one name in every form is typed once."""
    assert_type(note.media, MessageMedia | None)
    assert_type(note.ack_level, int | None)
    assert_type(page.rows[0].recipientids, tuple[str, ...])
    assert_type(job.queued_at, datetime | None)
    assert_type(job.message, Mapping[str, Any])


def converted(info: TicketInfo) -> None:
    """From JSON and to JSON, from records and to records: each class makes its own."""
    assert_type(TicketInfo.from_dict({}), TicketInfo)
    assert_type(Chat.from_json(b"{}"), Chat)
    assert_type(info.to_dict(), dict[str, Any])
    assert_type(info.to_json(), str)
    assert_type(info.to_record(), dict[str, Any])
    assert_type(to_record(info), dict[str, Any])
    assert_type(columns(Chat), Mapping[str, ColumnKind])
    assert_type(from_record({}), TicketInfo)
    assert_type(from_record({}, Chat), Chat)


def answers(error: PeriskopeError) -> None:
    """What a caller gets to see is a status, a detail and header fields."""
    assert_type(answer_for(error), tuple[int, str, dict[str, str]])


def deliveries(body: bytes, headers: dict[str, str]) -> None:
    """What happened is told apart by its class, and holds its model."""
    event = webhooks.parse(body, headers, ["new", "old"])
    assert_type(event, Event)
    match event:
        case TicketUpdated(info, previous=old):
            assert_type(info, TicketInfo)
            assert_type(old, Mapping[str, Any])
        case MessageEvent(message=message):
            assert_type(message, Message)
        case UnknownEvent(type=name):
            assert_type(name, str)
        case _:
            assert_type(webhooks.Seen().add(event), bool)
    assert_type(webhooks.sign(body, "key"), str)
    assert_type(webhooks.verify(body, None), None)
    assert_type(webhooks.signing_keys(["new", "old"]), tuple[str, ...])
