"""Pictures of QR codes, as other programs write them, read without an imaging library."""

import random
import struct
import zlib
from collections.abc import Sequence

import pytest

from periskope_async._codec.png import NotACodeError, dark_pixels, squares
from periskope_async.models import QrImage
from periskope_async.testing._service.made_up.qr_code import qr_png
from tests.support import each_of

#: A code of 21 squares in all but its meaning: finder patterns at three corners, chance elsewhere.
SIZE = 21


def code() -> list[list[bool]]:
    """Return the squares of a picture that looks like a code."""
    dice = random.Random(7)  # noqa: S311  # repeatable on purpose
    rows = [[dice.random() < 0.5 for _ in range(SIZE)] for _ in range(SIZE)]
    for top, left in ((0, 0), (0, SIZE - 7), (SIZE - 7, 0)):
        for down in range(-1, 8):
            for across in range(-1, 8):
                if 0 <= top + down < SIZE and 0 <= left + across < SIZE:
                    ring = max(abs(down - 3), abs(across - 3))
                    rows[top + down][left + across] = ring in {0, 1, 3}
    return rows


def chunk(name: bytes, data: bytes) -> bytes:
    """Return one part of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def filtered(line: bytes, above: bytes, step: int, kind: int) -> bytes:
    """Write a line as differences, in one of the five ways of the format."""
    written = bytearray()
    for at, value in enumerate(line):
        left, up = line[at - step] if at >= step else 0, above[at]
        corner = above[at - step] if at >= step else 0
        nearest = left + up - corner
        paeth = min((left, up, corner), key=lambda each: abs(nearest - each))
        written.append((value - (0, left, up, (left + up) // 2, paeth)[kind]) & 255)
    return bytes([kind]) + bytes(written)


def png(
    rows: Sequence[Sequence[bool]],
    colour: int = 0,
    depth: int = 8,
    *,
    kind: int | None = None,
    interlaced: int = 0,
    seen_through: bool = False,
) -> bytes:
    """Write a picture: dark is black, light is white, or with *seen_through* black that cannot be seen."""
    most = (1 << depth) - 1
    light = 0 if seen_through else most
    shades = {
        0: ([0], [most]),
        2: ([0, 0, most // 2], [most] * 3),
        3: ([0], [1]),
        4: ([0, most], [light, 0 if seen_through else most]),
        6: ([0, 0, 0, most], [light] * 3 + [0 if seen_through else most]),
    }
    lines = [[sample for dark in row for sample in shades[colour][not dark]] for row in rows]
    packed = [
        int("".join(f"{sample:0{depth}b}" for sample in line).ljust(-(-len(line) * depth // 8) * 8, "0"), 2).to_bytes(
            -(-len(line) * depth // 8)
        )
        for line in lines
    ]
    step = max(1, len(shades[colour][0]) * depth // 8)
    above = [bytes(len(packed[0])), *packed]
    written = (
        filtered(line, before, step, number % 5 if kind is None else kind)
        for number, (line, before) in enumerate(zip(packed, above, strict=False))
    )
    palette = [chunk(b"PLTE", bytes([0, 0, 40, *([0] * 3 if seen_through else [255] * 3)]))] if colour == 3 else []
    opacity = [chunk(b"tRNS", b"\xff\0")] if colour == 3 and seen_through else []
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), depth, colour, 0, 0, interlaced)
    body = zlib.compress(b"".join(written))
    halves = [chunk(b"IDAT", body[:20]), chunk(b"IDAT", body[20:])]
    return b"".join([b"\x89PNG\r\n\x1a\n", chunk(b"IHDR", header), *palette, *opacity, *halves, chunk(b"IEND", b"")])


def scaled(rows: Sequence[Sequence[bool]], scale: int, margin: int) -> list[list[bool]]:
    """Draw squares larger, with light around them."""
    edge = [False] * margin
    wide = [edge + [dark for dark in row for _ in range(scale)] + edge for row in rows]
    blank = [[False] * len(wide[0])] * margin
    return blank + [row for row in wide for _ in range(scale)] + blank


@pytest.mark.parametrize(
    ("colour", "depth"),
    [
        *((0, depth) for depth in (1, 2, 4, 8, 16)),
        *((3, depth) for depth in (1, 2, 4, 8)),
        (2, 8),
        (2, 16),
        (4, 8),
        (6, 8),
        (6, 16),
    ],
)
def test_every_kind_of_png(colour: int, depth: int) -> None:
    """Whatever colours and depth a picture has, and however its lines are written, it shows the same code."""
    drawn = scaled(code(), 2, 3)
    assert dark_pixels(png(drawn, colour, depth)) == drawn
    assert squares(png(drawn, colour, depth)) == code()


@pytest.mark.parametrize(("colour", "depth"), [(3, 1), (3, 8), (4, 8), (6, 8), (6, 16)])
def test_what_cannot_be_seen_is_light(colour: int, depth: int) -> None:
    """Black that is transparent is the light of the code."""
    drawn = scaled(code(), 2, 1)
    assert dark_pixels(png(drawn, colour, depth, seen_through=True)) == drawn


@pytest.mark.parametrize(("scale", "margin"), [(1, 0), (1, 4), (3, 0), (7, 12)])
def test_squares_of_any_size(scale: int, margin: int) -> None:
    """How many pixels a square has, and how wide the margin is, makes no difference."""
    assert squares(png(scaled(code(), scale, margin))) == code()


WHOLE = png(scaled(code(), 1, 0))
NOT_CODES = {
    "nothing": b"",
    "JPEG": b"\xff\xd8\xff\xe0\0\x10JFIF",
    "JSON": b'{"type": "Buffer", "data": []}',
    "no more than its name": b"\x89PNG\r\n\x1a\n",
    "cut off": WHOLE[:60],
    "broken": WHOLE.replace(b"IDAT", b"IDAX", 2),
    "not packed": b"\x89PNG\r\n\x1a\n" + WHOLE[8:33] + chunk(b"IDAT", b"not packed"),
    "interlaced": png(code(), interlaced=1),
    "of a strange depth": WHOLE[:24] + b"\x03" + WHOLE[25:],
    "of a strange colour": WHOLE[:25] + b"\x05" + WHOLE[26:],
    "huge": WHOLE[:16] + struct.pack(">II", 1 << 16, 1 << 16) + WHOLE[24:],
    "without height": WHOLE[:20] + bytes(4) + WHOLE[24:],
    "colours that are not in the palette": png(code(), 3, 8).replace(b"PLTE", b"PLTX"),
    "white": png([[False] * 30] * 30),
    "black": png([[True] * 30] * 30),
    "a line": png([[True] * 7 + [False] * 13 + [True]]),
    "of a size that codes do not have": png([[True] * 7 + [False] * 15 + [True]] * 23),
}


@each_of("picture", NOT_CODES.values())
def test_what_is_not_a_code(picture: bytes) -> None:
    """What is not the picture of a code says so, and nothing else is raised."""
    with pytest.raises(NotACodeError):
        squares(picture)
    with pytest.raises(ValueError, match=r"cannot be shown as text .*the service says image/x.*: save it"):
        QrImage(content=picture, content_type="image/x").to_text()


def test_as_text() -> None:
    """Two rows of squares are one of text, with a margin; inverted, what is dark is filled."""
    lines = QrImage(content=qr_png()).to_text(inverted=True).split("\n")
    assert {len(line) for line in lines} == {25 + 2 * 2}
    assert len(lines) == (25 + 1) // 2 + 2
    assert lines[0] == lines[-1] == " " * 29
    assert lines[1].startswith("  █▀▀▀▀▀█ ")
    assert lines[4].startswith("  ▀▀▀▀▀▀▀ ")
    swap = str.maketrans(" ▀▄█", "█▄▀ ")
    assert QrImage(content=qr_png()).to_text() == "\n".join(lines).translate(swap)
