"""What the service demands of a value: each check beside the JSON schema that says the same.

It must not know resources. So what the OpenAPI description promises is what is checked.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias, cast

import attrs

from periskope_async.testing._json import Json, json_object
from periskope_async.testing._service.answers import Answer, invalid, refused
from periskope_async.testing._service.assumptions import Assumptions

__all__ = [
    "ANY_OBJECT",
    "CHAT_ID",
    "DATE",
    "FLAG",
    "FLAGS",
    "LIMIT",
    "NAMES",
    "NUMBER",
    "OFFSET",
    "PROPERTIES",
    "QUERY_DATE",
    "QUERY_FLAG",
    "QUERY_TEXT",
    "REQUIRED_DATE",
    "REQUIRED_FLAG",
    "REQUIRED_TEXT",
    "TEXT",
    "TEXTS",
    "Body",
    "Field",
    "Fields",
    "complaints",
    "iso_date",
    "object_of",
    "one_of",
    "several",
]

#: Says what is wrong with a value; `""` where nothing is.
Check: TypeAlias = Callable[[Any, Assumptions], str]

_LONGEST_NUMBER: Final = 15  # digits


@attrs.frozen
class Field:
    """One value of a request.

    Attributes:
        schema: of what is accepted.
        check: what is wrong with a value that is neither of `empty`.
        empty: values that stand for none.
    """

    schema: Json
    check: Check
    empty: tuple[str | None, ...] = (None, "")


Fields: TypeAlias = Mapping[str, Field]


@attrs.frozen
class Body:
    """The JSON object that a request carries.

    Attributes:
        name: of its schema.
        fields: its keys; others are ignored.
        required: keys that must be there, not empty.
        any_of: whether one of the keys must be there, empty or not.
        all_of: keys that must be there, empty or not.
        filled: keys of which one must be there and not empty.
    """

    name: str
    fields: Fields
    required: tuple[str, ...] = ()
    any_of: bool = False
    all_of: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()

    @property
    def is_required(self) -> bool:
        """Whether a request without a body is refused."""
        return bool(self.required or self.any_of or self.all_of)

    def read(self, raw: bytes, assumptions: Assumptions) -> Json | Answer:
        """The object in *raw*, or the 422 that it gets."""
        body = json_object(raw)
        if body is None:
            return invalid({"body": "Expected object"})
        if self.any_of and not body.keys() & self.fields.keys():
            message = f"Invalid body. At least one of the following keys are required: {', '.join(sorted(self.fields))}"
            return refused(message, {key: {"message": message} for key in sorted(self.fields)})
        if not body.keys() >= {*self.all_of}:
            message = f"All of the following keys are required: {', '.join(self.all_of)}"
            return refused(message, {key: {"message": message} for key in self.all_of if key not in body})
        missing = {f"body.{key}": "Required" for key in self.required if body.get(key) in (None, "")}
        if self.filled and not any(body.get(key) for key in self.filled):
            missing[f"body.{self.filled[0]}"] = f"Expected one of {', '.join(self.filled)}"
        wrong = missing | complaints("body", self.fields, body, assumptions)
        return invalid(wrong) if wrong else body

    def schema(self) -> Json:
        """The JSON schema of such an object."""
        schema: Json = {"type": "object", "properties": {key: field.schema for key, field in self.fields.items()}}
        if self.required or self.all_of:
            schema["required"] = [*self.required, *self.all_of]
        if self.any_of:
            schema["anyOf"] = [{"required": [key]} for key in self.fields]
        if self.filled:
            schema["anyOf"] = [{"required": [key], "properties": {key: _FILLED}} for key in self.filled]
        return schema


def complaints(where: str, fields: Fields, values: Mapping[str, Any], assumptions: Assumptions) -> dict[str, str]:
    """What is wrong with *values*, by field; what nobody knows is not looked at."""
    wrong: dict[str, str] = {}
    for key, field in fields.items():
        if key in values and values[key] not in field.empty:
            expected = field.check(values[key], assumptions)
            if expected:
                wrong[f"{where}.{key}"] = expected
    return wrong


def iso_date(text: str) -> str:
    """*text* as ISO 8601 in UTC; `""` if it is not a date."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return ""


def one_of(*allowed: str, empty: tuple[str | None, ...] = (None, "")) -> Field:
    """A text out of few."""

    def check(value: Any, _: Assumptions) -> str:
        return "" if value in allowed else f"Expected one of {', '.join(allowed)}"

    return Field({"enum": [*allowed, *reversed(empty)]}, check, empty)


def several(field: Field) -> Field:
    """One value or more, each as *field* has it."""

    def check(value: Any, assumptions: Assumptions) -> str:
        values = cast("list[object]", value) if isinstance(value, list) else []
        wrong = filter(None, (field.check(one, assumptions) for one in values))
        return next(wrong, "" if values else "Expected an array that is not empty")

    return Field({"type": "array", "minItems": 1, "items": field.schema}, check, empty=())


