"""The tickets there are, and how they show the chats that they are in. No HTTP here."""

import json
from collections.abc import Iterable
from typing import Final, cast

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.chat_forms import short_form, with_short
from periskope_async.testing._service.collection import Objects
from periskope_async.testing._service.made_up.messages import messages_by_id
from periskope_async.testing._service.made_up.tickets import (
    messages_of_tickets,
    number_of,
    row_bytes,
    row_of,
    ticket_bytes,
    ticket_id,
)
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.state import State

__all__ = ["TICKETS", "Tickets", "find_message", "next_id"]

TICKETS: Final = Resource(
    name="ticket",
    plural="tickets",
    id_key="ticket_id",
    object_key="ticket",
    text_key="subject",
    example_id="BKT-001",
    other_id="BKT-ANOTHER",
    unknown_values={"status": "snoozed", "priority": 9},
    row_of=row_of,
)


class _Made:
    """The tickets there are from the start, each made when it is asked for."""

    def __init__(self, count: int, seed: int, *, null_chat: bool) -> None:
        self._count = count
        self._seed = seed
        self._null_chat = null_chat

    def ids(self) -> Iterable[str]:
        return map(ticket_id, range(1, self._count + 1))

    def body(self, name: str) -> bytes | None:
        number = number_of(name)
        return ticket_bytes(number, self._seed, null_chat=self._null_chat) if 1 <= number <= self._count else None

    def row(self, name: str) -> bytes:
        return row_bytes(number_of(name), self._seed, null_chat=self._null_chat)


class Tickets(Objects):
    """Tickets, which show their chat as it is now: what one says of it, the chat and its other tickets say too."""

    def __init__(self, state: State) -> None:
        made = _Made(state.tickets, state.seed, null_chat=state.assumptions.null_chat)
        super().__init__(TICKETS, made, state.lock, state.timestamp)
        self._state = state

    def last(self, name: str) -> bytes | None:
        """The ticket as it last was, in its chat as that is now."""
        body = self.stored(name)
        chats = self._state.objects["chats"]
        if body is None or not chats.put_ids():
            return body
        info: Json = json.loads(body)
        chat_id = _chat_id(info)
        if chat_id not in chats.put_ids():
            return body
        return dumps(info | {"chat": short_form(json.loads(chats.last(chat_id) or b""))})

    def put(self, item: Json) -> str:
        """Add a ticket, or replace one; its chat and its messages are known from then on."""
        chats, chat_id = self._state.objects["chats"], _chat_id(item)
        with self._state.lock:
            if chat_id:
                before = chats.last(chat_id)
                chat: Json = {} if before is None else json.loads(before)
                if before is None or short_form(chat) != item["chat"]:
                    chats.put(with_short(chat, item["chat"]))
            self._state.messages |= messages_by_id(item)
            return super().put(item)


def find_message(state: State, message_id: str) -> Json | None:
    made = messages_of_tickets(state.tickets, state.seed, null_chat=state.assumptions.null_chat)
    return state.messages.get(message_id) or made.get(message_id)


def next_id(state: State) -> str:
    """The id that a new ticket gets: the next number that nobody took."""
    while state.objects["tickets"].body(ticket_id(state.next_ticket)) is not None:
        state.next_ticket += 1
    return ticket_id(state.next_ticket)


def _chat_id(info: Json) -> str:
    """The id of the chat in a ticket's body; `""` for none."""
    chat = info.get("chat")
    return str(cast("Json", chat).get("chat_id") or "") if isinstance(chat, dict) else ""
