"""The two forms of one chat: the API's `Chat`, which is kept, and the shorter `ChatInfo` that a ticket shows. Pure.

Labels are a list there and one text here, custom properties go by id there and by name here.
"""

from typing import Any, Final, cast

from periskope_async.testing._json import Json
from periskope_async.testing._service.account import PROPERTY_IDS, label_id

__all__ = ["from_short", "full_id", "short_form", "with_short"]

_PROPERTY_NAMES: Final = {property_id: name for name, property_id in PROPERTY_IDS.items()}

#: What a ticket does not show of its chat. Of keys that nobody foresaw it shows all.
_FULL_ONLY: Final = frozenset(
    {
        *("assigned_to", "chat_access", "chat_org_phones", "closed_at", "flag_count_map", "hubspot_metadata"),
        *("info_admins_only", "is_archived", "is_exited", "label_ids", "labels", "latest_message", "member_add_mode"),
        *("member_count", "message_unread_count", "messages_admins_only", "override_chat_access", "updated_at"),
    }
)


def full_id(chat_id: str) -> str:
    """The id of a chat as the service answers it: of a chat with one person, `@c.us` may be left out."""
    return f"{chat_id}@c.us" if chat_id.replace("-", "").isdecimal() else chat_id


def short_form(chat: Json) -> Json:
    """What a ticket shows of *chat*."""
    info = {key: value for key, value in chat.items() if key not in _FULL_ONLY}
    if "labels" in chat:
        labels = chat["labels"]
        info["chat_labels"] = ", ".join(cast("list[str]", labels)) if isinstance(labels, list) else labels
    if "custom_properties" in chat:
        info["custom_properties"] = _renamed(chat["custom_properties"], _PROPERTY_NAMES)
    return info


def from_short(info: Json) -> Json:
    """All that a ticket holds of its chat, in the full form."""
    chat = {key: value for key, value in info.items() if key != "chat_labels"}
    if "chat_labels" in info:
        text = info["chat_labels"]
        names = [name.strip() for name in text.split(",") if name.strip()] if isinstance(text, str) else []
        labels = names if isinstance(text, str) else text
        chat |= {"labels": labels, "label_ids": {label_id(name): True for name in names}}
    if "custom_properties" in info:
        chat["custom_properties"] = _renamed(info["custom_properties"], PROPERTY_IDS)
    return chat


def with_short(chat: Json, info: Json) -> Json:
    """*chat* as it is when a ticket shows it as *info*: what only the full form has stays."""
    return {key: value for key, value in chat.items() if key in _FULL_ONLY} | from_short(info)


def _renamed(properties: Any, names: dict[str, str]) -> Any:
    if not isinstance(properties, dict):
        return properties
    return {names.get(name, name): value for name, value in cast("Json", properties).items()}
