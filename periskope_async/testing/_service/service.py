"""The service: who may come in, which operation is meant, and what of it is checked before it answers.

It must not know sockets, faults or rate limits.
"""

import re
from collections.abc import Callable
from functools import cache, partial
from typing import Final
from urllib.parse import parse_qsl

from periskope_async.testing._http import Request
from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service import (
    audit_logs,
    chats,
    contacts,
    groups,
    knowledge_base,
    members,
    message_actions,
    messages,
    notes,
    notifications,
    phones,
    queue,
    reactions,
    scheduled_messages,
    sending,
    tasks,
    tickets,
    webhooks,
)
from periskope_async.testing._service.account import ORG_PHONE, PHONE_ID
from periskope_async.testing._service.answers import Answer, error, invalid, missing_phone, no_route
from periskope_async.testing._service.assumptions import Assumptions
from periskope_async.testing._service.chat_forms import full_id
from periskope_async.testing._service.fields import complaints
from periskope_async.testing._service.openapi import describe
from periskope_async.testing._service.router import ROOT, Call, Found, Route, Router
from periskope_async.testing._service.state import State
from periskope_async.testing._service.ticket_objects import Tickets

__all__ = ["OPERATIONS", "ROUTES", "Service"]

#: All that is served.
ROUTES: Final = (
    *audit_logs.ROUTES,
    *chats.ROUTES,
    *contacts.ROUTES,
    *groups.ROUTES,
    *members.ROUTES,
    *knowledge_base.ROUTES,
    *message_actions.ROUTES,
    *messages.ROUTES,
    *notes.ROUTES,
    *notifications.ROUTES,
    *phones.ROUTES,
    *queue.ROUTES,
    *reactions.ROUTES,
    *scheduled_messages.ROUTES,
    *sending.ROUTES,
    *tasks.ROUTES,
    *tickets.ROUTES,
    *webhooks.ROUTES,
)
_ROUTER: Final = Router(ROUTES)

#: The names of all operations that are served.
OPERATIONS: Final = frozenset(route.operation for route in ROUTES)

_PHONE: Final = re.compile(r"[0-9]+|phone-[0-9A-Za-z_-]+")


@cache
def _description() -> bytes:
    return describe(ROUTES)


class Service:
    """The operations of the API over one account.

    Args:
        count: how many tickets there are at first.
        seed: varies their content.
        api_key: the one key that is let in.
        assumptions: how to behave where the real service is unknown.
        now: the service's clock, in seconds since the epoch.
    """

    def __init__(
        self, count: int, *, seed: int, api_key: str, assumptions: Assumptions, now: Callable[[], float]
    ) -> None:
        self.api_key = api_key
        self.plan_active = True
        self.state = State(count, seed, assumptions, now)
        self.webhooks = webhooks.webhooks(self.state)
        self.state.objects |= {
            "audit_logs": audit_logs.audit_logs(self.state),
            "chats": chats.chats(self.state),
            "contacts": contacts.contacts(self.state),
            "knowledge_base": knowledge_base.knowledge_base(self.state),
            "members": members.members(self.state),
            "messages": messages.messages(self.state),
            "notes": notes.notes(self.state),
            "notifications": notifications.notifications(self.state),
            "occurrences": scheduled_messages.occurrences(self.state),
            "phones": phones.phones(self.state),
            "reactions": reactions.reactions(self.state),
            "scheduled_messages": scheduled_messages.scheduled_messages(self.state),
            "tasks": tasks.tasks(self.state),
            "tickets": Tickets(self.state),
            "webhooks": self.webhooks,
        }
        for objects in self.state.objects.values():
            objects.happenings = self.state.happenings
        self.state.outbox.arrive = partial(messages.arrive, self.state)

    def admits(self, authorization: str) -> bool:
        """Whether a header names the key, and the account may use it."""
        return self.plan_active and authorization == f"Bearer {self.api_key}"

    def find(self, request: Request) -> Found:
        """The operation that *request* means, and the object it is about."""
        return _ROUTER.find(request.method, request.path)

    def answer(self, request: Request, found: Found | None = None) -> Answer:
        """What the service answers to *request*.

        Args:
            request: as it came.
            found: what `find` says of it, if that is known.
        """
        path = request.path
        if path == "/openapi.json":
            return Answer(200, _description())
        if path != ROOT and not path.startswith(f"{ROOT}/"):
            return no_route(request.method, path)
        if request.headers.get("authorization", "") != f"Bearer {self.api_key}":
            return error(401, "UNAUTHORIZED_ERROR", "Invalid bearer auth token")
        if not self.plan_active:
            message = "APIs available only for active pro and enterprise plans."
            return Answer(401, dumps({"code": "UNAUTHORIZED_ERROR", "message": message}))
        found = found or self.find(request)
        if found.route is None:
            return no_route(request.method, path)
        return self._checked(found.route, found.resource_id, request)

    def next_due(self) -> float | None:
        """When the next message leaves the queue by itself, in seconds since the epoch; None: none waits."""
        return min(filter(None, (self.state.outbox.next_due(), scheduled_messages.next_due(self.state))), default=None)

    def catch_up(self) -> None:
        """Send what is due, which else is done when somebody asks for it."""
        with self.state.lock:
            scheduled_messages.run_due(self.state)
            self.state.outbox.deliver()

    def _checked(self, route: Route, resource_id: str, request: Request) -> Answer:
        assumptions = self.state.assumptions
        phone = request.headers.get("x-phone") if route.phone else None
        if route.phone:
            if phone is None and (route.of_phone or assumptions.phone_required):
                return missing_phone()
            if phone is not None and not _PHONE.fullmatch(phone):
                return invalid({"headers.x-phone": "Expected digits, or the id of a phone"})
        query: dict[str, str] = {}
        if route.query:
            query = dict(parse_qsl(request.target.partition("?")[2], keep_blank_values=True))
            wrong = complaints("query", route.query, query, assumptions)
            if wrong:
                return invalid(wrong)
        body: Json = {}
        if route.body is not None:
            read = route.body.read(request.body, assumptions)
            if isinstance(read, Answer):
                return read
            body = read
        scope = self._scope(phone)
        return route.handler(Call(self.state, route.resource, resource_id, query, body, scope, phone or ""))

    def _scope(self, phone: str | None) -> str:
        """The phone whose things alone a call sees, by its `x-phone`; `""` for all."""
        if phone is None or self.state.assumptions.scope == "org":
            return ""
        return ORG_PHONE if phone == PHONE_ID else full_id(phone)
