"""One key's ledger for all processes of a machine; in one file, for each step of it is one transaction.

Each step is done under the lock of a small file, which processes of one user find by the key.

Whatever is wrong with the file, or with who has its lock, a process goes on with what it knows, as if it were alone,
says so once in the log, and comes back. No call fails, hangs or is sent twice for it.

Times are those of the monotonic clock, which all processes of a machine share.
"""

import logging
import math
import os
import threading
import time
import weakref
from collections.abc import Callable
from typing import Final

from periskope_async._io.host_file import SLOTS_AT, HostFile, UnusableError, file_name, folder_path
from periskope_async._sansio.ahead import MAX_LEASE, lease_size, lease_until, sent_at, shows_no_news
from periskope_async._sansio.circuit import GOOD, NEVER, Health
from periskope_async._sansio.fair_share import may_take
from periskope_async._sansio.ledger import CLOCK_SLACK, Ledger
from periskope_async._sansio.ledger_image import (
    CONTENT,
    LAYOUT,
    MAX_IMAGE,
    PAUSE_SIZE,
    load_image,
    pause_of,
    save_image,
)
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
from periskope_async._sansio.rejoin import Counts, begin, counts_of, join
from periskope_async._sansio.slots import (
    LAPSE,
    NO_SLOT,
    NOBODY,
    SLOT_SIZE,
    Others,
    Slot,
    pack_slot,
    see_others,
)
from periskope_async.settings import Secret

__all__ = ["HostBudget"]

logger: Final = logging.getLogger("periskope")

#: Tries to lock the file before going on without it, and the seconds between two of them.
LOCK_TRIES: Final = 60
LOCK_STEP: Final = 0.0001  # seconds
#: Who could not have the file for a request asks again after this, seconds.
LOCK_AGAIN: Final = 0.005
#: Nobody who runs has the file locked for so long, not even on a machine that has ten times too much to do: the others
#: go on alone, seconds. Each of them would then use up the window as if it were its own.
LOCK_LOST: Final = 1.0
#: A file that could not be used is tried again after this, seconds.
REST: Final = 5.0
#: Who lives and has something to say says it at least this often where it asks, seconds;
SILENCE: Final = 0.2
#: and so often while something is in flight.
BEAT: Final = 0.4  # seconds
#: Whether the file is still the one that others find is looked at this often, seconds.
LOOK: Final = 1.0
#: Who has asked for a request wants another one for this long, seconds. Until then the others leave it its share, of
#: which is what it took ahead; and the next step notes what the last one did not.
DEMAND: Final = 0.2
#: What another process does wakes nobody here. So often it is looked for while its probe is in flight, seconds;
PROBE_POLL: Final = 0.004
#: and so often else, seconds.
POLL: Final = 0.02
#: Answers that wait for the next step, at most, for a step costs more than all it does, requests.
MAX_DEFERRED: Final = 16
#: How long they wait, where others are to come that will have a step, seconds.
DEFERRED: Final = 0.05
#: For how long a process uses the permits that it took ahead, seconds. What others do is not seen meanwhile, but that a
#: 429 has everybody pause is.
LEASE: Final = 0.05
#: An image that has not changed is written again after this, so that it does not go stale, seconds.
REFRESH: Final = 10.0

assert SLOTS_AT >= MAX_IMAGE  # noqa: S101  # slots lie behind the longest image

_budgets: Final[weakref.WeakSet["HostBudget"]] = weakref.WeakSet()


