"""Made-up contacts: those who take part in chats. Pure; it must not know HTTP."""

from collections.abc import Mapping
from typing import Final

from periskope_async.testing._json import Json
from periskope_async.testing._service.account import COLOURS, ORG_ID, ORG_PHONE, image_url, label_id

__all__ = ["contacts_of_chats", "new_contact"]

_UPDATED_AT: Final = "2025-01-20T11:36:51.793829+00:00"


def contacts_of_chats(chats: Mapping[str, Json]) -> Mapping[str, Json]:
    """The people in *chats*, by id: all but the organisation's own phone."""
    contacts: dict[str, Json] = {}
    for chat_id, chat in chats.items():
        members: Mapping[str, Json] = chat.get("members") or {}
        for who, member in members.items():
            if who == ORG_PHONE:
                continue
            made = _of_member(member, business=chat["chat_type"] == "business")
            contacts.setdefault(who, made)["chat_ids"].append(chat_id)
    return contacts


def new_contact(contact_id: str, updated_at: str) -> Json:
    """The contact of whom nothing but the number is known."""
    return {
        "chat_ids": [],
        "contact_color": COLOURS[int(contact_id.partition("@")[0]) % len(COLOURS)],
        "contact_id": contact_id,
        "contact_image": None,
        "contact_name": None,
        "contact_type": "user",
        "is_imported": None,
        "is_internal": False,
        "is_my_contact": None,
        "is_wa_contact": None,
        "label_ids": {},
        "labels": [],
        "org_id": ORG_ID,
        "updated_at": updated_at,
    }


def _of_member(member: Json, *, business: bool) -> Json:
    labels = [name.strip() for name in member["contact_labels"].split(",") if name.strip()]
    return new_contact(member["contact_id"], _UPDATED_AT) | {
        "contact_color": member["contact_color"],
        "contact_image": image_url(member["contact_id"]) if member["contact_image"] else None,
        "contact_name": member["contact_name"] or None,
        "contact_type": "business" if business else "user",
        "is_internal": member["is_internal"],
        "is_wa_contact": True,
        "label_ids": {label_id(name): True for name in labels},
        "labels": labels,
    }
