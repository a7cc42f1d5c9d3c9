"""Requests that no method of a resource makes: what the caller wants sent, checked and spelled for the wire."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, unquote, urlencode

from periskope_async._sansio.arguments import as_flag
from periskope_async._sansio.ids import as_phone
from periskope_async._sansio.operation import Operation, Request
from periskope_async._sansio.response import AnyJson
from periskope_async._sansio.unset import Unset
from periskope_async.errors import ConfigurationError

__all__ = ["CUSTOM", "custom_request"]

#: What the operation of such a request is called. It has no template: its path may hold an id.
CUSTOM: Final = "request"

#: Whether a method may be sent again where the caller does not say.
_METHODS: Final[Mapping[str, bool]] = {"GET": True, "PUT": True, "DELETE": True, "POST": False, "PATCH": False}

#: Headers that are the client's own: credentials, and what belongs to the connection and the body.
_OWN_HEADERS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
    }
)
_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE: Final = re.compile(r"[!-~](?:[ !-~]*[!-~])?")
_QUOTED: Final = re.compile(r"(%[0-9A-Fa-f]{2})")
_CONTROL_OR_BLANK: Final = re.compile(r"[\x00-\x20\x7f-\x9f]")


def custom_request(
    method: object,
    path: object,
    result: Any,
    *,
    params: object = None,
    body: object = None,
    headers: object = None,
    idempotent: object = None,
) -> Request[Any]:
    """Return the request that these values describe; see `PeriskopeClient.request`.

    Raises:
        ConfigurationError: one of them cannot be sent; the message names it.
    """
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise ConfigurationError(f"method: expected {', '.join(_METHODS)}, got {method!r}")
    method = method.upper()
    repeatable = _METHODS[method] if idempotent is None else bool(as_flag("idempotent", idempotent))
    checked, target = _headers(headers), _path(path)
    phone = checked.pop("x-phone", None)
    return Request(
        Operation(CUSTOM, method, target, result, idempotent=repeatable, optional=result is AnyJson, resource=None),
        target,
        query=_query(params),
        body=None if body is None else _json(body),
        phone=None if phone is None else as_phone("x-phone", phone),
        headers=tuple(checked.items()),
    )


def _path(value: object) -> str:
    """Return a path below the base URL, quoted where it is not."""
    if not isinstance(value, str):
        raise ConfigurationError(f"path: expected text, got {type(value).__name__}")
    if re.match(r"[A-Za-z][\w+.-]*:|//", value) or not value.strip("/"):
        raise ConfigurationError("path: expected one below the base URL, such as '/chats'")
    if "?" in value or "#" in value or "\\" in value or _CONTROL_OR_BLANK.search(value):
        raise ConfigurationError("path: holds a blank, control character, '?', '#' or '\\'; params= is for the query")
    if any(unquote(segment) in {".", ".."} for segment in value.split("/")):
        raise ConfigurationError("path: '.' and '..' would name another resource")
    try:
        parts = [
            part if _QUOTED.fullmatch(part) else quote(part, safe="/:@!$&'()*+,;=~") for part in _QUOTED.split(value)
        ]
    except UnicodeEncodeError:
        raise ConfigurationError("path: holds a lone surrogate") from None
    return f"/{''.join(parts).lstrip('/')}"


def _query(params: object) -> str:
    """Encode a query: None and `UNSET` are left out, a list repeats its name."""
    if params is None:
        return ""
    if not isinstance(params, Mapping):
        raise ConfigurationError(f"params: expected a mapping, got {type(params).__name__}")
    values = cast("Mapping[object, object]", params)
    pairs = [(str(name), text) for name, value in values.items() for text in _texts(str(name), value)]
    try:
        return urlencode(pairs)
    except UnicodeEncodeError:
        raise ConfigurationError("params: a text holds a lone surrogate") from None


def _texts(name: str, value: object) -> Iterator[str]:
    match value:
        case None | Unset.UNSET:
            return
        case bool():
            yield str(value).lower()  # flags as JSON has them: the API does not know Python's `True`
        case str() | int() | float():
            yield str(value)
        case list() | tuple():
            for item in cast("list[object]", value):
                yield from _texts(name, item)
        case _:
            kind = type(value).__name__
            raise ConfigurationError(f"params: {name}: expected text, a number, a flag or a list of them, got {kind}")


def _json(value: object) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeEncodeError:
        raise ConfigurationError("json: a text holds a lone surrogate") from None
    except (TypeError, ValueError, RecursionError) as exc:
        reason = exc.args[0] if isinstance(exc, TypeError) else "NaN, infinity, or a circle"
        raise ConfigurationError(f"json: not JSON: {reason}; of a model, send to_dict()") from None


def _headers(headers: object) -> dict[str, str]:
    """Return extra headers by lower-case name."""
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"headers: expected a mapping, got {type(headers).__name__}")
    checked: dict[str, str] = {}
    for name, value in cast("Mapping[object, object]", headers).items():
        if not (isinstance(name, str) and _HEADER_NAME.fullmatch(name)):
            raise ConfigurationError("headers: a name is not one")
        if name.lower() in _OWN_HEADERS:
            raise ConfigurationError(f"headers: {name} is the client's own; for another key or service make a client")
        if not (isinstance(value, str) and _HEADER_VALUE.fullmatch(value)):
            raise ConfigurationError(f"headers: {name}: expected one line of visible ASCII (the value is not shown)")
        checked[name.lower()] = value
    return checked
