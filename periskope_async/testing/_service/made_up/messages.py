"""Made-up messages, in the short form of a ticket and in the API's full form. Pure; it must not know HTTP."""

import random

from periskope_async.testing._json import Json
from periskope_async.testing._service.account import NAMES, ORG_ID, ORG_PHONE, STAFF, SUBJECTS

__all__ = ["full_message", "make_message", "messages_by_id", "sent_message", "short_id", "short_message"]


def make_message(chat: Json, dice: random.Random, *, media: bool) -> Json:
    """A message of *chat* as a ticket shows it."""
    short = f"3EB0{dice.getrandbits(144):036X}"
    sender = dice.choice([*(chat["members"] or {ORG_PHONE: None})])
    tail = f"_{sender}" if chat["chat_type"] == "group" else ""
    return {
        "body": "" if media else f"{dice.choice(SUBJECTS)}\n\n{dice.choice(NAMES)}",
        "chat_id": chat["chat_id"],
        "media_path": f"{ORG_ID}/{short}.jpeg" if media else "",
        "message_id": f"{str(sender == ORG_PHONE).lower()}_{chat['chat_id']}_{short}{tail}",
        "org_phone": ORG_PHONE,
        "performed_by": dice.choice((None, *STAFF)),
        "sender_name": dice.choice(NAMES),
        "sender_phone": sender.partition("@")[0],
        "timestamp": "2025-01-24T05:11:08+00:00",
    }


def full_message(message: Json) -> Json:
    """*message*, in a ticket's short form, as the API's `Message`: other keys, and null where the ticket has `""`."""
    mine = message["message_id"].startswith("true_")
    path = message["media_path"]
    return {
        "ack": "3" if mine else None,
        "author": None,
        "body": message["body"],
        "broadcast_id": None,
        "chat_id": message["chat_id"],
        "delivery_info": {"delivered": {}, "delivered_count": 0, "pending": [], "read": {}, "read_count": 0},
        "from_me": mine,
        "has_media": bool(path),
        "id": {"from_me": mine, "remote": message["chat_id"], "serialized": message["message_id"]},
        "media": {"path": path, "mimetype": "image/jpeg", "filename": "photo.jpeg"} if path else None,
        "mentioned_ids": [],
        "message_id": message["message_id"],
        "message_type": "image" if path else "chat",
        "org_id": ORG_ID,
        "org_phone": message["org_phone"],
        "performed_by": message["performed_by"],
        "quoted_message_id": None,
        "sender_phone": f"{message['sender_phone']}@c.us",
        "timestamp": message["timestamp"],
        "unique_id": short_id(message["message_id"]),
    }


def messages_by_id(info: Json) -> dict[str, Json]:
    """The messages of a ticket, by full and by short id."""
    found: dict[str, Json] = {}
    for message in (info.get("message"), *(info.get("attached_messages") or ())):
        if message and message.get("message_id"):
            full = str(message["message_id"])
            found[full] = found[short_id(full)] = message
    return found


def short_id(message_id: str) -> str:
    """The short id in `true_<chat>_<id>` or `true_<chat>_<id>_<participant>`; another id as it is."""
    parts = message_id.split("_")
    return parts[2] if len(parts) > 2 else message_id  # the third part


def sent_message(chat_id: str, queue_id: str, unique_id: str, sent: Json, org_phone: str) -> Json:
    """What a send of *sent* puts into the chat, in the full form, before anybody has got it."""
    media, poll = sent.get("media"), sent.get("poll")
    tail = f"_{org_phone}" if chat_id.endswith("@g.us") else ""
    message_id = f"true_{chat_id}_{unique_id}{tail}"
    return {
        **full_message(
            {
                "body": sent.get("message") or "",
                "chat_id": chat_id,
                "media_path": "",
                "message_id": message_id,
                "org_phone": org_phone,
                "performed_by": "api",
                "sender_phone": org_phone.partition("@")[0],
                "timestamp": None,
            }
        ),
        "ack": "0",
        "has_media": bool(media),
        "has_quoted_msg": bool(sent.get("reply_to")),
        "has_reaction": False,
        "media": _file(media, unique_id) if media else None,
        "message_type": media["type"] if media else "poll_creation" if poll else "chat",
        "poll_info": poll or None,
        "quoted_message_id": sent.get("reply_to") or None,
        "reactions": [],
        "sent_message_id": queue_id,
        "to": chat_id,
    }


def short_message(message: Json) -> Json:
    """*message*, in the full form, as a ticket shows it."""
    return {
        "body": message["body"],
        "chat_id": message["chat_id"],
        "media_path": message["media"]["path"] if message["media"] else "",
        "message_id": message["message_id"],
        "org_phone": message["org_phone"],
        "performed_by": message["performed_by"],
        "sender_name": NAMES[0],
        "sender_phone": message["sender_phone"].partition("@")[0],
        "timestamp": message["timestamp"],
    }


def _file(media: Json, unique_id: str) -> Json:
    content = media.get("filedata") or ""
    size = {"size": len(content) * 3 // 4 - content[-2:].count("=")} if content else {}
    path = media.get("url") or f"{ORG_ID}/{unique_id}"
    return {"path": path, "mimetype": media["mimetype"], "filename": media["filename"], **size}
