"""What the service demands of what is sent: each check beside the JSON schema that says the same."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

from periskope_async.testing._service.assumptions import Assumptions
from periskope_async.testing._service.fields import CHAT_ID, Field

if TYPE_CHECKING:
    from periskope_async.testing._json import Json

__all__ = ["CHAT_IDS", "MEDIA", "OPTIONS", "POLL", "SECONDS", "VARIABLES"]

_TYPES: Final = ("document", "image", "video", "audio")


def _check(expected: str, fits: Callable[[Any], bool]) -> Callable[[Any, Assumptions], str]:
    return lambda value, _: "" if fits(value) else f"Expected {expected}"


def _is_media(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    media = cast("Json", value)
    texts = all(isinstance(media.get(key), str) and media[key] for key in ("filename", "mimetype", "type"))
    sources = [media[key] for key in ("url", "filedata") if key in media]
    return texts and media["type"] in _TYPES and len(sources) == 1 and isinstance(sources[0], str) and sources[0] != ""


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in cast("list[object]", value))


def _is_poll(value: Any) -> bool:
    if not isinstance(value, dict):
        return False
    poll = cast("Json", value)
    return isinstance(poll.get("pollName"), str) and _are_texts(poll.get("pollOptions"))


def _are_chat_ids(value: Any, assumptions: Assumptions) -> str:
    ids = cast("list[object]", value) if isinstance(value, list) else []
    fit = bool(ids) and not any(CHAT_ID.check(one, assumptions) for one in ids)
    return "" if fit else "Expected chat ids"


def _are_variables(value: Any) -> bool:
    rows = cast("list[object]", value) if isinstance(value, list) else [None]
    return all(isinstance(row, dict) and {"chat_id", "values"} <= cast("Json", row).keys() for row in rows)


_TEXT: Final = {"type": "string", "minLength": 1}

CHAT_IDS: Final = Field({"type": "array", "minItems": 1, "items": CHAT_ID.schema}, _are_chat_ids, empty=(None,))
SECONDS: Final = Field(
    {"type": ["number", "null"], "minimum": 0},
    _check("a number", lambda value: type(value) in {int, float} and value >= 0),
    empty=(None,),
)
OPTIONS: Final = Field(
    {"type": ["object", "null"]}, _check("an object", lambda value: isinstance(value, dict)), empty=(None,)
)
MEDIA: Final = Field(
    {
        "type": ["object", "null"],
        "properties": {
            "type": {"enum": [*_TYPES]},
            "filename": _TEXT,
            "mimetype": _TEXT,
            "url": _TEXT,
            "filedata": _TEXT,
        },
        "required": ["type", "filename", "mimetype"],
        "oneOf": [{"required": ["url"]}, {"required": ["filedata"]}],
    },
    _check("media: type, filename, mimetype, and url or filedata", _is_media),
    empty=(None,),
)
POLL: Final = Field(
    {
        "type": ["object", "null"],
        "properties": {"pollName": {"type": "string"}, "pollOptions": {"type": "array", "items": {"type": "string"}}},
        "required": ["pollName", "pollOptions"],
    },
    _check("a poll: pollName, pollOptions", _is_poll),
    empty=(None,),
)
VARIABLES: Final = Field(
    {"type": ["array", "null"], "items": {"type": "object", "required": ["chat_id", "values"]}},
    _check("chat_id and values of each chat", _are_variables),
    empty=(None,),
)
