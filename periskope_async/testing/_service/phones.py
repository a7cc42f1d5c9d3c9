"""The operations on phones. It must not know sockets, faults or rate limits.

Whatever becomes of the account's phone here, the operations of other resources go on as if it were connected.
"""

import random
from functools import partial
from typing import Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import ORG_ID, ORG_PHONE, PHONE_ID, image_url, label_id
from periskope_async.testing._service.answers import Answer, not_found
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import TEXT, Body
from periskope_async.testing._service.made_up.qr_code import QR_TEXT, qr_png
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State

__all__ = ["PHONES", "ROUTES", "phones"]

PHONES: Final = Resource(
    name="phone",
    plural="phones",
    id_key="phone_id",
    text_key="phone_name",
    example_id=PHONE_ID,
    other_id="phone-zzzzzzzzzzzzzzzz",
    unknown_values={"wa_state": "LEVITATING"},
    row_of=lambda phone, _: phone,
)
_MADE_AT: Final = "2024-12-15T11:47:26.668505+00:00"
_CONNECTED_AT: Final = "2024-12-15T11:47:49.649+00:00"
#: What is stored of a phone beside what is shown of it. What it holds nobody outside knows.
_STORED: Final[Json] = {"is_browser_open": True} | dict.fromkeys(
    (
        *("last_disconnect", "library", "phone_state", "queue_status", "server_image", "server_ip", "server_name"),
        *("server_zone", "wa_version"),
    )
)


def phones(state: State) -> Objects:
    """The account's one phone, connected."""

    def make() -> dict[str, Json]:
        connected = {
            "first_connected_at": _CONNECTED_AT,
            "is_ready": True,
            "org_phone": ORG_PHONE,
            "phone_image": image_url(ORG_PHONE),
            "phone_name": "Support",
            "qr_code": None,
            "wa_state": "CONNECTED",
        }
        return {PHONE_ID: _new(PHONE_ID, _MADE_AT) | connected}

    return Objects(PHONES, MadeOnce(PHONES, make), state.lock, state.timestamp)


def _new(phone_id: str, made_at: str) -> Json:
    return {
        "created_at": made_at,
        "first_connected_at": None,
        "is_ready": False,
        "label_ids": {},
        "labels": [],
        "org_id": ORG_ID,
        "org_phone": None,
        "phone_id": phone_id,
        "phone_image": None,
        "phone_name": None,
        "qr_code": QR_TEXT,
        "updated_at": made_at,
        "wa_state": "DISCONNECTED",
    }


def _list(call: Call) -> Answer:
    return Answer(200, dumps([call.state.objects["phones"].get(name) for name in call.state.objects["phones"].ids()]))


def _chosen(call: Call) -> Json | Answer:
    """The phone that `x-phone` names, or the refusal. What an unknown one gets nobody outside knows."""
    every = (call.state.objects["phones"].get(name) for name in call.state.objects["phones"].ids())
    number = f"{call.x_phone}@c.us"
    found = next(
        (phone for phone in every if call.x_phone == phone["phone_id"] or number == phone.get("org_phone")), None
    )
    return not_found("phone") if found is None else found


def _get(call: Call) -> Answer:
    phone = _chosen(call)
    return phone if isinstance(phone, Answer) else Answer(200, dumps(phone))


def _get_qr(call: Call) -> Answer:
    phone = _chosen(call)
    if isinstance(phone, Answer):
        return phone
    if phone["wa_state"] == "CONNECTED":  # what it gets nobody outside knows, only that it is not a code
        return not_found("code")
    return Answer(200, qr_png(), call.state.assumptions.qr_content_type)


def _update(call: Call) -> Answer:
    body, state = call.body, call.state
    with state.lock:
        phone = _chosen(call)
        if isinstance(phone, Answer):
            return phone
        fields = {key: body[key] for key in ("phone_name", "phone_image") if body.get(key)}
        if body.get("labels") or (body.get("labels") == "" and state.assumptions.empty_clears):
            names = state.labels(body["labels"])
            fields |= {"labels": names, "label_ids": {label_id(name): True for name in names}}
        return _put(call, phone | fields)


def _put(call: Call, phone: Json) -> Answer:
    name = call.state.objects["phones"].put(phone | {"updated_at": call.state.timestamp()})
    return Answer(200, call.state.objects["phones"].body(name) or b"")


def _touch(call: Call) -> Answer:
    """Resync and restart, of which nothing can be seen from outside."""
    phone = _chosen(call)
    return phone if isinstance(phone, Answer) else Answer(204)


def _reset(call: Call) -> Answer:
    with call.state.lock:
        phone = _chosen(call)
        if isinstance(phone, Answer):
            return phone
        _put(call, phone | {"is_ready": False, "qr_code": QR_TEXT, "wa_state": "DISCONNECTED"})
    return Answer(204)


def _create(call: Call) -> Answer:
    state, objects = call.state, call.state.objects["phones"]
    with state.lock:
        dice = random.Random(f"{state.seed} {len(objects.put_ids())}")  # noqa: S311  # repeatable on purpose
        phone = _new("phone-" + "".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=16)), state.timestamp())
        objects.put(phone)
    return Answer(200, dumps({key: value for key, value in (phone | _STORED).items() if key != "labels"}))


def _delete(call: Call) -> Answer:
    with call.state.lock:
        phone = _chosen(call)
        if isinstance(phone, Answer):
            return phone
        call.state.objects["phones"].remove(phone["phone_id"])
    return Answer(204)


_CHANGE: Final = Body("PhoneChange", {"labels": TEXT, "phone_image": TEXT, "phone_name": TEXT}, any_of=True)
_route: Final = partial(Route, resource=PHONES, result="Phone")
_of_one: Final = partial(_route, phone=True, of_phone=True, errors=(404,))
_done: Final = partial(_of_one, result=None, status=204)

ROUTES: Final = (
    _route("phones.list", "getAllPhones", "GET", "/phones/all", "All phones", _list, array=True),
    _of_one("phones.get", "getPhone", "GET", "/phones", "One phone", _get),
    _of_one("phones.get_qr", "getQr", "GET", "/phones/qr", "The code to scan", _get_qr, media_type="image/png"),
    _of_one("phones.update", "updatePhone", "PATCH", "/phones/update", "Change one phone", _update, body=_CHANGE),
    _done("phones.resync", "resyncPhone", "POST", "/phones/resync", "Read all anew", _touch),
    _done("phones.restart", "restartPhone", "POST", "/phones/restart", "Start it anew", _touch),
    _done("phones.reset", "resetPhone", "POST", "/phones/reset", "Log it out", _reset),
    _route("phones.create", "createPhone", "POST", "/phones/create", "A new phone", _create, result="PhoneRow"),
    _done("phones.delete", "deletePhone", "DELETE", "/phones/delete", "Give it up", _delete),
)
