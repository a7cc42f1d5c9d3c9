"""Answers as Express dresses them: header fields, ETag, status texts. Pure; it must not know the tickets."""

import gzip
import hashlib
from base64 import b64encode
from email.utils import formatdate
from functools import lru_cache
from typing import Final, TypeAlias

from periskope_async.testing._http import Reply, Request
from periskope_async.testing._limits import RateLimitPolicy
from periskope_async.testing._service.account import ORG_ID, PHONE_ID
from periskope_async.testing._service.answers import Answer, error

__all__ = ["HeaderFields", "common_fields", "dressed", "too_many"]

HeaderFields: TypeAlias = tuple[tuple[str, str], ...]

_EVERY: Final[HeaderFields] = (
    ("X-Powered-By", "Express"),
    ("Access-Control-Allow-Origin", "*"),
    ("x-periskope-org-id", ORG_ID),
)
_KEPT_ALIVE: Final[HeaderFields] = (*_EVERY, ("Connection", "keep-alive"), ("Keep-Alive", "timeout=5"))
_LAST: Final[HeaderFields] = (*_EVERY, ("Connection", "close"))

_PHONE_FIELD: Final = ("x-periskope-phone-id", PHONE_ID)


def common_fields(request: Request, serial: int, now: float, *, phone: bool) -> HeaderFields:
    """The header fields that every answer carries; with *phone* those too that an operation of one phone has."""
    connection = _LAST if request.closes else _KEPT_ALIVE
    mine = (*connection, _PHONE_FIELD) if phone else connection
    return (*mine, ("x-periskope-trace-id", f"trace-{serial:012x}"), ("Date", _date(int(now))))


def dressed(answer: Answer, fields: HeaderFields, request: Request, *, compress: bool) -> Reply:
    """*answer* with *fields* and those that go with its body; 304 where *request* knows the body already."""
    if not answer.body:
        return Reply(answer.status, b"", fields)
    etag = _etag(answer.body)
    if answer.status == 200 and request.headers.get("if-none-match") == etag:
        return Reply(304, b"", (*fields, ("ETag", etag)))
    fields = (*fields, ("Content-Type", answer.content_type), ("ETag", etag))
    if compress and "gzip" in request.headers.get("accept-encoding", ""):
        packed = gzip.compress(answer.body, mtime=0)
        return Reply(answer.status, packed, (*fields, ("Vary", "Accept-Encoding"), ("Content-Encoding", "gzip")))
    return Reply(answer.status, answer.body, fields)


def too_many(policy: RateLimitPolicy) -> Answer:
    """The vendor's 429."""
    span = "second" if policy.window == 1 else f"{policy.window:g} seconds"
    return error(429, "RATE_LIMIT_ERROR", f"You can only make {policy.limit} requests per {span}")


def _etag(body: bytes) -> str:
    """Express's weak ETag: length and SHA-1 of the body."""
    digest = b64encode(hashlib.sha1(body, usedforsecurity=False).digest())[:27].decode()
    return f'W/"{len(body):x}-{digest}"'


@lru_cache(maxsize=4)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
