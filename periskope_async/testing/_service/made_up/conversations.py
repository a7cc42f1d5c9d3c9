"""Made-up notes, notifications and reactions: pure functions of chats and messages. It must not know HTTP."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from periskope_async.testing._json import Json
from periskope_async.testing._service.account import ORG_ID, ORG_PHONE, STAFF, SUBJECTS
from periskope_async.testing._service.made_up.messages import short_id

__all__ = ["make_note", "make_notifications", "make_reaction", "moment"]

_START: Final = datetime(2025, 8, 15, 9, 30, tzinfo=UTC)
_KINDS: Final = ("add", "remove", "promote", "subject", "restrict_true")
_EMOJI: Final = ("👍", "😢", "", "🙏🏽")


def moment(number: int) -> str:
    """When thing *number* happened: an hour after the one before."""
    return (_START + timedelta(hours=number)).isoformat(timespec="milliseconds")


def make_note(chat_id: str, note_id: str, timestamp: str, body: str | None) -> Json:
    """A note in a chat, with its keys as the vendor's pages have them.

    Args:
        chat_id: the chat.
        note_id: its short id, a UUID.
        timestamp: when it was made.
        body: its text; None for none.
    """
    return {
        "message_id": f"true_{note_id}_api",
        "org_id": ORG_ID,
        "ack": "3",
        "body": body,
        "from_me": True,
        "message_type": "chat",
        "chat_id": chat_id,
        "timestamp": timestamp,
        "org_phone": ORG_PHONE,
        "performed_by": "api",
        "prev_body": None,
        "quoted_message_id": None,
        "sender_phone": ORG_PHONE,
        "sent_message_id": note_id,
        "updated_at": timestamp,
        "is_private_note": True,
        "media": None,
        "unique_id": note_id,
        "mentioned_ids": [f"@{STAFF[0]}"] if body and "@" in body else [],
        "is_deleted": None,
    }


def make_notifications(group: Json, first: int) -> Iterable[Json]:
    """What happened to a group, from thing number *first* on: one of each kind."""
    people = [name for name in group.get("members") or () if name != ORG_PHONE]
    for number, kind in enumerate(_KINDS, first):
        short = f"3EB0{number:036X}"
        yield {
            "notification_id": f"true_{group['chat_id']}_{short}_{ORG_PHONE}_{kind}",
            "org_id": ORG_ID,
            "org_phone": ORG_PHONE,
            "chat_id": group["chat_id"],
            "author": ORG_PHONE,
            "type": kind,
            "body": SUBJECTS[number % len(SUBJECTS)] if kind == "subject" else None,
            "recipientids": people[:2] if kind in {"add", "remove", "promote"} else None,
            "timestamp": moment(number),
            "unique_id": short,
            "id": {"fromMe": True, "id": short, "remote": group["chat_id"]},
            "metadata": None,
        }


def make_reaction(message: Json, number: int) -> Json:
    """A reaction, thing *number*, to a message in a ticket's form."""
    chat_id, message_id = message["chat_id"], message["message_id"]
    short = f"3EB1{number:036X}"
    reaction_id = f"false_{chat_id}_{short}"
    return {
        "reaction_id": reaction_id,
        "message_id": message_id,
        "org_id": ORG_ID,
        "org_phone": ORG_PHONE,
        "chat_id": chat_id,
        "sender_id": f"{message['sender_phone']}@c.us",
        "reaction": _EMOJI[number % len(_EMOJI)],
        "timestamp": moment(number),
        "ack": (None, 0, 3)[number % 3],
        "read": number % 2 == 0,
        "orphan": None,
        "orphan_reason": None,
        "unique_id": short_id(message_id),
        "id": {"from_me": False, "id": short, "remote": chat_id, "serialized": reaction_id},
        "msg_id": {"from_me": False, "id": short_id(message_id), "remote": chat_id, "serialized": message_id},
    }
