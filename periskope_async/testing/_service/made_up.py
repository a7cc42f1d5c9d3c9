"""Made-up tickets, the same on every run: pure functions of a number and a seed. It must not know HTTP."""

import json
import random
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, TypeAlias

__all__ = [
    "EXAMPLE_ID",
    "LABELS",
    "ORG_ID",
    "ORG_PHONE",
    "VARIANTS",
    "Json",
    "dumps",
    "example",
    "made_chats",
    "made_messages",
    "messages_by_id",
    "number_of",
    "row_bytes",
    "row_of",
    "short_id",
    "ticket_bytes",
    "ticket_id",
]

Json: TypeAlias = dict[str, Any]

ORG_ID: Final = "2997dd64-89bf-48d3-9a22-b314fca017e5"
EXAMPLE_ID: Final = "BKT-001"

ORG_PHONE: Final = "918527184400@c.us"
_IMAGES: Final = f"https://storage.googleapis.com/periskope-images/{ORG_ID}"
_START: Final = datetime(2025, 1, 26, 13, 46, 21, 670006, tzinfo=UTC)

# Placeholders of a template; no other text contains them.
_ID: Final = "{{ticket_id}}"
_NUMBER: Final = "{{number}}"
_CREATED: Final = "{{created_at}}"

#: `int` refuses very long texts; nobody has that many tickets.
_MANY_DIGITS: Final = 12

#: Kinds of tickets that differ in more than id, number and date. A prime, so that no other period falls in with it.
VARIANTS: Final = 61

_COLOURS: Final = [
    "#B4876E",
    "#A5B337",
    "#06CF9C",
    "#25D366",
    "#02A698",
    "#7D9EF1",
    "#007BFC",
    "#5E47DE",
    "#7F66FF",
    "#9333EA",
    "#FA6533",
    "#C4532D",
    "#DC2626",
    "#FF2E74",
    "#DB2777",
]
_NAMES: Final = (
    "Asha Rao", "BK Local1", "Zoë Müller", "李小龍", "محمد علي", "Ольга", "दीपक शर्मा", "たなか", "O'Brien \"Ops\"",
    "👩‍👩‍👧‍👦 Family", "N'Golo \\ Sons", "e\u0301clair", "Support", "", "Łukasz", "ณัฐ",
)  # fmt: skip
_SUBJECTS: Final = (
    "Refund for order", "Cannot log in", "Паролът не работи", "配送が遅れています", "فاتورة غير صحيحة",
    "Printer on fire 🔥", "डिलीवरी कब होगी?", 'Quote "urgent" \\ escape\tme', "a,b;c|d", "Größe und Maß",
)  # fmt: skip
LABELS: Final = ("billing", "VIP", "bug", "Ürgent", "देरी", "needs reply", "retour 📦")
_STAFF: Final = ("bharat@periskope.app", "asha@example.com", "zoe+tickets@example.com")


def ticket_id(number: int) -> str:
    """The id of ticket *number*, counted from 1."""
    return f"BKT-{number:03d}"


def number_of(ticket_id: str) -> int | None:
    """The number in *ticket_id*, if `ticket_id` makes such ids."""
    digits = ticket_id.removeprefix("BKT-")
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < _MANY_DIGITS else 0
    return number if ticket_id == f"BKT-{number:03d}" else None


def ticket_bytes(number: int, seed: int, *, null_chat: bool = False) -> bytes:
    """The body that `GET /tickets/{id}` answers for ticket *number*; with *null_chat* rarely one outside any chat."""
    return example() if number == 1 else _filled(_template(number % VARIANTS, seed, null_chat=null_chat), number)


def row_bytes(number: int, seed: int, *, null_chat: bool = False) -> bytes:
    """The row of `GET /tickets` for ticket *number*; *null_chat* as of `ticket_bytes`."""
    return (
        _example_row() if number == 1 else _filled(_row_template(number % VARIANTS, seed, null_chat=null_chat), number)
    )


def made_chats(tickets: int, seed: int, *, null_chat: bool) -> Mapping[str, Json]:
    """The chats of the first so many tickets, by id."""
    return _made(min(tickets, VARIANTS + 1), seed, null_chat=null_chat)[0]


def made_messages(tickets: int, seed: int, *, null_chat: bool) -> Mapping[str, Json]:
    """The messages of the first so many tickets, by full and by short id."""
    return _made(min(tickets, VARIANTS + 1), seed, null_chat=null_chat)[1]


