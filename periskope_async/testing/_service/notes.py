"""The operations on notes. It must not know sockets, faults or rate limits."""

from collections.abc import Mapping
from functools import partial
from typing import Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import STAFF, SUBJECTS, made_id
from periskope_async.testing._service.answers import Answer, not_found
from periskope_async.testing._service.chat_forms import full_id
from periskope_async.testing._service.chats import CHATS
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import CHAT_ID, TEXT, Body
from periskope_async.testing._service.made_up.conversations import make_note, moment
from periskope_async.testing._service.made_up.tickets import chats_of_tickets
from periskope_async.testing._service.message_fields import MEDIA
from periskope_async.testing._service.operations import BY_TIME, in_time, page, read
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State

__all__ = ["NOTES", "ROUTES", "notes"]

#: Rows of a page where the query does not say how many.
_ROWS: Final = 500


def _full(note_id: str) -> str:
    """The id of a note in full. Whether the service takes the short one as well nobody outside knows; here it does."""
    return note_id if "_" in note_id else f"true_{note_id}_api"


NOTES: Final = Resource(
    name="note",
    plural="notes",
    id_key="message_id",
    parameter="note_id",
    text_key="body",
    example_id=_full(made_id("note", 0, 0)),
    other_id="true_00000000-0000-4000-8000-00000000ffff_api",
    unknown_values={"message_type": "hologram"},
    full_id=_full,
    row_of=lambda note, _: note,
)


def notes(state: State) -> Objects:
    """The notes there are from the start: one in each chat."""

    def make() -> Mapping[str, Json]:
        chats = chats_of_tickets(state.tickets, state.seed, null_chat=state.assumptions.null_chat)
        made = [
            make_note(chat_id, made_id("note", state.seed, number), moment(number), _text(number))
            for number, chat_id in enumerate(chats)
        ]
        return {note["message_id"]: note for note in made}

    return Objects(NOTES, MadeOnce(NOTES, make), state.lock, state.timestamp)


def _text(number: int) -> str:
    mention = f"@{STAFF[0]} " if number % 3 == 1 else ""  # a third of them
    return mention + SUBJECTS[number % len(SUBJECTS)]


def _list(call: Call) -> Answer:
    if call.resource_id and call.of("chats").body(call.resource_id) is None:
        return not_found("chat")

    def wanted(name: str) -> bool:
        note = call.objects.get(name)
        return note.get("chat_id") == (call.resource_id or note.get("chat_id")) and in_time(call, note.get("timestamp"))

    return page(call, wanted, limit=_ROWS, echo=_ECHO)


def _create(call: Call) -> Answer:
    body, state, objects = call.body, call.state, call.objects
    chat_id, media = full_id(body["chat_id"]), body.get("media")
    if call.of("chats").body(chat_id) is None:
        return not_found("chat")
    with state.lock:
        note_id = made_id("note", f"{state.seed} made", len(objects.put_ids()))
        note = make_note(chat_id, note_id, state.timestamp(), body.get("message") or None)
        note |= {"org_phone": call.acting, "sender_phone": call.acting}
        note["quoted_message_id"] = body.get("reply_to") or None
        if media:
            note["message_type"] = media["type"]
            note["media"] = {key: media[key] for key in ("mimetype", "filename", "filedata") if key in media}
            note["media"] |= {"path": media["url"]} if "url" in media else {}
        objects.put(note)
    return Answer(200, dumps({"success": True, "message": "Note created successfully", "data": note}))


_NEW: Final = Body(
    "NewNote", {"chat_id": CHAT_ID, "message": TEXT, "media": MEDIA, "reply_to": TEXT}, required=("chat_id",)
)
_ECHO: Final = ("start_time", "end_time")
_route: Final = partial(Route, resource=NOTES, result="Note", phone=True)
_list_route: Final = partial(_route, query=BY_TIME, page=True, echo=_ECHO)

ROUTES: Final = (
    _route(
        *("notes.create", "createNote", "POST", "/note/create", "Write a note", _create),
        body=_NEW,
        unwrap="data",
        errors=(404,),
    ),
    _list_route("notes.list", "getNotes", "GET", "/note", "Notes, newest first", _list),
    _list_route("notes.list", "getNotesByChat", "GET", "/chats/{chat_id}/notes", "Those of a chat", _list, owner=CHATS),
    _route("notes.get", "getNoteById", "GET", "/note/{note_id}", "One note", read),
)
