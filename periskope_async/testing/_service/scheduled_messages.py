"""The operations on scheduled messages. It must not know sockets, faults or rate limits."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, cast

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import ORG_ID, ORG_PHONE, made_id
from periskope_async.testing._service.answers import Answer, not_found
from periskope_async.testing._service.chat_forms import full_id
from periskope_async.testing._service.collection import MadeOnce, Objects
from periskope_async.testing._service.fields import (
    CHAT_ID,
    DATE,
    FLAG,
    REQUIRED_DATE,
    TEXT,
    Body,
    Field,
    iso_date,
    object_of,
    one_of,
)
from periskope_async.testing._service.message_fields import MEDIA
from periskope_async.testing._service.operations import PAGING, page, read, remove
from periskope_async.testing._service.resource import Resource
from periskope_async.testing._service.router import Call, Route
from periskope_async.testing._service.sending import queue
from periskope_async.testing._service.state import State

__all__ = ["OCCURRENCES", "ROUTES", "SCHEDULED", "occurrences", "scheduled_messages"]

_DAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPANS: Final = {"day": timedelta(days=1), "week": timedelta(weeks=1), "month": timedelta(days=30)}
#: How many runs that were missed are made up for; those after them are left out.
_MOST_RUNS: Final = 10  # rows


SCHEDULED: Final = Resource(
    name="scheduled message",
    plural="scheduled_messages",
    id_key="scheduled_id",
    text_key="status",
    example_id=made_id("scheduled", 0, 0),
    other_id="00000000-0000-4000-8000-00000000ffff",
    unknown_values={"status": "levitating"},
    row_of=lambda message, _: message,
)
OCCURRENCES: Final = Resource(
    name="occurrence",
    plural="occurrences",
    id_key="id",
    text_key="remarks",
    example_id="",
    other_id="00000000-0000-4000-8000-00000000fffe",
    unknown_values={},
    row_of=lambda occurrence, _: occurrence,
)


def scheduled_messages(state: State) -> Objects:
    """The one scheduled message there is from the start, for the first chat."""

    def make() -> Mapping[str, Json]:
        chat_id = next(iter(state.objects["chats"].ids()), None)
        if chat_id is None:
            return {}
        body = {"chat_id": chat_id, "message": "Weekly reminder", "scheduled_at": "2999-01-01T09:00:00+00:00"}
        message = _new(made_id("scheduled", state.seed, 0), "2025-08-15T09:30:00.000+00:00", body)
        return {message["scheduled_id"]: message}

    return Objects(SCHEDULED, MadeOnce(SCHEDULED, make), state.lock, state.timestamp)


def occurrences(state: State) -> Objects:
    """Nothing has run from the start."""
    return Objects(OCCURRENCES, MadeOnce(OCCURRENCES, dict), state.lock, state.timestamp)


def _new(scheduled_id: str, timestamp: str, body: Json) -> Json:
    return {
        "scheduled_id": scheduled_id,
        "org_id": ORG_ID,
        "org_phone": ORG_PHONE,
        "chat_id": full_id(body["chat_id"]),
        "message_payload": {"message": body.get("message") or "", "media": body.get("media") or {}},
        "scheduled_at": iso_date(body["scheduled_at"]),
        "is_repeat": bool(body.get("is_repeat")),
        "repeat_config": body.get("repeat_config") or None,
        "status": "scheduled",
        "skip_next": False,
        "paused_at": None,
        "updated_at": None,
        "performed_by": "api",
        "created_at": timestamp,
    }


def run_due(state: State) -> None:
    """Send what is due. What one is called that has run for the last time is not documented: here, `completed`."""
    scheduled = state.objects["scheduled_messages"]
    with state.lock:
        for name in scheduled.ids():
            message = scheduled.get(name)
            runs = 0
            while message["status"] == "scheduled" and _seconds(message["scheduled_at"]) <= state.now():
                if runs < _MOST_RUNS:
                    _run(state, message)
                _advance(message)
                runs += 1
            if runs:
                scheduled.put(message)


def next_due(state: State) -> float | None:
    """When the next one is to be sent, in seconds since the epoch; None: none is."""
    scheduled = state.objects["scheduled_messages"]
    waiting = (message for message in map(scheduled.get, scheduled.ids()) if message["status"] == "scheduled")
    return min((_seconds(message["scheduled_at"]) for message in waiting), default=None)


def _run(state: State, message: Json) -> None:
    made = state.objects["occurrences"]
    due, payload = message["scheduled_at"], message["message_payload"]
    occurrence: Json = {
        "id": made_id("occurrence", state.seed, len(made.put_ids())),
        "scheduled_id": message["scheduled_id"],
        "chat_id": message["chat_id"],
        "sent_message_id": None,
        "message_id": None,
        "is_success": not message["skip_next"],
        "remarks": "skipped" if message["skip_next"] else None,
        "delivered_at": None,
        "created_at": due,
    }
    if not message["skip_next"]:
        sent = {"message": payload.get("message"), **({"media": payload["media"]} if payload.get("media") else {})}
        sender = Call(state, SCHEDULED, "", {}, {})
        occurrence["sent_message_id"] = queue(sender, message["chat_id"], sent)["queue_id"]
    made.put(occurrence)
    message["skip_next"] = False


def _advance(message: Json) -> None:
    due = datetime.fromisoformat(message["scheduled_at"])
    then = _next(due, message["repeat_config"]) if message["is_repeat"] else None
    message |= {"status": "completed"} if then is None else {"scheduled_at": then.isoformat()}


def _next(last: datetime, config: Json | None) -> datetime | None:
    """When a message runs again; None for never. A month has 30 days here, and of time zones it knows UTC."""
    config = config or {}
    count = max(1, int(config.get("repeat_value") or 1))
    days = {day for day in config.get("repeat_days") or () if day in _DAYS}
    try:
        then = last + _SPANS.get(str(config.get("repeat_interval")), _SPANS["day"]) * count
        if config.get("repeat_interval") == "week" and days:
            then = last + timedelta(days=1)
            while _DAYS[then.weekday()] not in days:
                then += timedelta(days=1)
    except OverflowError:  # after the last day of the calendar
        return None
    ends = iso_date(config.get("repeat_ends") or "")
    return None if ends and then > datetime.fromisoformat(ends) else then


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).astimezone(UTC).timestamp()


def _create(call: Call) -> Answer:
    state, body = call.state, call.body
    if state.objects["chats"].body(full_id(body["chat_id"])) is None:
        return not_found("chat")
    with state.lock:
        name = made_id("scheduled", state.seed, 1 + len(call.objects.put_ids()))
        message = _new(name, state.timestamp(), body)
        call.objects.put(message)
    return Answer(201, dumps(message))


def _list(call: Call) -> Answer:
    run_due(call.state)
    return page(call)


def _get(call: Call) -> Answer:
    run_due(call.state)
    return read(call)


def _update(call: Call) -> Answer:
    state, body = call.state, call.body
    run_due(state)
    with state.lock:
        if call.objects.body(call.resource_id) is None:
            return not_found("scheduled message")
        message = call.objects.get(call.resource_id)
        message["message_payload"] |= {key: body[key] for key in ("message", "media") if body.get(key)}
        message |= {key: body[key] for key in ("is_repeat", "repeat_config", "skip_next", "status") if key in body}
        if body.get("scheduled_at"):
            message["scheduled_at"] = iso_date(body["scheduled_at"])
        message["updated_at"] = state.timestamp()
        call.objects.put(message)
    return Answer(200, dumps(message))


def _delete(call: Call) -> Answer:
    run_due(call.state)
    answer = remove(call)
    if answer.status != 204:
        return answer
    body = {"success": True, "message": "Scheduled message deleted", "scheduled_id": call.resource_id}
    return Answer(200, dumps(body))


def _list_occurrences(call: Call) -> Answer:
    """The runs of a message; those of a deleted one stay readable."""
    run_due(call.state)
    scheduled = call.state.objects["scheduled_messages"]
    if scheduled.last(call.resource_id) is None:
        return not_found("scheduled message")
    return page(call, lambda name: call.objects.get(name).get("scheduled_id") == call.resource_id)


def _are_days(value: Any, _: object) -> str:
    fits = isinstance(value, list) and all(day in _DAYS for day in cast("list[object]", value))
    return "" if fits else f"Expected days out of {', '.join(_DAYS)}"


def _is_count(value: Any, _: object) -> str:
    whole = type(value) is int or (isinstance(value, float) and value.is_integer())  # 2.0 is whole in JSON
    return "" if whole and value > 0 else "Expected a whole number above 0"


_REPEAT: Final = object_of(
    {
        "repeat_interval": one_of("day", "week", "month", empty=(None,)),
        "repeat_value": Field({"type": ["integer", "null"], "minimum": 1}, _is_count, empty=(None,)),
        "repeat_days": Field({"type": ["array", "null"], "items": {"enum": [*_DAYS]}}, _are_days, empty=(None,)),
        "repeat_ends": DATE,
        "timezone": TEXT,
    }
)
_FIELDS: Final = {"scheduled_at": DATE, "message": TEXT, "media": MEDIA, "is_repeat": FLAG, "repeat_config": _REPEAT}
_NEW: Final = Body(
    "NewScheduledMessage",
    {"chat_id": CHAT_ID, **_FIELDS, "scheduled_at": REQUIRED_DATE},
    required=("chat_id", "scheduled_at"),
    filled=("message", "media"),
)
_CHANGE: Final = Body("ScheduledMessageChange", {**_FIELDS, "skip_next": FLAG, "status": TEXT}, any_of=True)
_ONE: Final = "/message/scheduled/{scheduled_id}"
_route: Final = partial(Route, resource=SCHEDULED, result="ScheduledMessage")

ROUTES: Final = (
    _route(
        *("scheduled_messages.create", "createScheduledMessage", "POST", "/message/scheduled"),
        *("Have a message sent later", _create),
        body=_NEW,
        status=201,
        phone=True,
        errors=(404,),
    ),
    _route(
        *("scheduled_messages.list", "listScheduledMessages", "GET", "/message/scheduled"),
        *("Scheduled messages, newest first", _list),
        query=PAGING,
        page=True,
        phone=True,
    ),
    _route("scheduled_messages.get", "getScheduledMessageById", "GET", _ONE, "One scheduled message", _get),
    _route(
        *("scheduled_messages.update", "updateScheduledMessage", "PATCH", _ONE, "Change one", _update),
        body=_CHANGE,
    ),
    _route(
        *("scheduled_messages.delete", "deleteScheduledMessage", "DELETE", _ONE, "Delete one for good", _delete),
        result="ScheduledMessageDeleted",
    ),
    _route(
        *("scheduled_messages.list_occurrences", "listScheduledMessageOccurrences", "GET", f"{_ONE}/occurrences"),
        *("The runs of one, newest first", _list_occurrences),
        resource=OCCURRENCES,
        owner=SCHEDULED,
        result="ScheduledMessageOccurrence",
        query=PAGING,
        page=True,
    ),
)
