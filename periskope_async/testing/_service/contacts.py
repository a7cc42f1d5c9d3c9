"""The operations on contacts. It must not know sockets, faults or rate limits."""

from functools import partial
from typing import Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import label_id
from periskope_async.testing._service.answers import Answer, invalid, not_found
from periskope_async.testing._service.chat_forms import full_id
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import FLAG, NUMBER, REQUIRED_TEXT, TEXT, Body, several
from periskope_async.testing._service.made_up.contacts import contacts_of_chats, new_contact
from periskope_async.testing._service.made_up.tickets import chats_of_tickets
from periskope_async.testing._service.operations import PAGING, page, read
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State

__all__ = ["CONTACTS", "ROUTES", "contacts"]

CONTACTS: Final = Resource(
    name="contact",
    plural="contacts",
    id_key="contact_id",
    text_key="contact_name",
    example_id="919537851844@c.us",
    other_id="17995550199@c.us",
    unknown_values={"contact_type": "hologram"},
    full_id=full_id,
    row_of=lambda contact, _: {key: value for key, value in contact.items() if key != "chat_ids"},
)


def contacts(state: State) -> Objects:
    """The people in the chats of the tickets there are from the start. What chats show of them afterwards stays."""

    def make() -> dict[str, Json]:
        return {**contacts_of_chats(chats_of_tickets(state.tickets, state.seed, null_chat=state.assumptions.null_chat))}

    return Objects(CONTACTS, MadeOnce(CONTACTS, make), state.lock, state.timestamp)


def _list(call: Call) -> Answer:
    # In which order they come nobody outside knows.
    return page(call)


def _create(call: Call) -> Answer:
    body, state, objects = call.body, call.state, call.state.objects["contacts"]
    name = full_id(body["contact_id"])
    with state.lock:
        if objects.body(name) is None:
            objects.put(new_contact(name, state.timestamp()))
        elif state.assumptions.existing_contact == "422":
            return invalid({"body.contact_id": "The contact exists"})
        return _changed(call, name)


def _update(call: Call) -> Answer:
    with call.state.lock:
        if call.state.objects["contacts"].body(call.resource_id) is None:
            return not_found("contact")
        return _changed(call, call.resource_id)


def _changed(call: Call, name: str) -> Answer:
    body, state = call.body, call.state
    sent = {key for key in body if body[key] is not None and (body[key] != "" or state.assumptions.empty_clears)}
    fields: Json = {key: body[key] for key in sent & {"contact_name", "is_internal"}}
    if "labels" in sent:
        fields |= _labelled(state, body["labels"])
    call.state.objects["contacts"].change(name, **fields, updated_at=state.timestamp())
    return Answer(200, call.state.objects["contacts"].body(name) or b"")


def _update_labels(call: Call) -> Answer:
    state, objects = call.state, call.state.objects["contacts"]
    labels = call.body["labels"] or ""
    with state.lock:
        names = [full_id(name) for name in call.body["contact_ids"]]
        known = [name for name in names if objects.body(name) is not None]
        if len(known) < len(names) and state.assumptions.unknown_contacts == "404":
            return not_found("contact")
        for name in known if labels or state.assumptions.empty_clears else ():
            objects.change(name, **_labelled(state, labels), updated_at=state.timestamp())
    return Answer(204)


def _check(call: Call) -> Answer:
    """Whoever is a contact or has a chat is on WhatsApp, and nobody else."""
    found = [full_id(name) for name in call.body["contact_ids"]]
    chats = call.state.objects["chats"]
    exists = {
        name: call.state.objects["contacts"].body(name) is not None or chats.body(name) is not None for name in found
    }
    return Answer(200, dumps([{"contact_id": name, "exists": exists[name]} for name in found]))


def _labelled(state: State, labels: str) -> Json:
    names = state.labels(labels)
    return {"labels": names, "label_ids": {label_id(name): True for name in names}}


_CONTACT_IDS: Final = several(NUMBER)
_NEW: Final = Body(
    "NewContact",
    {"contact_id": NUMBER, "contact_name": REQUIRED_TEXT, "is_internal": FLAG, "labels": TEXT},
    required=("contact_id", "contact_name"),
)
_CHANGE: Final = Body("ContactChange", {"contact_name": TEXT, "is_internal": FLAG, "labels": TEXT}, any_of=True)
_LABELS: Final = Body("ContactLabels", {"contact_ids": _CONTACT_IDS, "labels": TEXT}, all_of=("contact_ids", "labels"))
_NUMBERS: Final = Body("Numbers", {"contact_ids": _CONTACT_IDS}, required=("contact_ids",))
_route: Final = partial(Route, resource=CONTACTS, result="Contact")

ROUTES: Final = (
    _route("contacts.list", "getContacts", "GET", "/contacts", "Contacts", _list, query=PAGING, page=True),
    _route(
        *("contacts.create", "createContact", "POST", "/contacts/create", "Make a contact", _create),
        body=_NEW,
        phone=True,
    ),
    _route(
        *("contacts.check", "checkContacts", "POST", "/contacts/check", "Who is on WhatsApp", _check),
        body=_NUMBERS,
        phone=True,
        array=True,
        result="ContactCheck",
    ),
    _route(
        *("contacts.update_labels", "updateContactLabels", "PATCH", "/contacts/labels", "Label many", _update_labels),
        body=_LABELS,
        result=None,
        status=204,
        errors=(404,),
    ),
    _route("contacts.get", "getContactById", "GET", "/contacts/{contact_id}", "One contact with its chats", read),
    _route(
        *("contacts.update", "updateContact", "PATCH", "/contacts/{contact_id}", "Change one contact", _update),
        body=_CHANGE,
    ),
)
