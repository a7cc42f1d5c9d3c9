"""What each process that shares a file says of itself, and what the others mean to one of them by it. Pure."""

import math
from struct import Struct
from typing import Final, NamedTuple

__all__ = ["LAPSE", "NOBODY", "NO_SLOT", "ON_ITS_WAY", "SLOT_SIZE", "Others", "Slot", "pack_slot", "see_others"]

#: Who lives and has something to say is silent no longer than this by much, seconds.
AHEAD_OF_TIME: Final = 0.2
#: What was sent by a process that has ended may reach the service for so long after its last word, seconds.
ON_ITS_WAY: Final = 1.0
#: Who has something in flight says so more often than this, seconds. Who does not, though he lives, is held up: what he
#: sent before that is at the service by now.
LAPSE: Final = 5.0
#: Who has been silent may have ended: whether he has is asked this often, seconds.
ASK: Final = 0.05

# A power of two, so that none lies across two pages of memory, of which a kill might leave the first one written.
_SLOT: Final = Struct("<ddqqqq16x")
SLOT_SIZE: Final = _SLOT.size  # bytes
NO_SLOT: Final = bytes(SLOT_SIZE)


class Slot(NamedTuple):
    """What a process says of itself. Times are seconds of the monotonic clock."""

    written_at: float = 0.0
    #: It asks for requests until then.
    wants_until: float = 0.0
    in_flight: int = 0
    #: The window of which it has taken how many requests.
    generation: int = 0
    taken: int = 0
    #: How many of those in flight it has taken ahead of who asks for them.
    ahead: int = 0


class Others(NamedTuple):
    """What the other processes mean to one of them now."""

    in_flight: int = 0
    #: Of each that wants requests: the window of which it has taken how many.
    wanting: tuple[tuple[int, int], ...] = ()
    #: The slots of those that may have ended.
    silent: tuple[int, ...] = ()
    #: Until then this holds, if nobody says anything, seconds.
    until: float = math.inf


NOBODY: Final = Others()


def pack_slot(said: Slot) -> bytes:
    """Return a slot as it is in the file."""
    return _SLOT.pack(*said)


def see_others(slots: bytes, mine: int, now: float, last: int) -> Others:
    """Return what all slots but *mine* mean. *last*: the last window that was open, by generation."""
    in_flight, until = 0, math.inf
    wanting, silent = list[tuple[int, int]](), list[int]()
    whole = slots if len(slots) % SLOT_SIZE == 0 else slots[: -(len(slots) % SLOT_SIZE)]
    for number, values in enumerate(_SLOT.iter_unpack(whole)):
        written_at, wants_until, sent, generation, taken, ahead = values
        wants = wants_until > now
        if number == mine or not (wants or sent):
            continue
        silence = now - written_at
        if not -AHEAD_OF_TIME <= silence <= LAPSE:
            continue  # it lapsed, or was never written by a process
        is_silent = silence > ON_ITS_WAY
        if is_silent:
            silent.append(number)
        # What was taken ahead goes with its window; who stalled before he could send it has the next one, too.
        in_flight += sent - (ahead if is_silent and generation < last else 0)
        if wants:
            wanting.append((generation, taken))
        until = min(until, wants_until if wants else math.inf, now + ASK if is_silent else written_at + ON_ITS_WAY)
    return Others(in_flight, tuple(wanting), tuple(silent), until)