def object_of(fields: Fields) -> Field:
    """An object with these keys; others are ignored."""

    def check(value: Any, assumptions: Assumptions) -> str:
        if not isinstance(value, dict):
            return "Expected object"
        wrong = complaints("", fields, cast("Json", value), assumptions)
        return "; ".join(f"{key[1:]}: {message}" for key, message in wrong.items())

    properties = {key: field.schema for key, field in fields.items()}
    return Field({"type": ["object", "null"], "properties": properties}, check, empty=(None,))


def _is_text(value: Any, _: Assumptions) -> str:
    return "" if isinstance(value, str) else "Expected string"


def _is_filled(value: Any, _: Assumptions) -> str:
    return "" if isinstance(value, str) and value else "Expected a string that is not empty"


def _is_date(value: Any, _: Assumptions) -> str:
    return "" if isinstance(value, str) and iso_date(value) else "Expected a date"


def _is_count(value: Any, _: Assumptions) -> str:
    fits = value.isascii() and value.isdecimal() and len(value) <= _LONGEST_NUMBER
    return "" if fits else f"Expected a number, received {value!r}"


def _is_number(value: Any, _: Assumptions) -> str:
    fits = isinstance(value, str) and value.isascii() and value.isdecimal()
    return "" if fits else "Expected digits"


def _is_flag(value: Any, _: Assumptions) -> str:
    return "" if isinstance(value, bool) else "Expected boolean"


def _are_flags(value: Any, _: Assumptions) -> str:
    fits = isinstance(value, dict) and all(isinstance(one, bool) for one in cast("Json", value).values())
    return "" if fits else "Expected an object of booleans"


def _is_chat_id(value: Any, _: Assumptions) -> str:
    fits = isinstance(value, str) and re.fullmatch(_CHAT_ID, value)
    return "" if fits else "Expected <digits>@c.us or <digits>@g.us"


def _are_properties(value: Any, _: Assumptions) -> str:
    fits = isinstance(value, dict) and all(isinstance(one, str) for one in cast("Json", value).values())
    return "" if fits else "Expected an object of strings"


def _are_texts(value: Any, _: Assumptions) -> str:
    texts: Any = [value] if isinstance(value, str) else value
    fits = isinstance(texts, list) and all(isinstance(one, str) for one in cast("Iterable[Any]", texts))
    return "" if fits else "Expected strings"


def _are_names(value: Any, _: Assumptions) -> str:
    fits = isinstance(value, list) and all(isinstance(one, str) for one in cast("Iterable[Any]", value))
    return "" if fits else "Expected an array of strings"


def _is_object(value: Any, _: Assumptions) -> str:
    return "" if isinstance(value, dict) else "Expected object"


_FILLED: Final = {"type": ["string", "object"], "minLength": 1}
_CHAT_ID: Final = r"[0-9]+(-[0-9]+)?(@c\.us|@g\.us)?"
_DATE: Final = {
    "type": "string",
    "pattern": "^[1-9][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])"
    r"([T ]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-][01][0-9]:[0-5][0-9])?)?$",
}

TEXT: Final = Field({"type": ["string", "null"]}, _is_text)
TEXTS: Final = Field(
    {"anyOf": [{"type": ["string", "null"]}, {"type": "array", "items": {"type": "string"}}]}, _are_texts
)
NAMES: Final = Field({"type": ["array", "null"], "items": {"type": "string"}}, _are_names, empty=(None,))
ANY_OBJECT: Final = Field({"type": ["object", "null"]}, _is_object, empty=(None,))
REQUIRED_TEXT: Final = Field({"type": "string", "minLength": 1}, _is_filled)
CHAT_ID: Final = Field({"type": "string", "pattern": f"^{_CHAT_ID}$"}, _is_chat_id)
FLAG: Final = Field({"type": ["boolean", "null"]}, _is_flag, empty=(None,))
REQUIRED_FLAG: Final = Field({"type": "boolean"}, _is_flag)
FLAGS: Final = Field({"type": "object", "additionalProperties": {"type": "boolean"}}, _are_flags, empty=())
NUMBER: Final = Field({"type": "string", "pattern": "^[0-9]+$"}, _is_number)
DATE: Final = Field(
    {
        "description": "A date, or a date and time, in ISO 8601. Null and the empty string stand for none.",
        "anyOf": [{"type": "null"}, {"const": ""}, _DATE],
    },
    _is_date,
)
REQUIRED_DATE: Final = Field(_DATE, _is_date, empty=())
PROPERTIES: Final = Field(
    {"type": ["object", "null"], "additionalProperties": {"type": "string"}}, _are_properties, empty=(None,)
)
#: Of a query, where all is text.
OFFSET: Final = Field(
    {"type": "integer", "minimum": 0, "maximum": 10**_LONGEST_NUMBER - 1, "default": 0}, _is_count, empty=()
)
LIMIT: Final = Field({"type": "integer", "minimum": 1, "maximum": 2000, "default": 2000}, _is_count, empty=())
QUERY_DATE: Final = REQUIRED_DATE
QUERY_TEXT: Final = Field({"type": "string"}, _is_text, empty=())
QUERY_FLAG: Final = one_of("true", "false", empty=())
