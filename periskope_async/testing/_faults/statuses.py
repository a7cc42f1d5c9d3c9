"""Answers of something in front of the service, or of a service that fails. Pure."""

import math
from collections.abc import Callable, Iterable, Mapping
from email.utils import formatdate
from types import MappingProxyType
from typing import Final

from periskope_async.testing._faults.context import FaultAnswer, FaultContext
from periskope_async.testing._faults.names import Fault
from periskope_async.testing._http import Reply, Step
from periskope_async.testing._json import dumps

__all__ = ["STATUSES"]


def _error(status: int, code: str, message: str) -> FaultAnswer:
    return _status(status, dumps({"code": code, "message": message, "status": status}))


def _status(
    status: int,
    body: bytes = b"",
    content_type: str = "application/json; charset=utf-8",
    retry_after: Callable[[FaultContext], str] | None = None,
) -> FaultAnswer:
    def steps(context: FaultContext) -> Iterable[Step]:
        headers = [field for field in context.reply.headers if field[0] not in {"Content-Type", "ETag"}]
        if body:
            headers.append(("Content-Type", content_type))
        if retry_after is not None:
            headers.append(("Retry-After", retry_after(context)))
        if 300 < status < 400 and status != 304:  # redirects
            headers.append(("Location", context.location))
        return (Reply(status, body, tuple(headers)).encode(),)

    return steps


def _not_found(context: FaultContext) -> Iterable[Step]:
    what = context.resource.name.capitalize() if context.resource else "Resource"
    return _error(404, "NOT_FOUND_ERROR", f"{what} not found")(context)


def _invalid(context: FaultContext) -> Iterable[Step]:
    id_key = context.resource.id_key if context.resource else "id"
    fields = {f"params.{id_key}": {"message": f"Invalid {id_key}"}}
    body = {"code": "VALIDATION_ERROR", "message": "Request validation failed", "status": 422, "fields": fields}
    return _status(422, dumps(body))(context)


def _html(status: int, title: str) -> FaultAnswer:
    page = f"<html><head><title>{title}</title></head><body><center><h1>{title}</h1></center></body></html>\r\n"
    return _status(status, page.encode(), "text/html")


def _throttled(retry_after: Callable[[FaultContext], str] | None) -> FaultAnswer:
    return _status(429, _TOO_MANY, retry_after=retry_after)


def _seconds(context: FaultContext) -> str:
    return str(math.ceil(context.retry_after))


_NO_PLAN: Final = dumps(
    {"code": "UNAUTHORIZED_ERROR", "message": "APIs available only for active pro and enterprise plans."}
)
_TOO_MANY: Final = dumps(
    {"code": "RATE_LIMIT_ERROR", "message": "You can only make 100 requests per second", "status": 429}
)
_UNAVAILABLE: Final = dumps({"code": "UNKNOWN_ERROR", "message": "Service unavailable", "status": 503})


STATUSES: Final[Mapping[Fault, FaultAnswer]] = MappingProxyType(
    {
        Fault.STATUS_101: _status(101),
        Fault.STATUS_204: _status(204),
        Fault.STATUS_301: _status(301),
        Fault.STATUS_302: _status(302),
        Fault.STATUS_303: _status(303),
        Fault.STATUS_304: _status(304),
        Fault.STATUS_307: _status(307),
        Fault.STATUS_308: _status(308),
        Fault.STATUS_400: _error(400, "BAD_REQUEST_ERROR", "Bad request"),
        Fault.STATUS_401: _error(401, "UNAUTHORIZED_ERROR", "Invalid bearer auth token"),
        Fault.STATUS_401_PLAN: _status(401, _NO_PLAN),
        Fault.STATUS_403: _error(403, "FORBIDDEN_ERROR", "Forbidden"),
        Fault.STATUS_404: _not_found,
        Fault.STATUS_408: _status(408),
        Fault.STATUS_409: _error(409, "CONFLICT_ERROR", "Conflict"),
        Fault.STATUS_410: _error(410, "GONE_ERROR", "Gone"),
        Fault.STATUS_422: _invalid,
        Fault.STATUS_425: _status(425),
        Fault.STATUS_429: _throttled(_seconds),
        Fault.STATUS_429_BARE: _throttled(None),
        Fault.STATUS_429_DATE: _throttled(
            lambda context: formatdate(math.ceil(context.now + context.retry_after), usegmt=True)
        ),
        Fault.STATUS_429_FLOAT: _throttled(lambda context: f"{context.retry_after:.3f}"),
        Fault.STATUS_429_GARBAGE: _throttled(lambda _: "soon, we hope"),
        Fault.STATUS_429_HUGE: _throttled(lambda _: "86400"),
        Fault.STATUS_429_HTML: _html(429, "Too Many Requests"),
        Fault.STATUS_500: _error(500, "UNKNOWN_ERROR", "Internal server error"),
        Fault.STATUS_500_EMPTY: _status(500),
        Fault.STATUS_502_HTML: _html(502, "502 Bad Gateway"),
        Fault.STATUS_503: _status(503, _UNAVAILABLE, retry_after=_seconds),
        Fault.STATUS_503_BARE: _status(503, _UNAVAILABLE),
        Fault.STATUS_504: _html(504, "504 Gateway Time-out"),
        Fault.STATUS_520: _html(520, "Web server is returning an unknown error"),
        Fault.STATUS_524: _html(524, "A timeout occurred"),
        Fault.STATUS_999: _status(999),
        Fault.HTML: _html(200, "Scheduled maintenance"),
    }
)
