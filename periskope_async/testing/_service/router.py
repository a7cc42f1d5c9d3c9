"""The ticket operations of the service over its state: a request in, a status and a body out.

It must not know sockets, faults or rate limits.
"""

import json
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib import resources
from typing import Any, Final, Literal, cast
from urllib.parse import parse_qsl, unquote

import attrs

from periskope_async.testing._http import Request
from periskope_async.testing._service.checks import iso_date, json_object, problems
from periskope_async.testing._service.made_up import (
    LABELS,
    ORG_ID,
    ORG_PHONE,
    Json,
    dumps,
    made_chats,
    made_messages,
    messages_by_id,
    number_of,
    row_bytes,
    row_of,
    short_id,
    ticket_bytes,
    ticket_id,
)

__all__ = ["Answer", "Assumptions", "Service", "error", "ticket_of"]

_ROOT: Final = "/v1/tickets"
_LONGEST_NUMBER: Final = 15
_UPDATABLE: Final = ("assignee", "due_date", "labels", "priority", "status", "subject")


@attrs.frozen(kw_only=True)
class Assumptions:
    """What nobody outside knows about the real service, as options. The defaults are the stricter or likelier answer.

    Attributes:
        max_limit: the largest `limit` of `GET /tickets`; more is a 422. The vendor says 2000 on sibling lists.
        count: what `count` of a page tells: `total` of all tickets, or the rows of this `page`.
        deleted_listed: whether deleted tickets are listed (with `is_deleted: true`).
        empty_clears: PATCH with `""` or null clears assignee, due date and labels; False: leaves them.
        lenient_priority: PATCH takes the priority as a number too; the vendor's types say string.
        phone_required: POST without `x-phone` is a 422; the vendor's types list the header, but as optional.
        unknown_chat: POST for a chat that is not there: `404`, or `create` makes the chat.
        unquoted: `message` of a ticket made without a quoted message: `object` ({}), `null`, or `blank` strings.
        missing_ticket: GET of an unknown id: `404`, `422`, or a 200 with `null` or `empty` body.
        null_chat: some made-up tickets (two of 61) have `"chat": null`; the vendor's type says that every one has its
            chat.
    """

    max_limit: int = 2000
    count: Literal["total", "page"] = attrs.field(default="total", validator=attrs.validators.in_(("total", "page")))
    deleted_listed: bool = True
    empty_clears: bool = True
    lenient_priority: bool = False
    phone_required: bool = False
    unknown_chat: Literal["404", "create"] = attrs.field(
        default="404", validator=attrs.validators.in_(("404", "create"))
    )
    unquoted: Literal["object", "null", "blank"] = attrs.field(
        default="object", validator=attrs.validators.in_(("object", "null", "blank"))
    )
    missing_ticket: Literal["404", "422", "null", "empty"] = attrs.field(
        default="404", validator=attrs.validators.in_(("404", "422", "null", "empty"))
    )
    null_chat: bool = False


@attrs.frozen
class Answer:
    """A status and a body: JSON, unless `html`."""

    status: int
    body: bytes = b""
    html: bool = False


def error(status: int, code: str, message: str, **more: Any) -> Answer:
    """An answer in the vendor's envelope for errors."""
    return Answer(status, dumps({"code": code, "message": message, "status": status, **more}))


def _invalid(wrong: Mapping[str, str]) -> Answer:
    """A 422 as the vendor's newest pages show it: field names carry where the value came from."""
    fields = {name: {"message": message} for name, message in wrong.items()}
    return error(422, "VALIDATION_ERROR", "Request validation failed", fields=fields)


