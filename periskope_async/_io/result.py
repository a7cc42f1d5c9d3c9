"""From an answer to the result of its operation: what has to be in the body is for the operation to say."""

import asyncio
from typing import Any, Final, TypeVar, cast

from periskope_async._codec.converter import IS_NULL, NOT_JSON, decode, decode_in_slices, loads
from periskope_async._sansio.classify import classify, malformed, unexpected
from periskope_async._sansio.operation import Request
from periskope_async._sansio.response import AnyJson, Content, FailedAttempt, FailureKind, Response
from periskope_async.errors import DecodeError

__all__ = ["LARGE_BODY_BYTES", "decode_ahead", "read_result"]

T = TypeVar("T")

#: From here on others have turns while a body is decoded: of that many bytes it takes about a millisecond.
LARGE_BODY_BYTES: Final = 65_536


async def decode_ahead(request: Request[Any], answer: Response) -> Any:
    """Return the page that a success larger than `LARGE_BODY_BYTES` holds, decoded with turns for others; else None."""
    operation = request.operation
    if answer.status != 200:
        return None
    slices = decode_in_slices(answer.body, cast("Any", operation.result), operation.unwrap)
    while True:
        try:
            next(slices)
        except StopIteration as end:
            return end.value
        await asyncio.sleep(0)


def read_result(request: Request[T], answer: Response, decoded: Any = None) -> T | FailedAttempt:
    """Return what a success holds, or how the attempt failed; *decoded* is what `decode_ahead` returned."""
    if answer.status != 200 and (failure := classify(answer)) is not None:
        return failure
    operation = request.operation
    expected: Any = operation.result
    # Without a result, whatever the body: it has happened, and must not happen again for what a body says.
    if expected is None or (operation.optional and not answer.body.strip()):
        return cast("T", None)
    if expected is Content:
        content = Content(answer.body, answer.headers.get("Content-Type") or "")
        return cast("T", content) if answer.body else malformed(answer, "a body")
    if expected is AnyJson:
        return cast("T", _any_json(answer))
    body = b"[%b]" % answer.body if operation.lone and answer.body.lstrip()[:1] == b"{" else answer.body
    try:
        result: T = decode(body, expected, operation.unwrap) if decoded is None else decoded
    except DecodeError as exc:
        return _undecodable(answer, exc.with_traceback(None))
    check = operation.mismatch
    mismatch = None if check is None else check(request, result)
    return result if mismatch is None else FailedAttempt(unexpected(answer, mismatch), FailureKind.MALFORMED)


def _any_json(answer: Response) -> object:
    try:
        return loads(answer.body)
    except ValueError:
        error = DecodeError("the body is not JSON")
        error.problems = (NOT_JSON,)
    return malformed(answer, "JSON", error)


def _undecodable(answer: Response, error: DecodeError) -> FailedAttempt:
    if error.problems[0] in {NOT_JSON, IS_NULL}:  # half a page, perhaps: another attempt may bring the whole
        return malformed(answer, "JSON", error)
    error.trace_id = answer.trace_id
    return FailedAttempt(error, FailureKind.FINAL)
