"""What an answer means: a success, or which error, and whether another attempt can help."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final, TypeVar, cast

from periskope_async._sansio.rate_headers import read_retry_after
from periskope_async._sansio.response import FailedAttempt, FailureKind, Response
from periskope_async.errors import (
    BY_STATUS,
    ApiError,
    NotFoundError,
    PeriskopeError,
    ServerError,
    UnexpectedResponseError,
)

__all__ = ["MAX_DEPTH", "MAX_ERROR", "classify", "malformed", "unexpected"]

#: A longer body is not read for an error object, bytes.
MAX_ERROR: Final = 65_536
#: Error fields that nest deeper are not kept, levels.
MAX_DEPTH: Final = 16

E = TypeVar("E", bound=ApiError)

_WRONG_PATH: Final = "(a 404 of no resource: the service has no such path, or the base URL is wrong or lacks its /v1)"
#: Whoever reads it knows which key they meant, and not which one was sent.
_KEY: Final = "; check PERISKOPE_API_KEY, or the key passed instead; `periskope doctor` shows what is in use"
_PLAN = re.compile(r"\bplans?\b", re.IGNORECASE)


def classify(response: Response) -> FailedAttempt | None:
    """Return what is wrong with an answer's status, or None for a success."""
    status = response.status
    if 200 <= status <= 299 and status != 206:  # half of it, and we ask for no halves
        return None
    retry_after = read_retry_after(response)
    error = _api_error(response, retry_after)
    if status == 429:
        return FailedAttempt(error, FailureKind.THROTTLED, retry_after)
    if status in {408, 425} or 500 <= status <= 599:
        return FailedAttempt(error, FailureKind.PASSING, retry_after)
    return FailedAttempt(error, FailureKind.FINAL)


def malformed(response: Response, expected: str, error: PeriskopeError | None = None) -> FailedAttempt:
    """Return the failure of a success whose body is not what was *expected*, such as "JSON".

    A body that claims to be JSON fails with *error*; an empty one and a page are the doing of something in between.
    """
    body = response.body.strip()
    media_type = response.headers.get("Content-Type") or "no content type"
    if error is not None and body and "json" in media_type.lower():
        error.trace_id = response.trace_id
        return FailedAttempt(error, FailureKind.MALFORMED)
    found = f"a body of {media_type}" if body else "an empty body"
    return FailedAttempt(unexpected(response, f"expected {expected}, got {found}"), FailureKind.MALFORMED)


def unexpected(response: Response, message: str) -> UnexpectedResponseError:
    """Return the error of an answer that is not what was asked for."""
    return _fill(UnexpectedResponseError(message), response, None)


def _api_error(response: Response, retry_after: float | None) -> ApiError:
    status = response.status
    body = _error_object(response)
    code, name, message, fields = (body.get(key) for key in ("code", "name", "message", "fields"))
    text = message if isinstance(message, str) and message else _without_message(response)
    if status == 401:
        plan = " (the key is not bad: the account's plan does not include the API)"
        text += plan if _PLAN.search(text) else _KEY
    default = ServerError if 500 <= status <= 599 else UnexpectedResponseError
    cls = BY_STATUS.get(status, default)
    if cls is NotFoundError and not (isinstance(code, str) or isinstance(name, str)):
        # Whoever takes it for "no such ticket" may go and create one.
        cls, text = UnexpectedResponseError, f"{text} {_WRONG_PATH}"
    error = _fill(cls(text), response, retry_after)
    error.code = code if isinstance(code, str) else None
    error.name = name if isinstance(name, str) else None
    error.fields = cast("dict[str, Any]", fields) if isinstance(fields, dict) and _is_flat(fields) else {}
    return error


def _fill(error: E, response: Response, retry_after: float | None) -> E:
    error.status = response.status
    error.trace_id = response.trace_id
    error.retry_after = retry_after
    error.body = response.body.decode("utf-8", "replace")
    return error


def _error_object(response: Response) -> dict[str, Any]:
    if len(response.body) > MAX_ERROR:
        return {}
    try:
        body: object = json.loads(response.body)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", body) if isinstance(body, dict) else {}


def _is_flat(value: Any) -> bool:
    """Whether JSON nests no deeper than `MAX_DEPTH`: deeper would break whoever masks, copies or prints it."""
    layer: list[Any] = [value]
    for _ in range(MAX_DEPTH):
        layer = [inner for outer in layer for inner in _inside(outer)]
    return not layer


def _inside(value: Any) -> Iterable[Any]:
    held: Any = value  # a checker would know no more of it than that it is a list of unknowns
    inside: Iterable[Any] = held.values() if isinstance(value, dict) else held if isinstance(value, list) else ()
    return inside


def _without_message(response: Response) -> str:
    status, location = response.status, response.headers.get("Location")
    if status == 206:  # we send no Range
        return "206 Partial Content, which was not asked for: the answer may be only half of it"
    if 300 <= status <= 399 and location is not None:
        target = re.match(r"(?:[a-z]+:)?//(?:[^/?#@]*@)?([^/?#@]+)", location, re.IGNORECASE)
        return f"redirects are not followed (to {target[1] if target else 'the same host'})"
    content_type = (response.headers.get("Content-Type") or "").lower()
    if not response.body.strip():
        return "the answer has no body"
    if "html" in content_type or response.body.lstrip()[:1] == b"<":
        what = "a proxy or firewall seems to refuse us: " if status in {403, 429} else ""
        return f"{what}the answer is an HTML page, so something in front of the service sent it"
    return "the answer gives no reason"
