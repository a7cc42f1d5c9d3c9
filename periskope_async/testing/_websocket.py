"""WebSocket frames, as far as the fake needs them: whole texts, pings and goodbyes. It must not know what they say."""

from base64 import b64encode
from hashlib import sha1
from typing import Final

__all__ = ["CLOSE", "PING", "PONG", "TEXT", "accept_key", "frame", "read_frame"]

#: The kinds of frames that matter here.
TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA

_GUID: Final = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, 1.3


def accept_key(key: str) -> str:
    """What a server says to a client that named *key*."""
    return b64encode(sha1(f"{key}{_GUID}".encode(), usedforsecurity=False).digest()).decode()


def frame(kind: int, payload: bytes) -> bytes:
    """A whole message of a server, as it goes over the wire."""
    size = len(payload)
    if size < 126:
        length = bytes([size])
    elif size < 1 << 16:
        length = b"\x7e" + size.to_bytes(2, "big")
    else:
        length = b"\x7f" + size.to_bytes(8, "big")
    return bytes([0x80 | kind]) + length + payload


def read_frame(buffer: bytearray) -> tuple[int, bytes] | None:
    """Take the next frame of a client out of *buffer*: its kind and payload; None while it is not all there."""
    if len(buffer) < 2:
        return None
    extra = {126: 2, 127: 8}.get(buffer[1] & 0x7F, 0)
    start = 2 + extra + 4  # a client masks what it sends
    size = int.from_bytes(buffer[2 : 2 + extra], "big") if extra else buffer[1] & 0x7F
    if len(buffer) < start + size:
        return None
    kind, mask, masked = buffer[0] & 0x0F, buffer[start - 4 : start], buffer[start : start + size]
    del buffer[: start + size]
    return kind, bytes(byte ^ mask[at % 4] for at, byte in enumerate(masked))
