"""A ledger as bytes and back, for processes that share one. Pure; what is not such an image, whole, is refused.

What is in flight is not in it: each process says that of itself.
"""
# What processes share of a ledger is its inside.
# ruff: noqa: SLF001  # see above
# pyright: reportPrivateUsage=false

import math
import zlib
from collections.abc import Sequence
from functools import lru_cache
from struct import Struct
from struct import error as StructError  # noqa: N812  # as the exception it is
from typing import Any, Final

from periskope_async._sansio.ledger import CLOCK_SLACK, Ledger
from periskope_async._sansio.limit import Limit
from periskope_async._sansio.rate_headers import MAX_LIMITS, RateReading
from periskope_async._sansio.window import Window

__all__ = [
    "CONTENT",
    "LAYOUT",
    "MAX_IMAGE",
    "NAME_BYTES",
    "PAUSE_SIZE",
    "STALE",
    "load_image",
    "pause_of",
    "save_image",
    "size_of",
]

#: The version of this layout of members; it is part of the name of the file, which another one does not share.
LAYOUT: Final = 3

#: What nobody has written for this long is forgotten; or once its window or pause has been over for so long, seconds.
STALE: Final = 60.0

#: The longest name of a limit that is shared, bytes.
NAME_BYTES: Final = 64

# An image is: how many limits it has, and a checksum of all after this; when it was written and what is of the key;
# each limit. A process has to itself: failures, an outage, the shortest round trip.
_START: Final = Struct("<HxxI")
_KEY: Final = Struct("<d ddddd qq ?qqd")
_LIMIT: Final = Struct(f"<{NAME_BYTES}s qq???? dd dddd ? qqqq dddd")
_LIMITS_AT: Final = _START.size + _KEY.size
#: Where the moments stand, members.
_MOMENTS_OF_KEY: Final = (0, 1, 4, 5)
_MOMENTS_OF_LIMIT: Final = (7, 8, 11, 18, 19, 21)
_OFFSET: Final = 12  # members; the offset of the service's clock moves against ours
_IS_OPEN: Final = 13  # members
_CLOSES_AT: Final = 18  # members

#: Where in an image that begins which is not only about when it was written, bytes.
CONTENT: Final = _START.size + 8
_PAUSE: Final = Struct("<d")
#: The start of an image that shows until when everybody pauses, bytes.
PAUSE_SIZE: Final = CONTENT + _PAUSE.size
#: No image is longer, bytes.
MAX_IMAGE: Final = _LIMITS_AT + (MAX_LIMITS + 1) * _LIMIT.size

_NAN: Final = math.nan
_NO_READING: Final = RateReading(0, 0, 0.0, 0.0)
_NO_WINDOW: Final = Window(0, 0, 0.0, 0.0, None)
_NO_NAME: Final = bytes(NAME_BYTES)


def size_of(start: bytes) -> int:
    """Return how many bytes the image has that starts like this; 0 if none does."""
    if len(start) < _START.size:
        return 0
    count, _ = _START.unpack_from(start)
    return _LIMITS_AT + count * _LIMIT.size if 1 <= count <= MAX_LIMITS + 1 else 0


def pause_of(start: bytes) -> float:
    """Return until when everybody pauses, by an image that starts like this, half written or not; 0 if it is none."""
    return 0.0 if len(start) < PAUSE_SIZE else float(_PAUSE.unpack_from(start, CONTENT)[0])


def save_image(ledger: Ledger, now: float) -> bytes | None:
    """Return what processes share of *ledger*; None if it cannot be: the name of a limit is too long, say."""
    reading, further = ledger.last_reading or _NO_READING, ledger.further
    try:
        body = _KEY.pack(
            now,
            ledger.paused_until,
            ledger._ceiling,
            ledger._interval,
            ledger._next,
            ledger._throttled_at,
            ledger._granted,
            ledger._throttles,
            reading is not _NO_READING,
            reading.limit,
            reading.remaining,
            reading.resets_in,
        ) + _pack(ledger)
        for limit in further:
            body += _pack(limit)
    except (StructError, ValueError):
        return None
    return _START.pack(1 + len(further), zlib.crc32(body)) + body


