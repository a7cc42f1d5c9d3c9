"""What the service demands of a body: pure functions from values to complaints. It must not know the tickets."""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final, cast

from periskope_async.testing._service.made_up import Json

__all__ = ["iso_date", "json_object", "problems"]

_CHAT_ID: Final = re.compile(r"\d+(-\d+)?(@c\.us|@g\.us)?")


def json_object(body: bytes) -> Json | None:
    """The JSON object in *body*; `{}` for an empty body, as Express parses it; None for anything else."""
    try:
        value = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return None
    return cast("Json", value) if isinstance(value, dict) else None


def problems(body: Json, *, required: tuple[str, ...], lenient_priority: bool) -> dict[str, str]:
    """What is wrong with the values of *body*, by field."""
    wrong = {f"body.{key}": "Required" for key in required if body.get(key) in (None, "")}
    for key, value in body.items():
        check = _CHECKS.get(key)
        if check is None or value is None or value == "":
            continue
        if key == "priority" and lenient_priority and type(value) is int and 1 <= value <= 4:
            continue
        expected = check(value)
        if expected:
            wrong[f"body.{key}"] = expected
    return wrong


def _text(value: Any) -> str:
    return "" if isinstance(value, str) else "Expected string"


def _one_of(*allowed: str) -> Callable[[Any], str]:
    return lambda value: "" if value in allowed else f"Expected one of {', '.join(allowed)}"


def _is_chat(value: Any) -> str:
    fits = isinstance(value, str) and _CHAT_ID.fullmatch(value)
    return "" if fits else "Expected <digits>@c.us or <digits>@g.us"


def _is_date(value: Any) -> str:
    return "" if isinstance(value, str) and iso_date(value) else "Expected a date"


def iso_date(text: str) -> str:
    """*text* as ISO 8601 in UTC; `""` if it is no date."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return ""


_CHECKS: Final[Mapping[str, Callable[[Any], str]]] = MappingProxyType(
    {
        "chat_id": _is_chat,
        "subject": _text,
        "assignee": _text,
        "quoted_message_id": _text,
        "due_date": _is_date,
        "priority": _one_of("1", "2", "3", "4"),
        "status": _one_of("open", "inprogress", "closed", "archived"),
        "labels": _text,
    }
)
