"""Reading an answer's body, unpacked and capped."""

import time
from typing import Any, Final

import aiohttp

from periskope_async._sansio.response import FailedAttempt, FailureKind, Headers, LimitTexts, Response
from periskope_async.errors import ProtocolError

__all__ = ["MAX_BODY", "answer_of", "read_answer"]

#: Bodies are read up to this many *unpacked* bytes: a gzip of 1 MB can hold 2 GB.
MAX_BODY: Final = 16 * 1024 * 1024


async def read_answer(status: int, headers: Any, content: aiohttp.StreamReader) -> Response | FailedAttempt:
    """Return the answer with its body, or the failure of one that is too large."""
    body = content.read_nowait() if content.is_eof() else await content.readany()
    if not content.at_eof():
        body = await _read_on(content, body)
    return answer_of(status, headers, body)


def answer_of(status: int, headers: Headers, body: bytes, *, limit: LimitTexts = None) -> Response | FailedAttempt:
    """Return the answer that has just come, or the failure of one that is too large."""
    if len(body) > MAX_BODY:
        return FailedAttempt(ProtocolError(f"the body is larger than {MAX_BODY >> 20} MiB"), FailureKind.FINAL)
    return Response(status, headers, body, time.time(), limit)


async def _read_on(content: aiohttp.StreamReader, first: bytes) -> bytes:
    """Return *first* and what follows it, to the end or until it is larger than `MAX_BODY`."""
    chunks, size = [first], len(first)
    while size <= MAX_BODY:
        chunk = await content.readany()
        if not chunk:
            break
        chunks.append(chunk)
        size += len(chunk)
    return b"".join(chunks)
