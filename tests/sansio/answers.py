"""Answers made by hand, and what is made of them."""

import json

from multidict import CIMultiDict

from periskope_async._sansio.classify import classify
from periskope_async._sansio.redact import redact
from periskope_async._sansio.response import FailedAttempt, Response
from periskope_async._sansio.secret import Secret
from periskope_async.errors import ApiError

NOW = 1_795_435_200.0  # a Monday noon: Mon, 23 Nov 2026 12:00:00 GMT
HTML = b"<html><title>502 Bad Gateway</title></html>"


def answer(status: int = 200, body: object = b"", *, received: float = NOW, **headers: str) -> Response:
    """Make a response; `retry_after="1"` is the header Retry-After, a body that is not bytes becomes JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = CIMultiDict((name.replace("_", "-"), value) for name, value in headers.items())
    return Response(status, fields, raw, received)


def failure(status: int, body: object = b"", **headers: str) -> FailedAttempt:
    """Judge an answer that is a failure."""
    found = classify(answer(status, body, **headers))
    assert found is not None
    return found


def error_of(status: int, body: object = b"", **headers: str) -> ApiError:
    """Judge an answer, and return its error as a caller gets it."""
    error = failure(status, body, **headers).error
    assert isinstance(error, ApiError)
    redact(error, Secret("CANARY").scrub)
    return error
