"""The operations on reactions. It must not know sockets, faults or rate limits."""

from collections.abc import Mapping
from typing import Final

from periskope_async.testing._json import Json
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.chat_forms import full_id
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import QUERY_TEXT
from periskope_async.testing._service.made_up.conversations import make_reaction
from periskope_async.testing._service.made_up.tickets import messages_of_tickets
from periskope_async.testing._service.operations import BY_TIME, in_time, page
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State

__all__ = ["REACTIONS", "ROUTES", "reactions"]

REACTIONS: Final = Resource(
    name="reaction",
    plural="reactions",
    id_key="reaction_id",
    text_key="reaction",
    example_id="",
    other_id="false_0@c.us_3EB1FFFF",
    unknown_values={},
    row_of=lambda reaction, _: reaction,
)

#: Rows of a page where the query does not say how many.
_ROWS: Final = 500
_ECHO: Final = ("start_time", "end_time")


def reactions(state: State) -> Objects:
    """The reactions there are from the start: one to each message."""

    def make() -> Mapping[str, Json]:
        found = messages_of_tickets(state.tickets, state.seed, null_chat=state.assumptions.null_chat)
        messages = {message["message_id"]: message for message in found.values()}
        made = [make_reaction(message, number) for number, message in enumerate(messages.values())]
        return {reaction["reaction_id"]: reaction for reaction in made}

    return Objects(REACTIONS, MadeOnce(REACTIONS, make), state.lock, state.timestamp)


def _list(call: Call) -> Answer:
    # In which order they come nobody outside knows; here the newest come first, as in every other list.
    query = call.query

    def wanted(name: str) -> bool:
        found = call.objects.get(name)
        return (
            ("chat_id" not in query or found.get("chat_id") == full_id(query["chat_id"]))
            and ("message_id" not in query or query["message_id"] in {found.get("message_id"), found.get("unique_id")})
            and in_time(call, found.get("timestamp"))
        )

    return page(call, wanted, limit=_ROWS, echo=_ECHO)


ROUTES: Final = (
    Route(
        *("reactions.list", "getReactions", "GET", "/reactions", "Reactions, newest first", _list),
        resource=REACTIONS,
        result="Reaction",
        page=True,
        query={**BY_TIME, "chat_id": QUERY_TEXT, "message_id": QUERY_TEXT},
        phone=True,
        echo=_ECHO,
    ),
)