@lru_cache(maxsize=64)
def _made(tickets: int, seed: int, *, null_chat: bool) -> tuple[Mapping[str, Json], Mapping[str, Json]]:
    """Chats and messages by id. The first ticket of each variant, and the example, tell of all there are."""
    bodies = (ticket_bytes(number, seed, null_chat=null_chat) for number in range(1, tickets + 1))
    infos: list[Json] = [json.loads(body) for body in bodies]
    chats = {info["chat"]["chat_id"]: info["chat"] for info in infos if info["chat"]}
    messages = {name: message for info in infos for name, message in messages_by_id(info).items()}
    return MappingProxyType(chats), MappingProxyType(messages)


def messages_by_id(info: Json) -> dict[str, Json]:
    """The messages of a ticket, by full and by short id."""
    found: dict[str, Json] = {}
    for message in (info.get("message"), *(info.get("attached_messages") or ())):
        if message and message.get("message_id"):
            full = str(message["message_id"])
            found[full] = found[short_id(full)] = message
    return found


@lru_cache(maxsize=1)
def example() -> bytes:
    """The vendor's own example, ticket BKT-001, byte for byte."""
    return resources.files("periskope_async.testing").joinpath("ticket-info.example.json").read_bytes()


@lru_cache(maxsize=1)
def _example_row() -> bytes:
    return dumps(row_of(json.loads(example())))


