"""Made-up chats, in the short form of a ticket and in the full form of their own page. Pure; it must not know HTTP."""

import random
from typing import Final

from periskope_async.testing._json import Json
from periskope_async.testing._service.account import (
    COLOURS,
    LABELS,
    NAMES,
    ORG_ID,
    ORG_PHONE,
    STAFF,
    image_url,
    invite_link,
    phone_number,
)
from periskope_async.testing._service.chat_forms import from_short

__all__ = ["full_chat", "make_chat", "make_member", "new_chat"]

#: So wide a range of area codes is one variant's own: no two kinds of tickets come to share a chat.
_AREAS: Final = 8

_NOTHING_KNOWN: Final[Json] = {
    "chat_image": None,
    "chat_labels": "",
    "custom_properties": {},
    "group_description": None,
    "invite_link": None,
    "is_muted": False,
    "members": {},
    "org_id": ORG_ID,
    "org_phone": ORG_PHONE,
}


def make_chat(variant: int, dice: random.Random) -> Json:
    """The chat of tickets of this variant, as they show it."""
    kind = "group" if variant % 5 in {1, 3} else "business" if variant % 11 == 4 else "user"  # a mix
    digits = phone_number(dice, 200 + variant * _AREAS, _AREAS)
    chat_id = f"{digits}-1612345678@g.us" if kind == "group" else f"{digits}@c.us"
    people = {1: 200, 6: 40}.get(variant, 2 + variant % 7) if kind == "group" else 1
    ids = [ORG_PHONE, *(f"{phone_number(dice)}@c.us" for _ in range(people))]
    if kind != "group":
        ids[1] = chat_id
    return {
        "chat_id": chat_id,
        "chat_image": image_url(chat_id) if variant % 3 else None,
        "chat_labels": ("", None, "chatlabel1, chatlabel2", "VIP")[variant % 4],
        "chat_name": dice.choice(NAMES) or None,
        "chat_type": kind,
        "created_at": ("2025-01-18T14:51:03+00:00", "2024-05-13 11:19:34+00", "2025-01-18T14:51:03.43Z")[variant % 3],
        "custom_properties": ({"Custom Property 1": "hello"}, {}, None)[variant % 3],
        "group_description": "Everything about parcels 📦\nsecond line" if kind == "group" else None,
        "invite_link": invite_link(chat_id) if kind == "group" else None,
        "is_muted": variant % 7 == 0,
        "members": None if variant % 23 == 22 else {who: make_member(chat_id, who, dice) for who in ids},  # rare
        "org_id": ORG_ID,
        "org_phone": ORG_PHONE,
    }


def new_chat(chat_id: str, created_at: str) -> Json:
    """The chat, in the full form, of which nothing but its id is known."""
    kind = "group" if chat_id.endswith("@g.us") else "user"
    name = chat_id.partition("@")[0]
    chat = {"chat_id": chat_id, "chat_name": name, "chat_type": kind, "created_at": created_at, **_NOTHING_KNOWN}
    return full_chat(chat, 0, None)


def full_chat(info: Json, number: int, latest: Json | None) -> Json:
    """The chat that a ticket shows as *info*, as the API's `Chat`, which has more keys.

    Args:
        info: in a ticket's form.
        number: varies what that form does not say.
        latest: its newest message in the API's full form, if it is known.
    """
    group = info["chat_type"] == "group"
    more = {
        "assigned_to": (None, *STAFF)[number % 4],
        "chat_access": {STAFF[0]: True} if number % 2 else None,
        "chat_org_phones": [ORG_PHONE],
        "closed_at": None,
        "flag_count_map": None,
        "hubspot_metadata": {},
        "info_admins_only": number % 2 == 0 if group else None,
        "is_archived": number % 13 == 5,  # rarely
        "is_exited": False,
        "latest_message": latest,
        "member_add_mode": "false",
        "member_count": len(info["members"] or ()),
        "message_unread_count": number % 3 or None,
        "messages_admins_only": False,
        "updated_at": "2025-01-24T05:11:10.691753+00:00",
    }
    return dict(sorted((from_short(info) | more).items()))


def make_member(chat_id: str, contact_id: str, dice: random.Random) -> Json:
    """One who takes part in a chat; the organisation's own phone as its owner."""
    staff = contact_id == ORG_PHONE
    return {
        "chat_id": chat_id,
        "contact_color": dice.choice(COLOURS),
        "contact_id": contact_id,
        "contact_image": image_url(contact_id) if dice.random() < 0.5 else None,  # half of them
        "contact_labels": ", ".join(dice.sample(LABELS, dice.randrange(3))),
        "contact_name": "Support" if staff else dice.choice(NAMES),
        "is_admin": staff or dice.random() < 0.2,  # a fifth of them
        "is_internal": staff,
        "is_super_admin": staff,
        "org_id": ORG_ID,
        "org_phone": ORG_PHONE,
    }
