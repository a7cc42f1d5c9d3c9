"""One POST over a connection of its own, to this machine and nowhere else. By hand: a library refuses to cut a body."""

import asyncio
from contextlib import suppress
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from periskope_async.testing._deliveries.envelope import head

__all__ = ["is_near", "post"]

#: As much of an answer is read, so that whoever sends it is not interrupted, bytes.
_LONGEST_ANSWER: Final = 64 * 1024


def is_near(url: str) -> bool:
    """Whether a URL leads to this machine, over plain HTTP: others are never called."""
    try:
        parts = urlsplit(url)
        return parts.scheme == "http" and bool(_addresses(parts)) and parts.port != 0
    except ValueError:  # the port is out of range
        return False


async def post(url: str, body: bytes, signed: str, *, cut: bool, timeout: float) -> int:  # noqa: ASYNC109  # in all
    """Post *body*, and return the status of the answer; 0 where none came.

    Args:
        url: one that `is_near`.
        body: what to post.
        signed: its signature; `""` for none.
        cut: end the connection in the midst of the body.
        timeout: seconds for all of it.
    """
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = head(target, parts.netloc.rpartition("@")[2], len(body), signed)
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await _connected(parts)
            try:
                writer.write(request + (body[: len(body) // 2] if cut else body))
                await writer.drain()
                return 0 if cut else await _status(reader)
            finally:
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()
    except OSError:  # a timeout is one too
        return 0


async def _connected(parts: SplitResult) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    *first, last = _addresses(parts)
    for address in first:
        with suppress(OSError):
            return await asyncio.open_connection(address, parts.port or 80)
    return await asyncio.open_connection(last, parts.port or 80)


async def _status(reader: asyncio.StreamReader) -> int:
    answer = b""
    while len(answer) < _LONGEST_ANSWER and (data := await reader.read(_LONGEST_ANSWER)):
        answer += data
    words = answer[:_LONGEST_ANSWER].split(None, 2)
    return int(words[1]) if len(words) > 1 and words[0].startswith(b"HTTP/") and words[1].isdigit() else 0


def _addresses(parts: SplitResult) -> tuple[str, ...]:
    """The addresses of a URL's host on this machine, by literals: a resolver would leave its threads behind."""
    host = parts.hostname or ""
    if host == "localhost":
        return "127.0.0.1", "::1"
    with suppress(ValueError):
        if ip_address(host).is_loopback:
            return (host,)
    return ()
