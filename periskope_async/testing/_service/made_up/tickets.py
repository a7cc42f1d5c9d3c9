"""Made-up tickets: pure functions of a number and a seed. It must not know HTTP.

BKT-001 is the vendor's own example, byte for byte.
"""

import json
import random
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib import resources
from types import MappingProxyType
from typing import Final, TypeAlias

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import LABELS, ORG_ID, STAFF, SUBJECTS
from periskope_async.testing._service.made_up.chats import full_chat, make_chat
from periskope_async.testing._service.made_up.messages import full_message, make_message, messages_by_id, short_id

__all__ = [
    "VARIANTS",
    "chats_of_tickets",
    "messages_of_tickets",
    "number_of",
    "row_bytes",
    "row_of",
    "ticket_bytes",
    "ticket_id",
]

_START: Final = datetime(2025, 1, 26, 13, 46, 21, 670006, tzinfo=UTC)

# Placeholders of a template; no other text contains them.
_ID: Final = "{{ticket_id}}"
_NUMBER: Final = "{{number}}"
_CREATED: Final = "{{created_at}}"

#: A body cut at its placeholders, which are pieces of their own.
_Template: TypeAlias = tuple[bytes, ...]

#: `int` refuses very long texts; nobody has that many tickets.
_MANY_DIGITS: Final = 12

#: Kinds of tickets that differ in more than id, number and date. A prime, so that no other period falls in with it.
VARIANTS: Final = 61


def ticket_id(number: int) -> str:
    """The id of ticket *number*, counted from 1."""
    return f"BKT-{number:03d}"


def number_of(ticket_id: str) -> int:
    """The number in *ticket_id*; 0 if `ticket_id` does not make such ids."""
    digits = ticket_id.removeprefix("BKT-")
    number = int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < _MANY_DIGITS else 0
    return number if ticket_id == f"BKT-{number:03d}" else 0


def ticket_bytes(number: int, seed: int, *, null_chat: bool = False) -> bytes:
    """The body that `GET /tickets/{id}` answers for ticket *number*; with *null_chat* rarely one outside any chat."""
    return _example() if number == 1 else _filled(_template(number % VARIANTS, seed, null_chat=null_chat), number)


def row_bytes(number: int, seed: int, *, null_chat: bool = False) -> bytes:
    """The row of `GET /tickets` for ticket *number*; *null_chat* as of `ticket_bytes`."""
    return (
        _example_row() if number == 1 else _filled(_row_template(number % VARIANTS, seed, null_chat=null_chat), number)
    )


def chats_of_tickets(tickets: int, seed: int, *, null_chat: bool) -> Mapping[str, Json]:
    """The chats of the first tickets, *tickets* of them, in the API's full form, by id."""
    # The first ticket of each variant, and the example, have all there are.
    return _chats(min(tickets, VARIANTS + 1), seed, null_chat=null_chat)


def messages_of_tickets(tickets: int, seed: int, *, null_chat: bool) -> Mapping[str, Json]:
    """The messages of the first tickets, *tickets* of them, by full and by short id."""
    return _messages(min(tickets, VARIANTS + 1), seed, null_chat=null_chat)


@lru_cache(maxsize=64)
def _chats(tickets: int, seed: int, *, null_chat: bool) -> Mapping[str, Json]:
    chats: dict[str, Json] = {}
    for number, info in enumerate(_infos(tickets, seed, null_chat=null_chat), 1):
        if info["chat"]:
            messages = [*messages_by_id(info).values()]
            latest = full_message(messages[-1]) if messages and number % 3 == 0 else None  # the other chats have none
            chats[info["chat"]["chat_id"]] = full_chat(info["chat"], number, latest)
    return MappingProxyType(chats)


@lru_cache(maxsize=64)
def _messages(tickets: int, seed: int, *, null_chat: bool) -> Mapping[str, Json]:
    infos = _infos(tickets, seed, null_chat=null_chat)
    return MappingProxyType({name: message for info in infos for name, message in messages_by_id(info).items()})


