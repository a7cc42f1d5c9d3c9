"""Which pixels of a PNG are dark, and which squares of a QR code those are. Pure.

So a code can be shown in a terminal without an imaging library. It reads what code generators write: any colour type
and depth, not interlaced.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import Final

__all__ = ["NotACodeError", "dark_pixels", "squares"]

_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
#: Samples of a pixel by colour type: grey, RGB, palette, grey and alpha, RGBA.
_SAMPLES: Final = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
#: Colour types: of a palette, and those with opacity.
_PALETTE, _WITH_OPACITY = 3, (4, 6)
_DEPTHS: Final = (1, 2, 4, 8, 16)  # bits of a sample
#: A larger picture is not of a code, pixels.
_MOST_PIXELS: Final = 4_000_000
#: Half of white, in samples of one byte; pixels below it are dark.
_HALF: Final = 128
#: The dark run at the corner of a code, the edge of its finder pattern, squares.
_FINDER: Final = 7
#: The smallest and the largest code, and from one size to the next, squares.
_SMALLEST, _LARGEST, _STEP = 21, 177, 4


class NotACodeError(ValueError):
    """The bytes are not a PNG that can be read, or the picture is not of a QR code."""


def squares(png: bytes) -> list[list[bool]]:
    """Return the squares of the QR code in a picture, row by row, without a margin; True is dark.

    Raises:
        NotACodeError: there is none, or it is not upright.
    """
    pixels = dark_pixels(png)
    rows = [number for number, row in enumerate(pixels) if any(row)]
    if not rows:
        raise NotACodeError("the picture is empty")
    left = min(row.index(True) for row in pixels if any(row))
    right = max(len(row) - row[::-1].index(True) for row in pixels if any(row))
    first = pixels[rows[0]][left:right]
    edge = first.index(False) if False in first else 0
    size = edge / _FINDER  # pixels of a square
    count = round((right - left) / size) if size else 0
    if count not in range(_SMALLEST, _LARGEST + 1, _STEP) or rows[-1] + 1 - rows[0] != right - left:
        raise NotACodeError("the picture is not of a QR code")
    middles = [int((number + 0.5) * size) for number in range(count)]
    return [[pixels[rows[0] + down][left + across] for across in middles] for down in middles]


def dark_pixels(png: bytes) -> list[list[bool]]:
    """Return of each pixel, row by row, whether it is dark; what shines through is light.

    Raises:
        NotACodeError: the bytes are not a PNG of a kind that is read here.
    """
    try:
        header, palette, opacity, packed = _chunks(png)
        width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
        if interlaced or colour not in _SAMPLES or depth not in _DEPTHS or not 0 < width * height <= _MOST_PIXELS:
            raise NotACodeError("a kind of PNG that is not read here")
        samples = _SAMPLES[colour]
        length = (width * samples * depth + 7) // 8
        raw = zlib.decompressobj().decompress(packed, (length + 1) * height)
        lines = _unfiltered(raw, length, max(1, samples * depth // 8), height)
        table = [_is_dark(palette[at : at + 3], opacity[at // 3 : at // 3 + 1]) for at in range(0, len(palette), 3)]
        return [_dark(_values(line, depth), width, colour, depth, table) for line in lines]
    except (IndexError, KeyError, struct.error, zlib.error):
        raise NotACodeError("not a whole PNG") from None


def _chunks(png: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Return what is in a file: its header, palette, the opacity of that, and the packed pixels."""
    if not png.startswith(_SIGNATURE):
        raise NotACodeError("not a PNG")
    found: dict[bytes, bytes] = {}
    at = len(_SIGNATURE)
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        name = png[at + 4 : at + 8]
        found[name] = found.get(name, b"") + png[at + 8 : at + 8 + length]
        at += length + 12
    return found[b"IHDR"], found.get(b"PLTE", b""), found.get(b"tRNS", b""), found[b"IDAT"]


def _unfiltered(raw: bytes, length: int, step: int, height: int) -> Iterator[bytearray]:
    """Yield the lines of a picture as they were before each was written as differences."""
    above = bytearray(length)
    for number in range(height):
        start = number * (length + 1)
        kind, line = raw[start], bytearray(raw[start + 1 : start + 1 + length])
        if kind:
            for at, value in enumerate(line):
                left = line[at - step] if at >= step else 0
                corner = above[at - step] if at >= step else 0
                line[at] = (value + _guess(kind, left, above[at], corner)) & 255
        yield line
        above = line


def _guess(kind: int, left: int, up: int, corner: int) -> int:
    match kind:
        case 1:
            return left
        case 2:
            return up
        case 3:
            return (left + up) // 2
        case _:
            nearest = left + up - corner
            return min((left, up, corner), key=lambda each: abs(nearest - each))


def _values(line: bytearray, depth: int) -> list[int]:
    """Return the samples of a line; of sixteen bits, the upper eight."""
    if depth >= 8:
        return list(line[:: depth // 8])
    return [(byte >> shift) & ((1 << depth) - 1) for byte in line for shift in range(8 - depth, -1, -depth)]


def _dark(values: list[int], width: int, colour: int, depth: int, table: list[bool]) -> list[bool]:
    if colour == _PALETTE:
        return [table[value] for value in values[:width]]
    samples = _SAMPLES[colour]
    shades = samples - (colour in _WITH_OPACITY)
    half = 1 << (min(depth, 8) - 1)
    pixels = [values[at : at + samples] for at in range(0, width * samples, samples)]
    return [sum(pixel[:shades]) < shades * half and all(each >= half for each in pixel[shades:]) for pixel in pixels]


def _is_dark(rgb: bytes, opacity: bytes) -> bool:
    return sum(rgb) < 3 * _HALF and (opacity or b"\xff")[0] >= _HALF