def dumps(value: Any) -> bytes:
    """JSON as JavaScript writes it: no blanks, no escapes beyond the needed."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def row_of(info: Json, last_updated_at: str | None = None) -> Json:
    """The row of `GET /tickets` for the ticket of *info*: another shape, with null where the ticket has `""`."""
    ticket: Json = info["ticket"]
    chat: Json = info.get("chat") or {}
    labels = ticket.get("ticket_labels") or ""
    return {
        "ticket_id": ticket["ticket_id"],
        "org_id": ticket.get("org_id") or ORG_ID,
        "chat_id": chat.get("chat_id") or "",
        "subject": ticket.get("subject") or "",
        "created_at": ticket.get("created_at"),
        "last_updated_at": last_updated_at or ticket.get("created_at"),
        "is_deleted": bool(ticket.get("is_deleted")),
        "status": ticket.get("status") or None,
        "priority": ticket.get("priority"),
        "assignee": ticket.get("assignee") or None,
        "assigned_by": ticket.get("assigned_by") or None,
        "raised_by": ticket.get("raised_by") or None,
        "closed_at": ticket.get("closed_at") or None,
        "due_date": ticket.get("due_date") or None,
        "quoted_message_id": ticket.get("quoted_message_id") or None,
        "response_time": None,
        "custom_properties": ticket.get("ticket_custom_properties") or {},
        "label_ids": {},
        "labels": [name.strip() for name in labels.split(",") if name.strip()],
        "hubspot_metadata": {},
        "freshdesk_metadata": {},
        "zohodesk_metadata": {},
        "close_ticket_metadata": {},
    }


@lru_cache(maxsize=8 * VARIANTS)
def _template(variant: int, seed: int, *, null_chat: bool) -> bytes:
    """A ticket with placeholders for what differs between the tickets of one variant."""
    dice = random.Random(f"{seed}/{variant}")  # noqa: S311  # repeatable on purpose
    chat = _chat(variant, dice)
    quoted = None if variant % 5 == 0 else _message(chat, dice, media=variant % 4 == 1)
    info: Json = {
        "attached_messages": [_message(chat, dice, media=n % 2 == 1) for n in range(variant % 4)],
        "chat": chat,
        "message": quoted or ({}, None, dict.fromkeys(_message(chat, dice, media=False), ""))[variant // 5 % 3],
        "ticket": _ticket(variant, dice, quoted),
    }
    if null_chat and variant % 29 == 7:  # a rare ticket outside any chat
        info["chat"] = None
    return dumps(info)


@lru_cache(maxsize=8 * VARIANTS)
def _row_template(variant: int, seed: int, *, null_chat: bool) -> bytes:
    return dumps(row_of(json.loads(_template(variant, seed, null_chat=null_chat))))


def _filled(template: bytes, number: int) -> bytes:
    created = (_START + timedelta(seconds=61.37 * (number - 1))).isoformat()
    return (
        template.replace(_ID.encode(), ticket_id(number).encode())
        .replace(_NUMBER.encode(), str(number).encode())
        .replace(_CREATED.encode(), created.encode())
    )


def short_id(message_id: str) -> str:
    """The short id in `true_<chat>_<id>` or `true_<chat>_<id>_<participant>`; another id as it is."""
    parts = message_id.split("_")
    return parts[2] if len(parts) > 2 else message_id  # the third part


def _ticket(variant: int, dice: random.Random, quoted: Json | None) -> Json:
    status = ("open", "inprogress", "closed", "archived")[variant % 4]
    ticket: Json = {
        "assigned_by": dice.choice(("", None, *_STAFF)),
        "assignee": dice.choice(("", *_STAFF)),
        "created_at": _CREATED,
        "due_date": dice.choice(("", None, "2025-04-20", "2025-04-09T18:29:59+00:00", "2025-04-09 18:29:59+00")),
        "is_deleted": variant % 31 == 30,  # one in thirty
        "org_id": ORG_ID,
        "priority": variant % 5,
        "quoted_message_id": quoted["message_id"].split("_")[2] if quoted else dice.choice(("", None)),
        "raised_by": dice.choice((None, "", "customer@example.com")),
        "status": status,
        "subject": f"{dice.choice(_SUBJECTS)} #{_NUMBER}",
        "ticket_custom_properties": dice.choice(({}, None, {"property-1": "hello", "Größe": "42"})),
        "ticket_id": _ID,
        "ticket_labels": ", ".join(dice.sample(LABELS, variant % 4)),
    }
    if status == "closed":
        ticket |= {
            "closed_at": "2025-02-01T09:00:00.52+00:00",
            "closed_by": dice.choice(_STAFF),
            "closed_message": dice.choice(("", None, "Solved 👍")),
            "first_assigned_at": dice.choice((None, "2025-01-27T08:00:00.209Z")),
        }
    elif variant % 3 == 0:
        ticket |= dice.choice(({"closed_at": "", "closed_by": ""}, {"closed_at": None, "closed_by": None}))
    return ticket


def _chat(variant: int, dice: random.Random) -> Json:
    kind = "group" if variant % 5 in {1, 3} else "business" if variant % 11 == 4 else "user"  # a mix
    digits = f"9195{dice.randrange(10**8):08d}"
    chat_id = f"{digits}-1612345678@g.us" if kind == "group" else f"{digits}@c.us"
    people = {1: 200, 6: 40}.get(variant, 2 + variant % 7) if kind == "group" else 1
    ids = [ORG_PHONE, *(f"9198{dice.randrange(10**8):08d}@c.us" for _ in range(people))]
    if kind != "group":
        ids[1] = chat_id
    return {
        "chat_id": chat_id,
        "chat_image": _image(chat_id) if variant % 3 else None,
        "chat_labels": ("", None, "chatlabel1, chatlabel2", "VIP")[variant % 4],
        "chat_name": dice.choice(_NAMES) or None,
        "chat_type": kind,
        "created_at": ("2025-01-18T14:51:03+00:00", "2024-05-13 11:19:34+00", "2025-01-18T14:51:03.43Z")[variant % 3],
        "custom_properties": ({"Custom Property 1": "hello"}, {}, None)[variant % 3],
        "group_description": "Everything about parcels 📦\nsecond line" if kind == "group" else None,
        "invite_link": "https://chat.whatsapp.com/CGiTdfn1dUM8J67GEx1lyx" if kind == "group" else None,
        "is_muted": variant % 7 == 0,
        "members": None if variant % 23 == 22 else {who: _member(chat_id, who, dice) for who in ids},  # rare
        "org_id": ORG_ID,
        "org_phone": ORG_PHONE,
    }


def _member(chat_id: str, contact_id: str, dice: random.Random) -> Json:
    staff = contact_id == ORG_PHONE
    return {
        "chat_id": chat_id,
        "contact_color": dice.choice(_COLOURS),
        "contact_id": contact_id,
        "contact_image": _image(contact_id) if dice.random() < 0.5 else None,  # half of them
        "contact_labels": ", ".join(dice.sample(LABELS, dice.randrange(3))),
        "contact_name": "Support" if staff else dice.choice(_NAMES),
        "is_admin": staff or dice.random() < 0.2,  # a fifth of them
        "is_internal": staff,
        "is_super_admin": staff,
        "org_id": ORG_ID,
        "org_phone": ORG_PHONE,
    }


def _message(chat: Json, dice: random.Random, *, media: bool) -> Json:
    short = f"3EB0{dice.getrandbits(144):036X}"
    sender = dice.choice([*(chat["members"] or {ORG_PHONE: None})])
    tail = f"_{sender}" if chat["chat_type"] == "group" else ""
    return {
        "body": "" if media else f"{dice.choice(_SUBJECTS)}\n\n{dice.choice(_NAMES)}",
        "chat_id": chat["chat_id"],
        "media_path": f"{ORG_ID}/{short}.jpeg" if media else "",
        "message_id": f"{str(sender == ORG_PHONE).lower()}_{chat['chat_id']}_{short}{tail}",
        "org_phone": ORG_PHONE,
        "performed_by": dice.choice((None, *_STAFF)),
        "sender_name": dice.choice(_NAMES),
        "sender_phone": sender.partition("@")[0],
        "timestamp": "2025-01-24T05:11:08+00:00",
    }


def _image(who: str) -> str:
    return f"{_IMAGES}%2F{who.replace('@', '%40')}.jpg?timestamp=1737689973340"