def load_image(image: bytes, ledger: Ledger, now: float, age: float | None = None) -> bool:
    """Make *ledger* what the image shows; return False, with nothing changed, where it shows nothing that holds now.

    *age*: how long ago it was written, seconds, where it was written by another clock.
    """
    size = size_of(image)
    if not size or len(image) < size:
        return False
    count, checksum = _START.unpack_from(image)
    if zlib.crc32(image[_START.size : size]) != checksum:
        return False
    key: Sequence[Any] = _KEY.unpack_from(image, _START.size)
    limits: list[Sequence[Any]] = [_LIMIT.unpack_from(image, at) for at in range(_LIMITS_AT, size, _LIMIT.size)]
    if age is not None:
        key, limits = _later(key, limits, now - age - key[0])
    written_at = key[0]
    if written_at > now + CLOCK_SLACK or (now > written_at + STALE and now > _lasts_until(key, limits) + STALE):
        return False
    (
        _,
        ledger.paused_until,
        ledger._ceiling,
        ledger._interval,
        ledger._next,
        ledger._throttled_at,
        ledger._granted,
        ledger._throttles,
        known,
        limit,
        remaining,
        resets_in,
    ) = key
    ledger.last_reading = RateReading(limit, remaining, resets_in, 1.0) if known else None
    if len(ledger.further) != count - 1:
        missing = count - 1 - len(ledger.further)
        ledger.further = (*ledger.further[: count - 1], *[Limit() for _ in range(missing)])
    _fill(ledger, limits[0])
    for each, values in zip(ledger.further, limits[1:], strict=True):
        _fill(each, values)
    return True


def _pack(limit: Limit) -> bytes:
    """Pack a limit.

    Raises:
        ValueError: its name cannot be shared.
    """
    window = limit.window or _NO_WINDOW
    length, reset, since, offset = limit.length, limit._last_reset, limit._last_since, limit._offset
    return _LIMIT.pack(
        _bytes_of(limit.name) if limit.name else b"",
        limit.generation,
        limit._late,
        limit.guided,
        limit.shared,
        limit.crowded,
        limit._contradicted,
        limit._probe_until,
        limit._probed_at,
        _NAN if length is None else length,
        _NAN if reset is None else reset,
        _NAN if since is None else since,
        _NAN if offset is None else offset,
        window is not _NO_WINDOW,
        window.limit,
        window.sent,
        window.others,
        window.answered,
        window.closes_at,
        window.open_until,
        _NAN if window.reset is None else window.reset,
        _NAN if window.since is None else window.since,
    )


def _fill(limit: Limit, values: Sequence[Any]) -> None:
    """Make *limit* what is packed of it."""
    window = limit.window or Window(0, 0, 0.0, 0.0, None)
    (
        name,
        limit.generation,
        limit._late,
        limit.guided,
        limit.shared,
        limit.crowded,
        limit._contradicted,
        limit._probe_until,
        limit._probed_at,
        length,
        last_reset,
        last_since,
        offset,
        is_open,
        window.limit,
        window.sent,
        window.others,
        window.answered,
        window.closes_at,
        window.open_until,
        reset,
        since,
    ) = values
    # Only nan is not itself.
    limit.name = "" if name == _NO_NAME else _text_of(name)
    limit.length = length if length == length else None  # noqa: PLR0124  # see above
    limit._last_reset = last_reset if last_reset == last_reset else None  # noqa: PLR0124  # see above
    limit._last_since = last_since if last_since == last_since else None  # noqa: PLR0124  # see above
    limit._offset = offset if offset == offset else None  # noqa: PLR0124  # see above
    window.reset = reset if reset == reset else None  # noqa: PLR0124  # see above
    window.since = since if since == since else None  # noqa: PLR0124  # see above
    limit.window = window if is_open else None


def _lasts_until(key: Sequence[Any], limits: list[Sequence[Any]]) -> float:
    """Return when the last pause or window ends."""
    ends: list[float] = [key[1], *(limit[_CLOSES_AT] for limit in limits if limit[_IS_OPEN])]
    return max(ends)


def _later(
    key: Sequence[Any], limits: list[Sequence[Any]], seconds: float
) -> tuple[Sequence[Any], list[Sequence[Any]]]:
    """Return what is packed with all moments that much later."""

    def moved(values: Sequence[Any], moments: tuple[int, ...]) -> list[Any]:
        return [value + seconds if at in moments else value for at, value in enumerate(values)]

    there = [moved(limit, _MOMENTS_OF_LIMIT) for limit in limits]
    for limit in there:
        limit[_OFFSET] -= seconds
    return moved(key, _MOMENTS_OF_KEY), [*there]


@lru_cache
def _bytes_of(name: str) -> bytes:
    """Return a limit's name as it is packed.

    Raises:
        ValueError: it cannot be.
    """
    packed = name.encode("utf-8", "surrogateescape")
    if len(packed) > NAME_BYTES or packed.endswith(b"\0"):
        raise ValueError("a name that cannot be shared")
    return packed


@lru_cache
def _text_of(packed: bytes) -> str:
    return packed.rstrip(b"\0").decode("utf-8", "surrogateescape")
