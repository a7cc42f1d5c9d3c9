"""What happens in the service, by the API's names of events: read off what an object was, and what it is now.

It must not know who is to hear of it, nor how.
"""

import threading
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

import attrs

from periskope_async.testing._json import Json
from periskope_async.testing._service.made_up.messages import short_id

__all__ = ["Happening", "Happenings", "Listener", "plural_of"]


@attrs.frozen
class Happening:
    """One event.

    Attributes:
        type: the API's name of it: `ticket.updated`.
        phone: the phone it happened to, as `<digits>@c.us`; `""` where what it is about has none.
        data: what it is about, in the form that the API documents for this event.
        previous: the old values of what was changed.
        timestamp: when, as the service writes it.
    """

    type: str
    phone: str
    data: Json
    previous: Json
    timestamp: str


Listener: TypeAlias = Callable[[Happening], None]
#: Of each event: its type, what it is about as the service keeps that, and the old values of what was changed.
_Events: TypeAlias = Iterable[tuple[str, Json, Json]]


class Happenings:
    """Passes on what happens to all who listen. Where nobody does, nobody looks for what happened.

    Listeners are called while the service is locked, in the thread of whoever caused it: they note it and return.

    Args:
        lock: of the whole service.
        timestamp: the service's time, as it writes it.
    """

    def __init__(self, lock: threading.RLock, timestamp: Callable[[], str]) -> None:
        self.lock: threading.RLock = lock
        self._timestamp = timestamp
        #: Replaced and never changed, so that a listener may end its listening.
        self.listeners: tuple[Listener, ...] = ()

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call *listener* with all that happens from now on; return what ends that."""
        with self.lock:
            self.listeners += (listener,)

        def end() -> None:
            with self.lock:
                self.listeners = tuple(each for each in self.listeners if each is not listener)

        return end

    def changed(self, plural: str, before: Json | None, after: Json | None) -> None:
        """Say that an object of a resource was *before*, and is *after*; None where there was or is none."""
        for name, item, previous in _events(plural, before, after):
            self.emit(name, item, previous)

    def emit(self, name: str, item: Json, previous: Json) -> None:
        """Say that something happened to *item*, as the service keeps it."""
        about: Json = (item.get("chat") or {}) if "ticket" in item else item
        phone = str(about.get("org_phone") or "")
        happening = Happening(name, phone, _as_data(name, item), previous, self._timestamp())
        with self.lock:
            for listener in self.listeners:
                listener(happening)


def plural_of(name: str) -> str:
    """The resource that holds what an event of this name is about.

    Raises:
        ValueError: nobody knows.
    """
    found = next((plural for start, plural in _PLURALS.items() if name.startswith(start)), None)
    if found is None:
        raise ValueError(f"{name!r}: what such an event is about is not known, so pass all of it")
    return found


#: By how the names of its events begin; the longer name first.
_PLURALS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "chat.notification.": "notifications",
        "chat.": "chats",
        "message.": "messages",
        "note.": "notes",
        "org.phone.": "phones",
        "reaction.": "reactions",
        "ticket.": "tickets",
    }
)


def _events(plural: str, before: Json | None, after: Json | None) -> _Events:
    """What it means that an object changes so. Of what has no event, such as the name of a chat, there is none."""
    if plural not in _RULES:
        return
    created, removed, changed = _RULES[plural]
    if before is None and after is not None and created:
        yield created, after, {}
    elif after is not None:
        yield from changed(before or {}, after)
    elif before is not None and removed:
        yield removed, before, {}


def _previous(before: Json, after: Json) -> Json:
    """The old values of what was changed."""
    return {key: before.get(key) for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def _taken(previous: Json, *keys: str) -> Json:
    """Take *keys* out of the old values."""
    return {key: previous.pop(key) for key in keys if key in previous}


def _nothing(_: Json, __: Json) -> _Events:
    return ()


def _ticket(before: Json, after: Json) -> _Events:
    previous = _previous(before["ticket"], after["ticket"])
    if previous:
        deleted = "is_deleted" in previous and after["ticket"].get("is_deleted")
        yield "ticket.deleted" if deleted else "ticket.updated", after, previous


def _chat(before: Json, after: Json) -> _Events:
    changed = _taken(_previous(before, after), "custom_properties")
    if changed:
        yield "chat.custom_properties.updated", after, changed


def _message(before: Json, after: Json) -> _Events:
    previous = _previous(before, after)
    _taken(previous, "updated_at", "has_reaction")
    if _taken(previous, "reactions"):
        yield from _reactions(before, after)
    if acked := _taken(previous, "ack", "delivery_info"):
        yield "message.ack.updated", after, acked
    if flagged := _taken(previous, "flag_status", "flag_metadata", "flag_response_time"):
        yield "message.flagged" if after.get("flag_status") else "message.unflagged", after, flagged
    if after.get("is_deleted") and (deleted := _taken(previous, "is_deleted")):
        yield "message.deleted", after, deleted
    if previous:
        yield "message.updated", after, previous


def _reactions(before: Json, after: Json) -> _Events:
    """Of the reactions that a message shows."""
    old = {each["reaction_id"]: each for each in before.get("reactions") or ()}
    for each in after.get("reactions") or ():
        yield from _events("reactions", old.get(each["reaction_id"]), each)


def _reaction(before: Json, after: Json) -> _Events:
    if previous := _previous(before, after):
        yield "reaction.updated", after, previous


def _phone(before: Json, after: Json) -> _Events:
    """Of a phone; *before* is `{}` where it is new."""
    previous = _previous(before, after)
    _taken(previous, "updated_at", "is_ready")
    if before and (state := _taken(previous, "wa_state")):
        connected = "CONNECTED" in (after.get("wa_state"), state["wa_state"])
        if connected:
            ending = "connected" if after.get("wa_state") == "CONNECTED" else "disconnected"
            yield f"org.phone.{ending}", after, state
    code = _taken(previous, "qr_code")
    if code and after.get("qr_code"):
        yield "org.phone.qr", after, code
    if before and previous:
        yield "org.phone.updated", after, previous


#: By resource: what the making and the removing of an object are called, where that is an event, and what a change is.
_RULES: Final[Mapping[str, tuple[str, str, Callable[[Json, Json], _Events]]]] = MappingProxyType(
    {
        "chats": ("chat.created", "", _chat),
        "messages": ("message.created", "message.deleted", _message),
        "notes": ("note.created", "", _nothing),
        "notifications": ("chat.notification.created", "", _nothing),
        "phones": ("", "", _phone),
        "reactions": ("reaction.created", "", _reaction),
        "tickets": ("ticket.created", "ticket.deleted", _ticket),
    }
)


def _as_data(name: str, item: Json) -> Json:
    """What an event of this name holds: of messages and reactions, the ids in parts have other keys than elsewhere."""
    match name.removeprefix("chat.").partition(".")[0]:
        case "created" | "custom_properties":
            return _CHAT | item
        case "message":
            return item | {"id": _parts(item, "message_id", mine=bool(item.get("from_me")))}
        case "reaction":
            mine = item.get("sender_id") == item.get("org_phone")
            message_id = _parts(item, "message_id", mine=str(item.get("message_id")).startswith("true_"))
            return _REACTION | item | {"id": _parts(item, "reaction_id", mine=mine), "msg_id": message_id}
        case _:
            return item


#: What a chat has in an event, and the fake does not know.
_CHAT: Final[Json] = dict.fromkeys(
    (
        *("active_phone", "add_members_admins_only", "ai_metadata", "flag_count", "initiated_by", "latest_mention_at"),
        *("latest_message_timestamp", "override_chat_access", "parent_community_id"),
    )
)
#: What a reaction has that a message shows it without.
_REACTION: Final[Json] = dict.fromkeys(("ack", "orphan", "orphan_reason", "read"))


def _parts(item: Json, key: str, *, mine: bool) -> Json:
    full = str(item.get(key) or "")
    return {"_serialized": full, "fromMe": mine, "id": short_id(full), "remote": str(item.get("chat_id") or "")}
