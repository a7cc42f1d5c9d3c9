"""The picture of a QR code, of a text that leads nowhere. Pure; it must not know HTTP."""

import struct
import zlib
from functools import cache
from typing import Final

__all__ = ["QR_TEXT", "qr_png"]

#: What the code says. A phone that scans it is not connected by that: a test changes its `wa_state`.
QR_TEXT: Final = "https://example.com/periskope"

#: Its rows, the first square in the highest of 25 bits, as segno 1.6 draws it.
_ROWS: Final = (
    *(0x1FCF47F, 0x1040D41, 0x174845D, 0x175595D, 0x175295D, 0x104D441, 0x1FD557F, 0x0009700, 0x18EC818),
    *(0x1286FBE, 0x1658F2B, 0x03A6569, 0x0ADD361, 0x16B6722, 0x15F827B, 0x13BF4ED, 0x10DBDF4, 0x001A110),
    *(0x1FD2951, 0x105F713, 0x174CFF6, 0x17421C3, 0x1748A0D, 0x10553B1, 0x1FD9149),
)
_SCALE: Final = 8  # pixels a square, so that a row of squares is a row of bytes
_MARGIN: Final = 4  # squares


@cache
def qr_png() -> bytes:
    """The picture: black and white, one bit a pixel."""
    size = len(_ROWS) + 2 * _MARGIN
    light = bytes([255]) * size
    lines = [light] * _MARGIN + [_line(row) for row in _ROWS] + [light] * _MARGIN
    pixels = b"".join((b"\0" + line) * _SCALE for line in lines)
    header = struct.pack(">IIBBBBB", size * _SCALE, size * _SCALE, 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(pixels, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _line(row: int) -> bytes:
    count = len(_ROWS)
    edge = bytes([255]) * _MARGIN
    return edge + bytes(0 if row >> (count - 1 - at) & 1 else 255 for at in range(count)) + edge


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
