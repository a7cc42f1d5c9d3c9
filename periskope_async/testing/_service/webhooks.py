"""The operations on subscriptions. It must not know sockets, faults or rate limits, nor does it call anybody."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final, cast
from uuid import NAMESPACE_URL, uuid5

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import ORG_ID, made_id
from periskope_async.testing._service.answers import Answer, not_found
from periskope_async.testing._service.assumptions import Assumptions
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import ANY_OBJECT, FLAG, QUERY_FLAG, QUERY_TEXT, TEXT, Body, Field
from periskope_async.testing._service.operations import read, remove
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.state import State

__all__ = ["ROUTES", "WEBHOOKS", "Webhooks", "webhooks"]

_FIRST: Final = "00000000-0000-4000-8000-00000000a001"
WEBHOOKS: Final = Resource(
    name="webhook",
    plural="webhooks",
    id_key="id",
    text_key="hook_url",
    example_id=_FIRST,
    other_id="00000000-0000-4000-8000-00000000ffff",
    unknown_values={"integration_name": "moon.risen"},
    open_keys=("integration_name", "type"),
    row_of=lambda webhook, _: webhook,
)
#: From a key of a request to the key of a subscription.
_KEYS: Final = {
    "hookUrl": "hook_url",
    "integrationMetadata": "integration_metadata",
    "integrationName": "integration_name",
    "integrationType": "integration_type",
    "isSubscribed": "is_subscribed",
    "type": "type",
}


class Webhooks(Objects):
    """Subscriptions, and whom to say that there is one more."""

    #: Called after a subscription was made or changed.
    subscribed: Callable[[], None] = staticmethod(lambda: None)

    def put(self, item: Json) -> str:
        """Add a subscription, or replace the one of the same id; its id."""
        name = super().put(item)
        self.subscribed()
        return name


def webhooks(state: State) -> Webhooks:
    """The one subscription there is from the start."""

    def make() -> dict[str, Json]:
        first = _new(_FIRST, "https://example.com/periskope", "ticket.created", "2025-11-16T11:20:42.038+00:00")
        return {_FIRST: first}

    return Webhooks(WEBHOOKS, MadeOnce(WEBHOOKS, make), state.lock, state.timestamp)


def _new(webhook_id: str, url: str, event: str, subscribed_at: str) -> Json:
    integration_id = str(uuid5(NAMESPACE_URL, f"integration {url}"))
    return {
        "id": webhook_id,
        "subscribed_at": subscribed_at,
        "is_subscribed": True,
        "integration_name": event,
        "integration_type": "webhook",
        "type": "webhook",
        "integration_metadata": {"id": integration_id, "name": url},
        "org_id": ORG_ID,
        "hook_url": url,
        "integration_id": integration_id,
    }


def _list(call: Call) -> Answer:
    def wanted(webhook: Json) -> bool:
        return all(_spelled(webhook.get(key)) == value for key, value in call.query.items() if key in _QUERY)

    every = (call.objects.get(name) for name in call.objects.ids())
    return Answer(200, dumps([webhook for webhook in every if wanted(webhook)]))


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _create(call: Call) -> Answer:
    """One row for each event. Whether a second one of the same URL and event is merged nobody outside knows."""
    state, objects, events = call.state, call.objects, call.body["integrationName"]
    made = list[Json]()
    with state.lock:
        for event in [events] if isinstance(events, str) else cast("list[str]", events):
            webhook_id = made_id("webhook", state.seed, len(objects.put_ids()))
            webhook = _new(webhook_id, call.body["hookUrl"], event, state.timestamp())
            webhook |= _fields(call.body) | {"integration_name": event}
            objects.put(webhook)
            made.append(webhook)
    lone = len(made) == 1 and state.assumptions.new_webhook == "object"
    return Answer(201, dumps(made[0] if lone else made))


def _fields(body: Json) -> Json:
    fields: Json = {_KEYS[key]: value for key, value in body.items() if key in _KEYS and value not in (None, "")}
    if body.get("name"):
        fields["integration_metadata"] = (fields.get("integration_metadata") or {}) | {"name": body["name"]}
    return fields


def _update(call: Call) -> Answer:
    with call.state.lock:
        if call.objects.body(call.resource_id) is None:
            return not_found("webhook")
        call.objects.change(call.resource_id, **_fields(call.body))
        return read(call)


def _is_url(value: Any, _: Assumptions) -> str:
    fits = isinstance(value, str) and re.fullmatch(_PATTERN, value)
    return "" if fits else "Expected a URL that begins with http:// or https://"


def _are_events(value: Any, _: Assumptions) -> str:
    names = cast("list[object]", value) if isinstance(value, list) else [value]
    return "" if names and all(isinstance(name, str) for name in names) else "Expected a string, or some"


_PATTERN: Final = r"https?://[!-~]+"
_URL: Final = Field({"type": "string", "pattern": f"^{_PATTERN}$"}, _is_url, empty=())
_SOME: Final = {"type": "array", "minItems": 1, "items": {"type": "string"}}
_EVENTS: Final = Field({"anyOf": [{"type": "string", "minLength": 1}, _SOME]}, _are_events)
_QUERY: Final = {
    "hook_url": QUERY_TEXT,
    "integration_id": QUERY_TEXT,
    "integration_name": QUERY_TEXT,
    "is_subscribed": QUERY_FLAG,
    "type": QUERY_TEXT,
}
_COMMON: Final = {"integrationMetadata": ANY_OBJECT, "integrationType": TEXT, "name": TEXT, "type": TEXT}
_NEW: Final = Body(
    "NewWebhook",
    {"hookUrl": _URL, "integrationName": _EVENTS, **_COMMON},
    required=("hookUrl", "integrationName"),
)
_CHANGE: Final = Body(
    "WebhookChange", {"hookUrl": _URL, "integrationName": TEXT, "isSubscribed": FLAG, **_COMMON}, any_of=True
)
_route: Final = partial(Route, resource=WEBHOOKS, result="Webhook")

ROUTES: Final = (
    _route("webhooks.list", "listWebhooks", "GET", "/webhooks", "Subscriptions", _list, query=_QUERY, array=True),
    _route("webhooks.get", "getWebhookById", "GET", "/webhooks/{id}", "One subscription", read),
    _route(
        *("webhooks.create", "createWebhook", "POST", "/webhooks", "Subscribe to events", _create),
        body=_NEW,
        status=201,
        array=True,
    ),
    _route("webhooks.update", "updateWebhook", "PATCH", "/webhooks/{id}", "Change one", _update, body=_CHANGE),
    _route(
        *("webhooks.delete", "deleteWebhook", "DELETE", "/webhooks/{id}", "End one", remove), result=None, status=204
    ),
)
