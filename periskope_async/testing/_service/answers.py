"""What the service answers before it is dressed for the wire: a status and a body, and the vendor's errors. Pure."""

from collections.abc import Mapping
from html import escape
from typing import Any

import attrs

from periskope_async.testing._json import dumps

__all__ = ["Answer", "error", "invalid", "missing_phone", "no_route", "not_found", "refused"]


@attrs.frozen
class Answer:
    """A status and a body: JSON, unless `content_type` says otherwise."""

    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"


def error(status: int, code: str, message: str, **more: Any) -> Answer:
    """An answer in the vendor's envelope for errors."""
    return Answer(status, dumps({"code": code, "message": message, "status": status, **more}))


def not_found(what: str) -> Answer:
    """The vendor's 404 for an object that does not exist."""
    return error(404, "NOT_FOUND_ERROR", f"{what.capitalize()} not found")


def invalid(complaints: Mapping[str, str]) -> Answer:
    """A 422 as the vendor's newest pages show it: field names carry where the value came from."""
    fields = {name: {"message": message} for name, message in complaints.items()}
    return error(422, "VALIDATION_ERROR", "Request validation failed", fields=fields)


def refused(message: str, fields: Mapping[str, Mapping[str, str]]) -> Answer:
    """A 422 as the client's types describe it: it has a name, and plain field names."""
    return error(422, "VALIDATION_ERROR", message, name="Validation Error", fields=fields)


def missing_phone() -> Answer:
    """The vendor's 422 for a request that does not say which phone it is about."""
    fields = {"x-phone": {"message": "Send the phone's number, digits only, as x-phone"}}
    return refused("Missing Header: {x-phone}", fields)


def no_route(method: str, path: str) -> Answer:
    """Express's page for what leads nowhere."""
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n<body>\n'
        f"<pre>Cannot {escape(method)} {escape(path)}</pre>\n</body>\n</html>\n"
    )
    return Answer(404, page.encode("utf-8", "replace"), "text/html; charset=utf-8")
