"""A page's JSON in parts that are parsed one by one, found without parsing it. Knows texts, no models.

An array is cut where a row may begin, which is before what its first row begins with. Whether it does is seen when the
parts are parsed: a part ends between two rows if and only if it is, in brackets, the JSON of an array. So a cut in the
midst of a text or of a row's own array is a `ValueError` of whoever parses, and never another value.
"""

import re
from collections.abc import Iterator
from typing import Final

__all__ = ["PART_BYTES", "apart"]

#: A part has this many bytes and the rest of its last row. To parse them takes a third of a millisecond, or two.
PART_BYTES: Final = 65_536
#: What a row begins with is looked at this far, bytes.
_BEGINNING: Final = 64


def apart(body: bytes) -> tuple[bytes, Iterator[bytes] | None]:
    """Return the JSON of an object without what is in its array, and arrays that have all of that together.

    Of an object with several arrays, the parts do not all parse, or the object has no empty one. Where there is none,
    the body comes back as it is, and None.
    """
    start, end = body.find(b"[") + 1, body.rfind(b"]")
    return (body[:start] + body[end:], _parts(body[start:end])) if 0 < start <= end else (body, None)


def _parts(rows: bytes) -> Iterator[bytes]:
    # By one search that runs on: to look back from each place that a row may begin takes the square of a hostile row.
    between = re.compile(rb",[ \t\r\n]*+" + re.escape(rows[:_BEGINNING].partition(b":")[0]))
    start = 0
    while found := between.search(rows, start + PART_BYTES):
        yield b"[%b]" % rows[start : found.start()]
        start = found.start() + 1
    yield b"[%b]" % rows[start:]
