"""The operations on notifications. It must not know sockets, faults or rate limits."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from periskope_async.testing._json import Json
from periskope_async.testing._service.answers import Answer, not_found
from periskope_async.testing._service.chats import CHATS
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.made_up.conversations import make_notifications
from periskope_async.testing._service.made_up.tickets import chats_of_tickets
from periskope_async.testing._service.operations import BY_TIME, PAGING, in_time, page
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State

__all__ = ["NOTIFICATIONS", "ROUTES", "notifications"]

NOTIFICATIONS: Final = Resource(
    name="notification",
    plural="notifications",
    rows_key="notifictions",  # so the vendor's types spell it
    id_key="notification_id",
    text_key="type",
    example_id="",
    other_id="true_0@g.us_3EB0FFFF_0@c.us_add",
    unknown_values={"type": "levitate"},
    row_of=lambda notification, _: notification,
)


def notifications(state: State) -> Objects:
    """What happened to each group before the start."""

    def make() -> Mapping[str, Json]:
        chats = chats_of_tickets(state.tickets, state.seed, null_chat=state.assumptions.null_chat)
        made: dict[str, Json] = {}
        for chat in chats.values():
            if chat["chat_type"] == "group":
                made |= {each["notification_id"]: each for each in make_notifications(chat, len(made))}
        return made

    return Objects(NOTIFICATIONS, MadeOnce(NOTIFICATIONS, make), state.lock, state.timestamp)


def _list(call: Call) -> Answer:
    if call.resource_id and call.of("chats").body(call.resource_id) is None:
        return not_found("chat")

    def wanted(name: str) -> bool:
        found = call.objects.get(name)
        of_chat = found.get("chat_id") == (call.resource_id or found.get("chat_id"))
        return of_chat and in_time(call, found.get("timestamp"))

    return page(call, wanted, rows_key=call.state.assumptions.notifications_key)


_route: Final = partial(
    Route, "notifications.list", method="GET", handler=_list, resource=NOTIFICATIONS, result="Notification", page=True
)

ROUTES: Final = (
    _route(
        operation_id="listAllNotifications",
        path="/chats/notifications",
        summary="Notifications, newest first",
        query=BY_TIME,
        phone=True,
    ),
    _route(
        operation_id="getNotificationsInAChat",
        path="/chats/{chat_id}/notifications",
        summary="Those of a chat, newest first",
        query=PAGING,
        owner=CHATS,
        phone=True,
    ),
)
