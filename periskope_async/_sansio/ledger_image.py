"""A ledger as bytes and back, for processes that share one. Pure; what is not such an image, whole, is refused."""

import math
import zlib
from operator import attrgetter
from struct import Struct
from struct import error as StructError  # noqa: N812  # as the exception it is
from typing import Any, Final

from periskope_async._sansio.ledger import CLOCK_SLACK, Ledger
from periskope_async._sansio.limit import Limit
from periskope_async._sansio.rate_headers import MAX_LIMITS, RateReading
from periskope_async._sansio.window import Window

__all__ = [
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
LAYOUT: Final = 2

#: What nobody has written for this long is forgotten; or once its window or pause has been over for so long, seconds.
STALE: Final = 60.0

#: The longest name of a limit that is shared, bytes.
NAME_BYTES: Final = 64

# What is of the key and not of the process. A process has to itself: failures, an outage, the shortest round trip.
_OF_LEDGER: Final = (
    "in_flight",
    "paused_until",
    "_ceiling",
    "_interval",
    "_next",
    "_throttled_at",
    "_granted",
    "_throttles",
)
_OF_LIMIT: Final = ("generation", "_late", "guided", "shared", "crowded", "_contradicted", "_probe_until", "_probed_at")
_OF_LIMIT_OR_NONE: Final = ("length", "_last_reset", "_last_since", "_offset")
_OF_WINDOW: Final = ("limit", "sent", "others", "answered", "closes_at", "open_until")
_OF_WINDOW_OR_NONE: Final = ("reset", "since")
_OF_READING: Final = ("limit", "remaining", "resets_in")

_START: Final = Struct("<HxxI")  # limits that follow, checksum of all after this
_LEDGER: Final = Struct("<d qdddddqq ?qqd")  # when it was written, the ledger, whether there is a reading, the reading
_LIMIT: Final = Struct(f"<{NAME_BYTES}s qq????dd dddd ?qqqqdd dd")  # name, limit, whether there is a window, window

_PAUSE: Final = Struct("<d")
_PAUSE_AT: Final = _START.size + 8 * (1 + _OF_LEDGER.index("paused_until"))
#: The start of an image that shows until when everybody pauses, bytes.
PAUSE_SIZE: Final = _PAUSE_AT + _PAUSE.size

# Where the moments stand in what is unpacked.
_TIMES_OF_LEDGER: Final = tuple(map(_OF_LEDGER.index, ("paused_until", "_next", "_throttled_at")))
_OPTIONAL_AT: Final = 1 + len(_OF_LIMIT)
_OFFSET_AT: Final = _OPTIONAL_AT + _OF_LIMIT_OR_NONE.index("_offset")
_WINDOW_AT: Final = _OPTIONAL_AT + len(_OF_LIMIT_OR_NONE)
_TIMES_OF_LIMIT: Final = (
    1 + _OF_LIMIT.index("_probe_until"),
    1 + _OF_LIMIT.index("_probed_at"),
    _OPTIONAL_AT + _OF_LIMIT_OR_NONE.index("_last_since"),
    1 + _WINDOW_AT + _OF_WINDOW.index("closes_at"),
    1 + _WINDOW_AT + _OF_WINDOW.index("open_until"),
    1 + _WINDOW_AT + len(_OF_WINDOW) + _OF_WINDOW_OR_NONE.index("since"),
)

#: No image is longer, bytes.
MAX_IMAGE: Final = _START.size + _LEDGER.size + (MAX_LIMITS + 1) * _LIMIT.size

_ledger_values: Final = attrgetter(*_OF_LEDGER)
_limit_values: Final = attrgetter(*_OF_LIMIT)
_optional_limit_values: Final = attrgetter(*_OF_LIMIT_OR_NONE)
_window_values: Final = attrgetter(*_OF_WINDOW)
_reading_values: Final = attrgetter(*_OF_READING)
_NO_WINDOW: Final = (False, 0, 0, 0, 0, 0.0, 0.0, math.nan, math.nan)
_NO_READING: Final = (False, 0, 0, 0.0)


def size_of(start: bytes) -> int:
    """Return how many bytes the image has that starts like this; 0 if none does."""
    count = int.from_bytes(start[:2], "little")
    return _START.size + _LEDGER.size + count * _LIMIT.size if 1 <= count <= MAX_LIMITS + 1 else 0


def pause_of(start: bytes) -> float:
    """Return until when everybody pauses, by an image that starts like this, half written or not; 0 if it is none."""
    return 0.0 if len(start) < PAUSE_SIZE else float(_PAUSE.unpack_from(start, _PAUSE_AT)[0])


def save_image(ledger: Ledger, now: float) -> bytes | None:
    """Return what processes share of *ledger*; None if it cannot be: the name of a limit is too long, say."""
    reading = ledger.last_reading
    try:
        body = _LEDGER.pack(
            now, *_ledger_values(ledger), *(_NO_READING if reading is None else (True, *_reading_values(reading)))
        )
        body += _pack_limit(ledger)
        for limit in ledger.further:
            body += _pack_limit(limit)
    except (StructError, ValueError):
        return None
    return _START.pack(1 + len(ledger.further), zlib.crc32(body)) + body


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
    written_at, *values = _LEDGER.unpack_from(image, _START.size)
    limits = [
        list(_LIMIT.unpack_from(image, _START.size + _LEDGER.size + position * _LIMIT.size))
        for position in range(count)
    ]
    if age is not None:
        later = now - age - written_at
        written_at += later
        _shift(values, _TIMES_OF_LEDGER, later)
        for limit in limits:
            _shift(limit, _TIMES_OF_LIMIT, later)
            limit[_OFFSET_AT] -= later
    paused_until = values[1]
    closes_at = max(_window_of(limit)[5] if _window_of(limit)[0] else -math.inf for limit in limits)
    if written_at > now + CLOCK_SLACK or now > max(written_at, paused_until, closes_at) + STALE:
        return False
    _set(ledger, _OF_LEDGER, values)
    known, *reading = values[len(_OF_LEDGER) :]
    limit, remaining, resets_in = reading
    ledger.last_reading = RateReading(limit, remaining, resets_in, slack=1.0) if known else None
    while len(ledger.further) < count - 1:
        ledger.further += (Limit(),)
    ledger.further = ledger.further[: count - 1]
    for each, packed in zip((ledger, *ledger.further), limits, strict=True):
        _unpack_limit(each, packed)
    return True


def _shift(values: list[Any], positions: tuple[int, ...], later: float) -> None:
    for position in positions:
        values[position] += later


def _pack_limit(limit: Limit) -> bytes:
    name = limit.name.encode("utf-8", "surrogateescape")
    if len(name) > NAME_BYTES or name.endswith(b"\0"):
        raise ValueError("a name that cannot be shared")
    window = limit.window
    return _LIMIT.pack(
        name,
        *_limit_values(limit),
        *[math.nan if value is None else value for value in _optional_limit_values(limit)],
        *(
            _NO_WINDOW
            if window is None
            else (
                True,
                *_window_values(window),
                math.nan if window.reset is None else window.reset,
                math.nan if window.since is None else window.since,
            )
        ),
    )


def _window_of(packed: list[Any]) -> list[Any]:
    return packed[1 + len(_OF_LIMIT) + len(_OF_LIMIT_OR_NONE) :]


def _unpack_limit(limit: Limit, packed: list[Any]) -> None:
    limit.name = packed[0].rstrip(b"\0").decode("utf-8", "surrogateescape")
    _set(limit, _OF_LIMIT, packed[1:])
    _set(limit, _OF_LIMIT_OR_NONE, map(_optional, packed[1 + len(_OF_LIMIT) :]))
    known, *values = _window_of(packed)
    if not known:
        limit.window = None
        return
    reset, since = map(_optional, values[len(_OF_WINDOW) :])
    window = limit.window
    if window is None:
        window = limit.window = Window(0, 0, 0.0, 0.0, None)
    _set(window, (*_OF_WINDOW, "reset", "since"), (*values[: len(_OF_WINDOW)], reset, since))


def _set(target: object, names: tuple[str, ...], values: Any) -> None:
    for name, value in zip(names, values, strict=False):  # what follows is of somebody else
        setattr(target, name, value)


def _optional(value: float) -> float | None:
    return None if value != value else value  # noqa: PLR0124  # only nan is not itself