def _infos(tickets: int, seed: int, *, null_chat: bool) -> Iterator[Json]:
    for number in range(1, tickets + 1):
        yield json.loads(ticket_bytes(number, seed, null_chat=null_chat))


@lru_cache(maxsize=1)
def _example() -> bytes:
    return resources.files("periskope_async.testing._service.made_up").joinpath("ticket-info.example.json").read_bytes()


@lru_cache(maxsize=1)
def _example_row() -> bytes:
    return dumps(row_of(json.loads(_example())))


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
def _template(variant: int, seed: int, *, null_chat: bool) -> _Template:
    return _cut(_variant(variant, seed, null_chat=null_chat))


@lru_cache(maxsize=8 * VARIANTS)
def _row_template(variant: int, seed: int, *, null_chat: bool) -> _Template:
    return _cut(row_of(_variant(variant, seed, null_chat=null_chat)))


def _cut(item: Json) -> _Template:
    return tuple(re.split(rb"(\{\{[a-z_]+\}\})", dumps(item)))


def _filled(template: _Template, number: int) -> bytes:
    values = {
        _ID.encode(): ticket_id(number).encode(),
        _NUMBER.encode(): str(number).encode(),
        _CREATED.encode(): (_START + timedelta(seconds=61.37 * (number - 1))).isoformat().encode(),
    }
    return b"".join([values.get(piece, piece) for piece in template])


def _variant(variant: int, seed: int, *, null_chat: bool) -> Json:
    """A ticket with placeholders for what differs between the tickets of one variant."""
    dice = random.Random(f"{seed}/{variant}")  # noqa: S311  # repeatable on purpose
    chat = make_chat(variant, dice)
    quoted = None if variant % 5 == 0 else make_message(chat, dice, media=variant % 4 == 1)
    info: Json = {
        "attached_messages": [make_message(chat, dice, media=n % 2 == 1) for n in range(variant % 4)],
        "chat": chat,
        "message": quoted or ({}, None, dict.fromkeys(make_message(chat, dice, media=False), ""))[variant // 5 % 3],
        "ticket": _ticket(variant, dice, quoted),
    }
    if null_chat and variant % 29 == 7:  # a rare ticket outside any chat
        info["chat"] = None
    return info


def _ticket(variant: int, dice: random.Random, quoted: Json | None) -> Json:
    status = ("open", "inprogress", "closed", "archived")[variant % 4]
    ticket: Json = {
        "assigned_by": dice.choice(("", None, *STAFF)),
        "assignee": dice.choice(("", *STAFF)),
        "created_at": _CREATED,
        "due_date": dice.choice(("", None, "2025-04-20", "2025-04-09T18:29:59+00:00", "2025-04-09 18:29:59+00")),
        "is_deleted": variant % 31 == 30,  # one in thirty
        "org_id": ORG_ID,
        "priority": variant % 5,
        "quoted_message_id": short_id(quoted["message_id"]) if quoted else dice.choice(("", None)),
        "raised_by": dice.choice((None, "", "customer@example.com")),
        "status": status,
        "subject": f"{dice.choice(SUBJECTS)} #{_NUMBER}",
        "ticket_custom_properties": dice.choice(({}, None, {"property-1": "hello", "Größe": "42"})),
        "ticket_id": _ID,
        "ticket_labels": ", ".join(dice.sample(LABELS, variant % 4)),
    }
    if status == "closed":
        ticket |= {
            "closed_at": "2025-02-01T09:00:00.52+00:00",
            "closed_by": dice.choice(STAFF),
            "closed_message": dice.choice(("", None, "Solved 👍")),
            "first_assigned_at": dice.choice((None, "2025-01-27T08:00:00.209Z")),
        }
    elif variant % 3 == 0:
        ticket |= dice.choice(({"closed_at": "", "closed_by": ""}, {"closed_at": None, "closed_by": None}))
    return ticket