class Service:
    """Tickets, chats and messages, and the four operations on tickets.

    Tickets nobody touched are made when they are asked for; the others are kept as the bytes that are served.

    Args:
        tickets: how many tickets there are at first.
        seed: varies their content.
        api_key: the one key that is let in.
        unknowns: how to behave where the real service is unknown.
        now: the service's clock, in seconds since the epoch.
    """

    def __init__(
        self, tickets: int, *, seed: int, api_key: str, assumptions: Assumptions, now: Callable[[], float]
    ) -> None:
        self.api_key = api_key
        self.plan_active = True
        self.assumptions = assumptions
        self._made = tickets
        self._seed = seed
        self._now = now
        self._kept: dict[str, tuple[bytes, bytes]] = {}
        self._gone: set[str] = set()
        self._next = tickets + 1
        self._put_chats: dict[str, Json] = {}
        self._put_messages: dict[str, Json] = {}
        self._labels = {name.casefold(): name for name in LABELS}
        self._lock = threading.RLock()

    # --- state -----------------------------------------------------------------------------------------------

    def ids(self) -> tuple[str, ...]:
        """Every ticket's id, oldest first."""
        made = map(ticket_id, range(1, self._made + 1))
        with self._lock:
            later = [name for name in self._kept if not self._is_made(name)]
            return tuple(name for name in (*made, *later) if name not in self._gone)

    def body(self, name: str) -> bytes | None:
        """What `GET /tickets/{id}` answers; None if there is no such ticket."""
        kept = self._kept.get(name)
        if kept is not None:
            return kept[0]
        if name in self._gone or not self._is_made(name):
            return None
        return ticket_bytes(number_of(name) or 0, self._seed, null_chat=self.assumptions.null_chat)

    def get(self, name: str) -> Json:
        """The ticket as the service would tell it.

        Raises:
            KeyError: there is no such ticket.
        """
        body = self.body(name)
        if body is None:
            raise KeyError(name)
        return cast("Json", json.loads(body))

    def put(self, info: Json) -> str:
        """Add a ticket, or replace the one of the same id; its id."""
        name = str(info["ticket"]["ticket_id"])
        row = dumps(row_of(info, self._timestamp()))
        with self._lock:
            self._kept[name] = dumps(info), row
            self._gone.discard(name)
            self._learn(info)
        return name

    def remove(self, name: str) -> None:
        """Forget a ticket: it answers as if it had never been."""
        with self._lock:
            self._kept.pop(name, None)
            self._gone.add(name)

    def chat_ids(self) -> tuple[str, ...]:
        """The chats in which tickets can be created."""
        with self._lock:
            return tuple(
                {**made_chats(self._made, self._seed, null_chat=self.assumptions.null_chat), **self._put_chats}
            )

    def _is_made(self, name: str) -> bool:
        return 1 <= (number_of(name) or 0) <= self._made

    def _row(self, name: str) -> bytes:
        kept = self._kept.get(name)
        if kept is not None:
            return kept[1]
        return row_bytes(number_of(name) or 0, self._seed, null_chat=self.assumptions.null_chat)

    def _learn(self, info: Json) -> None:
        """Keep the chat and the messages of a ticket that was put; those of the made-up ones follow from the seed."""
        chat = info.get("chat")
        if chat:
            self._put_chats[chat["chat_id"]] = chat
        self._put_messages |= messages_by_id(info)

    def _timestamp(self) -> str:
        return datetime.fromtimestamp(self._now(), UTC).isoformat(timespec="microseconds")

    # --- operations ------------------------------------------------------------------------------------------

    def answer(self, request: Request) -> Answer:  # noqa: PLR0911  # one line for one way out
        """What the service answers to *request*."""
        path = request.path
        if path == "/openapi.json":
            return Answer(200, _description())
        if path != "/v1" and not path.startswith("/v1/"):
            return _no_route(request, path)
        if request.headers.get("authorization", "") != f"Bearer {self.api_key}":
            return error(401, "UNAUTHORIZED_ERROR", "Invalid bearer auth token")
        if not self.plan_active:
            message = "APIs available only for active pro and enterprise plans."
            return Answer(401, dumps({"code": "UNAUTHORIZED_ERROR", "message": message}))
        method = "GET" if request.method == "HEAD" else request.method
        if path in {_ROOT, f"{_ROOT}/"} and method == "GET":  # Express ignores one slash at the end
            query = request.target.partition("?")[2]
            return self._list(dict(parse_qsl(query, keep_blank_values=True)))
        name = ticket_of(path)
        if name == "create" and method == "POST":
            return self._create(request)
        if name and method == "GET":
            return self._get(name)
        if name and method == "PATCH":
            return self._update(name, request)
        return _no_route(request, path)

    def _get(self, name: str) -> Answer:
        body = self.body(name)
        if body is not None:
            return Answer(200, body)
        match self.assumptions.missing_ticket:
            case "422":
                return _invalid({"params.ticket_id": "Invalid ticket_id"})
            case "null":
                return Answer(200, b"null")
            case "empty":
                return Answer(200, b"")
            case _:
                return error(404, "NOT_FOUND_ERROR", "Ticket not found")

    def _list(self, query: dict[str, str]) -> Answer:
        offset, limit = query.get("offset", "0"), query.get("limit", str(self.assumptions.max_limit))
        wrong = {
            f"query.{name}": f"Expected a number, received {value!r}"
            for name, value in (("offset", offset), ("limit", limit))
            if not (value.isascii() and value.isdecimal()) or len(value) > _LONGEST_NUMBER
        }
        if wrong:
            return _invalid(wrong)
        if not 0 < int(limit) <= self.assumptions.max_limit:
            message = f"Limit should be greater than 0 and less than {self.assumptions.max_limit}"
            fields = {"limit": {"message": message, "value": limit}}
            return error(422, "VALIDATION_ERROR", message, name="Validation Error", fields=fields)
        names = [*reversed(self.ids())]
        if not self.assumptions.deleted_listed:
            names = [name for name in names if b'"is_deleted":true' not in self._row(name)]
        first = int(offset)
        rows = [self._row(name) for name in names[first : first + int(limit)]]
        count = len(names) if self.assumptions.count == "total" else len(rows)
        head = b'{"from":%d,"to":%d,"count":%d,"tickets":[' % (first + 1, first + len(rows), count)
        return Answer(200, head + b",".join(rows) + b"]}")

    def _create(self, request: Request) -> Answer:
        if self.assumptions.phone_required and not request.headers.get("x-phone"):
            fields = {"x-phone": {"message": "Send the phone's number, digits only, as x-phone"}}
            return error(422, "VALIDATION_ERROR", "Missing Header: {x-phone}", name="Validation Error", fields=fields)
        body = json_object(request.body)
        if body is None:
            return _invalid({"body": "Expected object"})
        wrong = problems(body, required=("chat_id", "subject"), lenient_priority=True)
        if wrong:
            return _invalid(wrong)
        with self._lock:
            chat = self._chat(body["chat_id"])
            if chat is None:
                return error(404, "NOT_FOUND_ERROR", "Chat not found")
            quoted_id = body.get("quoted_message_id") or ""
            quoted = self._message(quoted_id)
            while self.body(ticket_id(self._next)) is not None:
                self._next += 1
            info: Json = {
                "attached_messages": [],
                "chat": chat,
                "message": quoted or _unquoted(self.assumptions.unquoted),
                "ticket": {
                    "assigned_by": "",
                    "assignee": "",
                    "created_at": self._timestamp(),
                    "due_date": "",
                    "is_deleted": False,
                    "org_id": ORG_ID,
                    "priority": 1,
                    "quoted_message_id": short_id(quoted_id),
                    "raised_by": None,
                    "status": "open",
                    "subject": "",
                    "ticket_custom_properties": {},
                    "ticket_id": ticket_id(self._next),
                    "ticket_labels": "",
                },
            }
            self._apply(info["ticket"], body)
            self.put(info)
        return Answer(200, dumps(info))

    def _update(self, name: str, request: Request) -> Answer:
        body = json_object(request.body)
        if body is None:
            return _invalid({"body": "Expected object"})
        if not body.keys() & set(_UPDATABLE):
            message = f"Invalid body. At least one of the following keys are required: {', '.join(_UPDATABLE)}"
            fields = {key: {"message": message} for key in _UPDATABLE}
            return error(422, "VALIDATION_ERROR", message, name="Validation Error", fields=fields)
        wrong = problems(body, required=(), lenient_priority=self.assumptions.lenient_priority)
        if wrong:
            return _invalid(wrong)
        with self._lock:
            if self.body(name) is None:
                return error(404, "NOT_FOUND_ERROR", "Ticket not found")
            info = self.get(name)
            self._apply(info["ticket"], body)
            self.put(info)
        return Answer(200, dumps(info))

    def _chat(self, chat_id: str) -> Json | None:
        full = chat_id if "@" in chat_id else f"{chat_id}@c.us"
        known = self._put_chats.get(full) or made_chats(
            self._made, self._seed, null_chat=self.assumptions.null_chat
        ).get(full)
        if known is None and self.assumptions.unknown_chat == "create":
            kind = "group" if full.endswith("@g.us") else "user"
            known = self._put_chats[full] = {
                "chat_id": full,
                "chat_image": None,
                "chat_labels": "",
                "chat_name": full.partition("@")[0],
                "chat_type": kind,
                "created_at": self._timestamp(),
                "custom_properties": {},
                "group_description": None,
                "invite_link": None,
                "is_muted": False,
                "members": {},
                "org_id": ORG_ID,
                "org_phone": ORG_PHONE,
            }
        return known

    def _message(self, message_id: str) -> Json | None:
        return self._put_messages.get(message_id) or made_messages(
            self._made, self._seed, null_chat=self.assumptions.null_chat
        ).get(message_id)

    def _apply(self, ticket: Json, body: Json) -> None:
        """Write checked values into *ticket*."""
        for key in ("subject", "status"):
            ticket[key] = body.get(key) or ticket[key]
        if body.get("priority"):
            ticket["priority"] = int(body["priority"])
        for key in ("assignee", "due_date", "labels"):
            value = body.get(key) or ""
            if key not in body or (not value and not self.assumptions.empty_clears):
                continue
            if key == "labels":
                ticket["ticket_labels"] = self._known_labels(value)
            else:
                ticket[key] = iso_date(value) if key == "due_date" else value
        if ticket["status"] == "closed":
            ticket.setdefault("closed_at", self._timestamp())
        else:
            for key in ("closed_at", "closed_by", "closed_message"):
                ticket.pop(key, None)

    def _known_labels(self, text: str) -> str:
        """Label names as the organisation spells them: compared without case, new ones added, doubles dropped."""
        names = [name.strip() for name in text.split(",") if name.strip()]
        return ", ".join(dict.fromkeys(self._labels.setdefault(name.casefold(), name) for name in names))


def ticket_of(path: str) -> str:
    """The id in `/v1/tickets/{id}`, decoded; `""` if *path* is another."""
    root, _, segment = path.partition(f"{_ROOT}/")
    return "" if root or "/" in segment else unquote(segment)


@cache
def _description() -> bytes:
    """The OpenAPI description of what is served here."""
    return resources.files("periskope_async.testing").joinpath("openapi.json").read_bytes()


def _no_route(request: Request, path: str) -> Answer:
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n'
        f"<pre>Cannot {escape(request.method)} {escape(path)}</pre>\n</body>\n</html>\n"
    )
    return Answer(404, page.encode("utf-8", "replace"), html=True)


def _unquoted(form: str) -> Json | None:
    match form:
        case "null":
            return None
        case "blank":
            keys = "message_id body chat_id org_phone timestamp media_path sender_name sender_phone performed_by"
            return dict.fromkeys(keys.split(), "")
        case _:
            return {}