class HostBudget:
    """A ledger that processes share: `with` it, *ledger* is what all of them know, and after it they know what it is.

    Args:
        ledger: what this process knows; it is changed in place.
        folder: where the file is; made where it is missing.
        name: of the file.
        clock: the time of the event loops, seconds.
        chosen: False where nobody asked for it: then nothing is made before the service has named a rate limit, and a
            process that has to go on alone does so without a word.
    """

    def __init__(
        self,
        ledger: Ledger,
        folder: str,
        name: str,
        clock: Callable[[], float] = time.monotonic,
        *,
        chosen: bool = True,
    ) -> None:
        self.lock: Final = threading.Lock()
        #: What is held for the next request is handed back so long after the last one, seconds.
        self.idle: Final = DEMAND
        self._ledger: Final = ledger
        self._folder: Final = folder
        self._name: Final = name
        self._clock: Final = clock
        self._chosen: Final = chosen
        self._file: HostFile | None = None
        self._locked = False
        #: Whether the ledger has become another one than the shared one, and what it was before: of each limit by name,
        #: its generation and what was sent of its window. None before it was ever shared.
        self._alone = True
        self._was: Counts | None = None
        #: In flight from here: now; and in the ledger, with the others', when this step began.
        self._in_flight = self._before = 0
        #: What was in the file when it was last read or written here, and when its image was written.
        self._data = b""
        self._image_at = -math.inf
        self._said = Slot()
        self._wants_until = -math.inf
        self._generation = self._taken = 0
        self._others: Others = NOBODY
        #: Permits that the last step took ahead, of a window and no more; the next step hands back what is left.
        self._lease: list[Permit] = []
        self._leased_at = self._lease_until = -math.inf
        self._ahead = 1
        #: Answers that the next step notes.
        self._deferred: list[tuple[Permit, float, RateReading | None, Health]] = []
        self._look_at = self._retry_at = -math.inf
        self._busy_since = math.inf
        self._ended = self._resting = False
        self._is_found = True
        self._problem: str | None = None
        self._reported: str | None = None
        _budgets.add(self)

    @classmethod
    def of(cls, ledger: Ledger, base_url: str, key: Secret, *, chosen: bool = True) -> "HostBudget":
        """Return the budget of a key of a service."""
        try:
            return cls(ledger, folder_path(), file_name(base_url, key, LAYOUT), chosen=chosen)
        except UnusableError as error:
            budget = cls(ledger, "", "", chosen=chosen)
            budget._end(str(error))
            return budget

    # -- one step -----------------------------------------------------------------------------------------------------

    def admit(self, now: float, *, bulk: bool, wanted: float) -> Permit | float:
        """Let one request go, as `Ledger.admit`, that the key's other processes leave to this one."""
        with self.lock:
            if self._lease and self._is_lease_good(now):
                return sent_at(self._lease.pop(), now)
            if self._file is None and self._is_unlimited():
                found: Permit | float = self._ledger.admit(now, bulk=bulk, wanted=wanted)
                self._in_flight += isinstance(found, Permit)
                return found
        if abs(now - self._clock()) > CLOCK_SLACK and not self._ended:
            with self.lock:
                self._end("an event loop has a clock of its own")
        with self:
            if not self._locked:
                if self._file is not None and self._clock() - self._busy_since < LOCK_LOST:
                    return LOCK_AGAIN
                return self._ledger.admit(now, bulk=bulk, wanted=wanted)
            found = POLL
            if not self._others.wanting or self._may_take():
                found = self._ledger.admit(now, bulk=bulk, wanted=wanted)
            if isinstance(found, Permit):
                if found.generation != self._generation:
                    self._generation, self._taken = found.generation, 0
                self._taken += 1
                if abs(now + DEMAND - self._wants_until) > DEMAND / 2:
                    self._wants_until = now + DEMAND
                self._take_ahead(now, bulk=bulk, wanted=wanted)
                return found
            wait = self._poll(found, now)
            self._wants_until = now + min(wait, LAPSE) + DEMAND
            return wait

    def answer(self, permit: Permit, now: float, reading: RateReading | None, health: Health) -> None:
        """Note an answer, as `Ledger.answer`; with the next step, if it shows nothing that others wait for."""
        with self.lock:
            ledger = self._ledger
            if not self._alone and self._can_wait(permit, now, reading, health):
                self._deferred.append((permit, now, reading, health))
                return
            if self._file is None and reading is None and self._is_unlimited():
                ledger.answer(permit, now, reading, health)
                self._in_flight -= 1
                return
        with self:
            ledger.answer(permit, now, reading, health)

    def describe(self) -> tuple[str, bool]:
        """Return how it stands, in words, and whether it works."""
        with self:
            if self._problem is not None and not self._chosen:
                return f"own, for processes cannot share it here: {self._problem}", True
            if self._problem is not None:
                return f"host, but on its own: {self._problem}", False
            if self._file is None:
                return "host; not shared, for the service reports no rate limit", True
            return f"host, shared in {self._folder}; other processes at work: {len(self._others.wanting)}", True

    def __enter__(self) -> None:
        self.lock.acquire()
        try:
            self._locked = False
            file = self._file or self._open()
            if file is not None:
                self._begin(file)
            if not self._locked and not self._alone:
                self._go_alone()
            others = self._others.in_flight if self._locked else 0
            self._before = self._ledger.in_flight = self._in_flight + others
            if self._lease:
                self._hand_back()
            if self._deferred:
                for answer in self._deferred:
                    self._ledger.answer(*answer)
                self._deferred.clear()
        except BaseException:
            self._close()  # and with it what others wait for
            self.lock.release()
            raise

    def __exit__(self, *_: object) -> None:
        try:
            self._in_flight += self._ledger.in_flight - self._before
            if self._locked and self._file is not None:
                self._finish(self._file)
        finally:
            problem, reported = self._problem, self._reported
            self._reported = problem
            self.lock.release()
        # Without the lock: a handler of the log may ask the client something.
        if problem != reported:
            level = logging.WARNING if self._chosen else logging.DEBUG
            if problem is not None:
                logger.log(level, "budget 'host': this process goes on with a budget of its own: %s", problem)
            else:
                logger.log(level, "budget 'host': shared again")

    def start(self, in_flight: int) -> None:
        """Share from here on, for who has the lock: *in_flight* requests are under way."""
        self._in_flight, self._alone, self._was, self._ended = in_flight, True, None, self._ended and not self._resting
        self._problem = self._problem if self._ended else None
        self._resting = False

    def stop(self) -> None:
        """Leave the ledger alone until `start`, for who has the lock."""
        if not self._ended:
            self._deferred.clear()
            self._alone = self._resting = self._ended = True
            self._close()

    def hand_back(self) -> None:
        """Let the others have what was taken ahead, and know what they do not yet."""
        is_due = self._in_flight and not self._alone and self._clock() - self._said.written_at > BEAT
        if self._lease or self._deferred or is_due:
            with self:
                pass

    async def rest(self) -> None:
        """Do so. What is open need not be closed: the file ends with this object."""
        self.hand_back()

    def leave_to_parent(self) -> None:
        """Leave the file, in a forked child: a lock is of the opening of a file, which both have."""
        file, self._file = self._file, None
        self._ended = True
        if file is not None:
            file.close()

    # -- the file -----------------------------------------------------------------------------------------------------

    def _open(self) -> HostFile | None:
        """Open the file, unless the service has answered and has no rate limit: then there is nothing to share."""
        if self._ended or self._is_unlimited() or (now := self._clock()) < self._retry_at:
            return None
        make = self._chosen or self._ledger.last_reading is not None
        try:
            self._file = HostFile.open(self._folder, self._name, make=make)
        except (OSError, UnusableError) as error:
            if make:  # else there is nothing to share, as far as is known
                self._rest(error, now)
        return self._file

    def _is_unlimited(self) -> bool:
        return self._ledger.last_reading is None and not self._ledger.guided

    def _begin(self, file: HostFile) -> None:
        try:
            if self._lock(file):
                self._locked = True
                self._load(file)
        except (OSError, UnusableError) as error:
            self._rest(error, self._clock())

    def _finish(self, file: HostFile) -> None:
        try:
            self._save(file)
            if self._file is not None:
                file.unlock()
            if self._is_unlimited():
                self._close()
        except (OSError, UnusableError) as error:
            self._rest(error, self._clock())

    def _rest(self, error: Exception, now: float) -> None:
        """Leave the file for a while."""
        self._problem = (error.strerror if isinstance(error, OSError) else None) or str(error)
        self._retry_at = now + REST
        self._close()

    def _end(self, problem: str) -> None:
        """Leave the file for good."""
        self._problem = problem
        self._ended = True
        self._close()

    def _close(self) -> None:
        file, self._file = self._file, None
        self._locked = False
        self._data = b""
        self._others = NOBODY
        self._look_at = -math.inf
        if file is not None:
            file.close()

    def _lock(self, file: HostFile) -> bool:
        """Lock the file; return False if somebody has it for longer than it takes."""
        tries = LOCK_TRIES if self._busy_since == math.inf else 0  # who waited once waits no more: calls go on
        locked = file.lock()
        while not locked and tries:
            time.sleep(LOCK_STEP)
            locked = file.lock()
            tries -= 1
        if locked:
            self._busy_since = math.inf
        else:
            now = self._clock()
            self._busy_since = min(self._busy_since, now)
            if now - self._busy_since >= LOCK_LOST:
                self._problem = "a process that does not go on has it locked"
        return locked

    # -- the ledger ---------------------------------------------------------------------------------------------------

    def _load(self, file: HostFile) -> None:
        """Make the ledger what all processes know."""
        ledger, now = self._ledger, self._clock()
        data, known = file.read(), self._data
        if file.slot < 0:
            file.claim_slot()
        if self._alone:
            if not join(ledger, data, now, self._was):
                self._begin_anew(now)
        elif (not data or data[:SLOTS_AT] != known[:SLOTS_AT]) and not load_image(data, ledger, now):
            self._begin_anew(now)
        if self._alone or data != known or now >= self._others.until:
            self._see(file, data, now)
        else:
            self._data = data
        if now >= self._look_at:
            self._look_at = now + LOOK
            self._is_found = file.is_linked()

    def _begin_anew(self, now: float) -> None:
        # Where nobody has chosen, and none was shared yet, each has sent a probe of its own, unasked.
        begin(self._ledger, now, anew=self._was is not None or not self._alone or not self._chosen)

    def _see(self, file: HostFile, data: bytes, now: float) -> None:
        """See who else is at work, and what is in flight. Who ended, however, has nothing."""
        last = self._ledger.generation - (self._ledger.window is None)
        others = see_others(data[SLOTS_AT:], file.slot, now, last)
        ended = [number for number in others.silent if file.is_dead(number)]
        for number in ended:
            at = SLOTS_AT + number * SLOT_SIZE
            file.write(NO_SLOT, at)
            data = data[:at] + NO_SLOT + data[at + SLOT_SIZE :]
        self._data = data
        self._others = see_others(data[SLOTS_AT:], file.slot, now, last) if ended else others

    def _save(self, file: HostFile) -> None:
        """Let all processes know what the ledger has become, and what this one does."""
        now, known = self._clock(), self._data
        image = save_image(self._ledger, now)
        if image is None:
            self._end("the name of a limit is too long")
            return
        if image[CONTENT:] == known[CONTENT : len(image)] and now - self._image_at <= REFRESH:
            image = known[: len(image)]
        else:
            self._image_at = now
        said = Slot(now, self._wants_until, self._in_flight, self._generation, self._taken, len(self._lease))
        if image[:CONTENT] != known[:CONTENT] or said[1:] != self._said[1:] or now - self._said.written_at > SILENCE:
            at = SLOTS_AT + file.slot * SLOT_SIZE
            before = (image + known[len(image) : at]).ljust(at, b"\0")
            self._data = before + pack_slot(said) + known[at + SLOT_SIZE :]
            file.write(self._data)
            self._said = said
        self._alone = False
        self._problem = None
        if not self._is_found:
            self._close()  # it was tidied away; the next step makes another

    def _go_alone(self) -> None:
        """From here on the ledger is this process's."""
        self._was = counts_of(self._ledger)
        self._alone = True

    # -- permits ahead ------------------------------------------------------------------------------------------------

    def _take_ahead(self, now: float, *, bulk: bool, wanted: float) -> None:
        """Take a few permits more where requests follow each other fast and much is left: one step serves them all."""
        ledger = self._ledger
        soon = now - self._leased_at < LEASE
        self._ahead, self._leased_at = min(2 * self._ahead, MAX_LEASE) if soon else 1, now
        if soon and ledger.circuit is None and type(ledger) is Ledger:  # else one that counts its own permits
            self._lease_until = min(now + LEASE, lease_until(ledger))
            if now >= self._lease_until:
                return
            wanted = wanted - 1 if bulk else math.inf
            size = min(self._ahead - 1, lease_size(ledger, self._taken, len(self._others.wanting), wanted))
            while len(self._lease) < size and isinstance(permit := ledger.admit(now, bulk=bulk, wanted=wanted), Permit):
                self._lease.append(permit)
            self._taken += len(self._lease)

    def _can_wait(self, permit: Permit, now: float, reading: RateReading | None, health: Health) -> bool:
        """Whether an answer can wait for the next step, which is soon or is nothing that others wait for."""
        ledger, deferred = self._ledger, self._deferred
        if (
            health is not GOOD
            or ledger.window is None
            or permit.generation != ledger.generation
            or ledger.circuit is not None
            or len(deferred) >= MAX_DEFERRED
        ):
            return False
        waits = now - deferred[0][1] if deferred else 0.0
        if len(deferred) < self._in_flight - 1 and not ledger.further and waits < DEFERRED:
            return True  # others are to be answered, and then there is a step
        return reading is not None and waits < DEMAND and shows_no_news(ledger, permit, reading, now + 2 * DEMAND)

    def _is_lease_good(self, now: float) -> bool:
        """Whether what was taken ahead may be used. The lock would be the whole price: the file is read without it."""
        file = self._file
        if file is None or not self._leased_at <= now < self._lease_until or self._ledger.circuit is not None:
            return False
        try:
            return pause_of(file.peek(PAUSE_SIZE)) <= now
        except OSError:
            return False  # the next step sees to it

    def _hand_back(self) -> None:
        """Hand back what was taken ahead and not asked for: whoever needs it takes it anew."""
        lease, self._lease = self._lease, []
        self._taken -= len(lease)
        for permit in lease:
            self._ledger.withdraw(permit)
        self._ahead = 1

    # -- the others ---------------------------------------------------------------------------------------------------

    def _may_take(self) -> bool:
        """Whether the next request of the window is this process's, and not one that the others are to have."""
        ledger = self._ledger
        window, generation = ledger.window, ledger.generation
        if window is None or self._clock() >= window.closes_at or window.left() <= 0:
            return True  # or the ledger says how long to wait
        taken = self._taken if self._generation == generation else 0
        others = [number if of == generation else 0 for of, number in self._others.wanting]
        return may_take(window.limit, window.left(), taken, others)

    def _poll(self, wait: float, now: float) -> float:
        """Return the seconds after which to ask again: what others do wakes nobody here."""
        ledger = self._ledger
        if now < ledger.paused_until or (ledger.in_flight == self._in_flight and not self._others.wanting):
            return wait
        if ledger.window is None and ledger.guided:
            return min(wait, PROBE_POLL)
        return POLL if wait == NEVER else min(wait, max(POLL, wait / 4))


def _after_fork() -> None:
    for budget in list(_budgets):
        budget.leave_to_parent()


os.register_at_fork(after_in_child=_after_fork)
