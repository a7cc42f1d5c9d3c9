"""Subscriptions to events: which URL is called for what."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from periskope_async._io.caller import Caller
from periskope_async._sansio.arguments import as_flag, as_text, as_texts
from periskope_async._sansio.ids import as_id, path_segment
from periskope_async._sansio.operation import Operation, about_another
from periskope_async._sansio.unset import UNSET, Unset
from periskope_async.errors import ConfigurationError
from periskope_async.models.webhooks import EventName, Webhook

__all__ = ["Webhooks"]


def _id_of(webhook: Webhook) -> str:
    return webhook.id


_another = about_another(_id_of)

LIST = Operation("webhooks.list", "GET", "/webhooks", tuple[Webhook, ...], idempotent=True, resource="webhook")
GET = Operation(
    "webhooks.get", "GET", "/webhooks/{id}", Webhook, idempotent=True, mismatch=_another, resource="webhook"
)
# The vendor's page answers one object, its client's types an array.
CREATE = Operation(
    "webhooks.create", "POST", "/webhooks", tuple[Webhook, ...], idempotent=False, lone=True, resource="webhook"
)
UPDATE = Operation(
    "webhooks.update", "PATCH", "/webhooks/{id}", Webhook, idempotent=True, mismatch=_another, resource="webhook"
)
DELETE: Operation[None] = Operation(
    "webhooks.delete", "DELETE", "/webhooks/{id}", None, idempotent=True, resource="webhook"
)


class Webhooks:
    """Subscriptions to events. Reached as `client.webhooks`.

    One subscription is of one URL and one event. Names of events that this version does not know are sent as they are.
    """

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    async def list(
        self,
        *,
        integration_name: EventName | str | Unset = UNSET,
        is_subscribed: bool | Unset = UNSET,
        integration_id: str | Unset = UNSET,
        hook_url: str | Unset = UNSET,
        type: str | Unset = UNSET,  # noqa: A002  # the API's word
    ) -> tuple[Webhook, ...]:
        """Return the subscriptions: all, or those of which all this is true.

        API: `GET /webhooks`, https://docs.periskope.app/api-reference/webhooks

        Args:
            integration_name: the event.
            is_subscribed: whether the URL is called now.
            integration_id: what belongs together has the same one.
            hook_url: the URL that is called.
            type: such as `webhook`.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `Tickets.get`.
        """
        query = {
            "integration_name": as_text("integration_name", integration_name),
            "is_subscribed": as_flag("is_subscribed", is_subscribed),
            "integration_id": as_id("integration_id", integration_id),
            "hook_url": as_text("hook_url", hook_url),
            "type": as_text("type", type),
        }
        return await self._caller.call(LIST.request(query=query))

    async def get(self, webhook_id: str) -> Webhook:
        """Return a subscription.

        API: `GET /webhooks/{id}`, https://docs.periskope.app/api-reference/webhooks/get-webhook-by-id

        Raises:
            ConfigurationError: the id cannot be one; nothing was sent.
            NotFoundError: the service knows no such subscription.
            PeriskopeError: as for `Tickets.get`.
        """
        return await self._caller.call(GET.request(id=_checked(webhook_id)))

    async def create(
        self,
        hook_url: str,
        integration_name: EventName | str | Iterable[str],
        *,
        integration_metadata: Mapping[str, Any] | Unset = UNSET,
        integration_type: str | Unset = UNSET,
        type: str | Unset = UNSET,  # noqa: A002  # the API's word
        name: str | Unset = UNSET,
    ) -> tuple[Webhook, ...]:
        """Have a URL called for one event or several, and return the subscriptions: one for each event.

        It is sent again only if the first cannot have arrived: what is subscribed to twice may be delivered twice. An
        error whose `maybe_sent` is True leaves open whether it was done: `list(hook_url=...)` shows it.

        API: `POST /webhooks`, https://docs.periskope.app/api-reference/webhooks/create-webhook

        Args:
            hook_url: where events are posted to; https, or http.
            integration_name: the event, or several; see `EventName`.
            integration_metadata: any JSON by name.
            integration_type: such as `webhook`.
            type: such as `webhook`.
            name: of what uses it.

        Raises:
            ConfigurationError: an argument is unusable; nothing was sent.
            PeriskopeError: as for `Tickets.create`.
        """
        fields = {
            "hookUrl": _as_url(hook_url),
            "integrationName": _as_events(integration_name),
            **_others(integration_metadata, integration_type, type, name),
        }
        return await self._caller.call(CREATE.request(body=fields))

    async def update(
        self,
        webhook_id: str,
        *,
        hook_url: str | Unset = UNSET,
        integration_name: EventName | str | Unset = UNSET,
        is_subscribed: bool | Unset = UNSET,
        integration_metadata: Mapping[str, Any] | Unset = UNSET,
        integration_type: str | Unset = UNSET,
        type: str | Unset = UNSET,  # noqa: A002  # the API's word
        name: str | Unset = UNSET,
    ) -> Webhook:
        """Change a subscription and return it as it then is; `is_subscribed=False` halts it.

        API: `PATCH /webhooks/{id}`

        Args:
            webhook_id: the subscription.
            hook_url: where events are posted to.
            integration_name: the event.
            is_subscribed: whether the URL is called.
            integration_metadata: any JSON by name.
            integration_type: such as `webhook`.
            type: such as `webhook`.
            name: of what uses it.

        Raises:
            ConfigurationError: an argument is unusable, or no field to change was passed; nothing was sent.
            NotFoundError: the service knows no such subscription.
            PeriskopeError: as for `Tickets.get`.
        """
        fields = {
            "hookUrl": hook_url if isinstance(hook_url, Unset) else _as_url(hook_url),
            "integrationName": as_text("integration_name", integration_name),
            "isSubscribed": as_flag("is_subscribed", is_subscribed),
            **_others(integration_metadata, integration_type, type, name),
        }
        if all(value is UNSET for value in fields.values()):
            raise ConfigurationError("update: no field to change")
        return await self._caller.call(UPDATE.request(id=_checked(webhook_id), body=fields))

    async def delete(self, webhook_id: str) -> None:
        """End a subscription. One that an unanswered attempt has ended is ended: its 404 counts as done.

        API: `DELETE /webhooks/{id}`

        Raises:
            ConfigurationError: the id cannot be one; nothing was sent.
            NotFoundError: the service knows no such subscription.
            PeriskopeError: as for `Tickets.get`.
        """
        await self._caller.call(DELETE.request(id=_checked(webhook_id)))


def _checked(webhook_id: str) -> str:
    path_segment("webhook_id", webhook_id)  # the API's path calls it `id`, which says nothing to a caller
    return webhook_id


def _as_url(value: object) -> str:
    url = str(as_text("hook_url", value))
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    if not usable or any(character.isspace() or not character.isprintable() for character in url):
        raise ConfigurationError("hook_url: expected a URL, such as 'https://example.com/periskope'")
    return url


def _as_events(value: object) -> str | list[str] | Unset:
    if isinstance(value, str):
        return as_text("integration_name", value)
    names = as_texts("integration_name", value)
    if not names or isinstance(names, Unset):
        raise ConfigurationError("integration_name: is empty")
    return list(dict.fromkeys(names))  # what is subscribed to twice may be delivered twice


def _others(metadata: object, integration_type: object, type_: object, name: object) -> dict[str, Any]:
    return {
        "integrationMetadata": _as_json_object("integration_metadata", metadata),
        "integrationType": as_text("integration_type", integration_type),
        "type": as_text("type", type_),
        "name": as_text("name", name),
    }


def _as_json_object(name: str, value: object) -> dict[str, Any] | Unset:
    if isinstance(value, Unset):
        return UNSET
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name}: expected JSON by name, got {type(value).__name__}")
    fields = dict(cast("Mapping[str, Any]", value))
    try:
        json.dumps(fields, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise ConfigurationError(f"{name}: cannot be sent as JSON") from None
    return fields
