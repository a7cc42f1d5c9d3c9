"""An example of a delivery of each event, made of the fake's first ticket, chat, message and so on. Pure."""

import time
from collections.abc import Mapping
from typing import Any, Final

from periskope_async.testing._deliveries.envelope import body_of
from periskope_async.testing._json import Json
from periskope_async.testing._service.assumptions import Assumptions, Envelope
from periskope_async.testing._service.happenings import Happening, plural_of
from periskope_async.testing._service.service import Service

__all__ = ["EVENTS", "example_delivery"]

#: What is changed of an object in each event; nothing where it is made.
_CHANGES: Final[Mapping[str, Json]] = {
    "ticket.created": {},
    "ticket.updated": {"status": "closed", "priority": 3},
    "ticket.deleted": {"is_deleted": True},
    "message.created": {},
    "message.updated": {"body": "Issue with that", "prev_body": "Issue with this"},
    "message.deleted": {"is_deleted": True},
    "message.ack.updated": {"ack": "5"},
    "message.flagged": {"flag_status": True},
    "message.unflagged": {"flag_status": False},
    "message.ticket.attached": {},
    "chat.created": {},
    "chat.custom_properties.updated": {"custom_properties": {"property-tlkudzxmhjkgoktm": "Gold"}},
    "chat.notification.created": {},
    "reaction.created": {},
    "reaction.updated": {"reaction": "🙏🏽"},
    "note.created": {},
    "org.phone.updated": {"phone_name": "Sales"},
    "org.phone.connected": {"wa_state": "CONNECTED"},
    "org.phone.disconnected": {"wa_state": "DISCONNECTED", "is_ready": False},
    "org.phone.qr": {"wa_state": "DISCONNECTED", "is_ready": False, "qr_code": "2@example"},
}
#: The events there is an example of: all that the API documents.
EVENTS: Final = tuple(_CHANGES)
#: What the value was, where it is not what the fake has from the start.
_BEFORE: Final[Mapping[str, Json]] = {"org.phone.connected": {"wa_state": "DISCONNECTED"}}
#: Enough for a group among their chats, tickets.
_TICKETS: Final = 10


def example_delivery(
    event: str, data: Any = None, *, envelope: Envelope = "event_type", delivery_id: str = "example"
) -> bytes:
    """The body of a delivery of an event.

    Args:
        event: its name: one of `EVENTS`, or any where the data is passed.
        data: what it is about; None for an example.
        envelope: as `Assumptions` has it.
        delivery_id: the id of the delivery.

    Raises:
        ValueError: such an event has no example.
    """
    previous: Json = {}
    heard: list[Happening] = []
    service = Service(_TICKETS, seed=0, api_key="", assumptions=Assumptions(), now=time.time)
    happenings = service.state.happenings
    if data is None:
        if event not in _CHANGES:
            raise ValueError(f"{event!r} has no example; there are examples of {', '.join(EVENTS)}")
        objects = service.state.objects[plural_of(event)]
        data = objects.get(objects.ids()[0])
        item = objects.resource.object_in(data)
        previous = {key: item.get(key) for key in _CHANGES[event]} | _BEFORE.get(event, {})
        item.update(_CHANGES[event])
        end = happenings.listen(heard.append)
        happenings.emit(event, data, previous)
        end()
    else:
        heard.append(Happening(event, "", data, previous, service.state.timestamp()))
    return body_of(heard[0], delivery_id, envelope)
