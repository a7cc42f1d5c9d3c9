"""What a process asks the script in Redis, and what it makes of the answers. Pure: times are passed in."""

from base64 import b64decode, b64encode
from typing import Any, Final

from periskope_async._sansio.remote_clock import RemoteClock
from periskope_async._sansio.shared_ledger import SharedLedger
from periskope_async._sansio.shared_slots import LAPSE
from periskope_async._sansio.shared_step import Step

__all__ = ["KEEP", "RedisExchange"]

#: What nobody has written for so long, Redis forgets, milliseconds.
KEEP: Final = 3_600_000


class RedisExchange:
    """One process's exchange with the script, which keeps the ledger's image under a version.

    Args:
        ledger: what the process knows; steps are planned and noted there.
        me: the process's name among the others.
    """

    def __init__(self, ledger: SharedLedger, me: str) -> None:
        self._ledger: Final = ledger
        self._me: Final = me
        self._clock: Final = RemoteClock()
        #: Of the image that is known here; None before the first.
        self._version: str | None = None

    def forget(self) -> None:
        """Know no image any more: the next question is what there is."""
        self._version = None

    def ask(self, now: float, fresh: int, version: str) -> tuple[Step | None, tuple[Any, ...]]:
        """Return the next step, None for a look at what there is, and what to ask the script for it.

        *fresh*: see `SharedLedger.plan`. *version*: of the image that the step may write.
        """
        if self._version is None or not self._clock.is_known:
            step, said, image, size, written = None, self._ledger.said(now), b"", 0, None
        else:
            step = self._ledger.plan(now, fresh)
            said, image, written = step.slot, step.image or b"", self._clock.at(step.at)
            size = len(step.permits) if step.image is None else 0
        known = "" if step is None else self._version or ""
        room, seen = (0, 0) if step is None else (step.room, step.seen)
        image_and_version = (_text(image), version, "" if written is None else written)
        return step, (self._me, _text(said), known, *image_and_version, int(LAPSE * 1e6), KEEP, size, room, seen)

    def note(self, step: Step | None, found: Any, sent_at: float, now: float, sent: str, *, first: bool) -> bool:
        """Take in what the script has answered to a step; return whether that counts.

        *sent*: the version that was sent with it. *first*: nothing was asked just before.

        Raises:
            ValueError, TypeError: it is not an answer of the script; nothing of it is noted.
        """
        ledger = self._ledger
        was_stored, version, time_there, written_there, held, said, leased = found
        was_stored, leased, version = int(was_stored), max(0, int(leased)), _str(version)
        time_there, written_there, image = int(time_there), int(written_there), b64decode(held)
        slots = [(b64decode(each), int(age) / 1e6) for each, age in zip(said[::2], said[1::2], strict=True)]
        self._clock.note(time_there, sent_at, now)
        stored, overtaken = was_stored or version == sent, was_stored > 1
        if step is None or overtaken or not (stored or version == self._version):
            ledger.view.see(image, max(0.0, now - self._clock.here(written_there)), slots, leased, now)
            self._version = version
            if step is None or not (stored or (step.looks and not ledger.wants_permits)):
                return False
        if not (stored or step.looks) or (first and step.looks and ledger.is_outdated(leased)):
            ledger.view.see_leases(slots, leased, now)
            return False
        self._version = version
        if overtaken:
            step = step._replace(image=None, permits=[], stale=tuple(step.permits))
        return ledger.commit(step, slots, leased, now)


def _text(data: bytes) -> str:
    return b64encode(data).decode()


def _str(text: Any) -> str:
    return text.decode() if isinstance(text, bytes) else str(text)
