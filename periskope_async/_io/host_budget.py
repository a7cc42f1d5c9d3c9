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

from periskope_async._io.host_file import SLOTS_AT, HostFile, Slot, UnusableError, file_name, folder_path
from periskope_async._sansio.circuit import NEVER, Health
from periskope_async._sansio.fair_share import may_take
from periskope_async._sansio.ledger import CLOCK_SLACK, Ledger
from periskope_async._sansio.ledger_image import LAYOUT, MAX_IMAGE, PAUSE_SIZE, load_image, pause_of, save_image
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import RateReading
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
#: How often a process looks who the others are, seconds.
LOOK: Final = 0.05
#: Who lives and has something to say says it at least this often, seconds.
SILENCE: Final = 0.2
#: What was sent by a process that has ended may reach the service for so long after its last word, seconds.
ON_ITS_WAY: Final = 1.0
#: Who has asked for a request wants another one for this long, seconds.
DEMAND: Final = 0.2
#: Who has been silent for so long, and lives, has nothing in flight that could still count, seconds.
LAPSE: Final = 60.0
#: What another process does wakes nobody here. So often it is looked for while its probe is in flight, seconds;
PROBE_POLL: Final = 0.004
#: and so often else, seconds.
POLL: Final = 0.02
#: Answers that wait for the next step, at most, for a step costs more than all it does, requests.
MAX_DEFERRED: Final = 16
#: Permits that a process takes in one step, at most, where it asks for one soon after the other; and for how long it
#: has those that nobody has asked for yet, seconds. What others do is not seen meanwhile, as with `LOOK`, but that a
#: 429 has everybody pause is.
MAX_LEASE: Final = 8
LEASE: Final = LOOK  # seconds
#: An image that has not changed is written again after this, so that it does not go stale, seconds.
REFRESH: Final = 10.0

#: Where in an image that begins which is not only about when it was written, bytes.
_CONTENT: Final = 16

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
        self._was: dict[str, tuple[int, int]] | None = None
        #: In flight from here: now, when this step began in the ledger, and as the file counts it.
        self._in_flight = self._before = self._counted = 0
        self._image = b""
        self._image_at = -math.inf
        self._said = Slot()
        self._wants_until = -math.inf
        self._generation = self._taken = 0
        #: What others who want some have taken, by generation.
        self._others: list[tuple[int, int]] = []
        #: Permits that the last step took ahead, of a window and no more; the next step hands back what is left.
        self._lease: list[Permit] = []
        self._leased_at = self._lease_until = -math.inf
        self._ahead = 1
        #: Answers that the next step notes.
        self._deferred: list[tuple[Permit, float, RateReading | None, Health]] = []
        #: The window in which they were last looked at, by generation.
        self._seen = -1
        self._look_at = self._retry_at = -math.inf
        self._busy_since = math.inf
        self._ended = self._resting = False
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
                permit = self._lease.pop()
                permit.at = now
                return permit
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
            if (not self._others and self._seen == self._ledger.generation) or self._may_take():
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
            ledger, deferred = self._ledger, self._deferred
            if (
                not self._alone
                and ledger.window is not None
                and permit.generation == ledger.generation
                and health is Health.GOOD
                and ledger.circuit is None
                and not ledger.further
                and len(deferred) < min(MAX_DEFERRED, self._in_flight - 1)  # so that another step follows
                and (not deferred or now - deferred[0][1] < LOOK)
            ):
                deferred.append((permit, now, reading, health))
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
            if self._file is not None:
                self._look_again(self._file, self._clock())
            if self._problem is not None and not self._chosen:
                return f"own, for processes cannot share it here: {self._problem}", True
            if self._problem is not None:
                return f"host, but on its own: {self._problem}", False
            if self._file is None:
                return "host; not shared, for the service reports no rate limit", True
            return f"host, shared in {self._folder}; other processes at work: {len(self._others)}", True

    def __enter__(self) -> None:
        self.lock.acquire()
        try:
            self._locked = False
            file = self._file or self._open()
            if file is not None:
                self._begin(file)
            if not self._locked and not self._alone:
                self._go_alone()
            self._before = self._ledger.in_flight
            if self._lease:
                self._hand_back()
            if self._deferred:
                for answer in self._deferred:
                    self._ledger.answer(*answer)
                self._deferred.clear()
        except BaseException:
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
        if self._lease or self._deferred:
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
        self._image = b""
        self._counted = 0
        self._others = []
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
        image = file.read(len(self._image) or MAX_IMAGE)
        if file.slot < 0:
            file.claim_slot()
        if self._alone or image != self._image or not image:
            if image[:1] != self._image[:1]:  # the number of limits
                image = file.read(MAX_IMAGE)
            if self._alone:
                self._join(image, now)
            elif load_image(image, ledger, now):
                ledger.in_flight += self._in_flight - self._counted
            else:
                self._seed(now)
            self._image = image
        if now >= self._look_at:
            self._before = ledger.in_flight
            self._look(file, now)

    def _save(self, file: HostFile) -> None:
        """Let all processes know what the ledger has become."""
        now = self._clock()
        image = save_image(self._ledger, now)
        if image is None:
            self._end("the name of a limit is too long")
            return
        if image[_CONTENT:] != self._image[_CONTENT:] or now - self._image_at > REFRESH:
            file.write(image)
            self._image, self._image_at = image, now
        said = Slot(now, self._wants_until, self._in_flight, self._generation, self._taken, len(self._lease))
        if said[1:] != self._said[1:] or now - self._said.written_at > SILENCE:
            file.write_slot(file.slot, said)
            self._said = said
        self._counted = self._in_flight
        self._alone = False
        self._problem = None

    def _go_alone(self) -> None:
        """From here on the ledger is this process's."""
        self._was = self._limits()
        self._alone = True
        self._ledger.in_flight = self._in_flight

    def _join(self, image: bytes, now: float) -> None:
        """Make the ledger what all know, and bring along what happened while this process was alone."""
        ledger, shared = self._ledger, Ledger()
        if not load_image(image, shared, now) or (shared.last_reading is None and ledger.last_reading is not None):
            self._seed(now)
            return
        alone, was, paused_until = self._limits(), self._was, ledger.paused_until
        load_image(image, ledger, now)
        ledger.in_flight += self._in_flight - self._counted
        ledger.paused_until = max(ledger.paused_until, paused_until)
        for limit in (ledger, *ledger.further):
            generation, sent = alone.get(limit.name, (-1, 0))
            known, counted = (generation, 0) if was is None else was.get(limit.name, (-1, 0))
            if limit.window is not None and (was is None or known == generation == limit.generation):
                limit.window.sent += sent - counted
            if known != generation:
                limit.generation += 1  # permits of a window that only this process knew are of no window now

    def _seed(self, now: float) -> None:
        """Begin anew in a file that holds nothing of use, with what this process knows."""
        ledger = self._ledger
        for limit in (ledger, *ledger.further):
            # What others have in flight is not known: unasked, each of them has sent a probe of its own.
            if self._was is not None or not self._alone or not self._chosen:
                limit.forget()
                limit.crowded = True
            limit.generation = max(limit.generation + 1, int(now * 1e6))  # above all that were ever handed out
        self._look_at = now

    def _limits(self) -> dict[str, tuple[int, int]]:
        return {
            limit.name: (limit.generation, 0 if limit.window is None else limit.window.sent)
            for limit in (self._ledger, *self._ledger.further)
        }

    # -- permits ahead ------------------------------------------------------------------------------------------------

    def _take_ahead(self, now: float, *, bulk: bool, wanted: float) -> None:
        """Take a few permits more where requests follow each other fast and much is left: one step serves them all."""
        ledger = self._ledger
        window = ledger.window
        soon = now - self._leased_at < LEASE
        self._ahead, self._leased_at = min(2 * self._ahead, MAX_LEASE) if soon else 1, now
        if (
            window is None
            or ledger.further
            or ledger.crowded
            or ledger.circuit is not None
            or type(ledger) is not Ledger  # one that counts its own permits
        ):
            return
        self._lease_until = min(now + LEASE, window.closes_at)
        share = window.limit // (1 + len(self._others)) - self._taken
        size = min(self._ahead - 1, share // 2, window.left() - MAX_LEASE, (wanted - 1) if bulk else MAX_LEASE)
        while len(self._lease) < size and isinstance(permit := ledger.admit(now, bulk=bulk, wanted=wanted), Permit):
            self._lease.append(permit)
        self._taken += len(self._lease)

    def _is_lease_good(self, now: float) -> bool:
        """Whether what was taken ahead may be used. The lock would be the whole price: the file is read without it."""
        file = self._file
        if file is None or not self._leased_at <= now < self._lease_until or self._ledger.circuit is not None:
            return False
        try:
            return pause_of(file.read(PAUSE_SIZE)) <= now
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

    def _look(self, file: HostFile, now: float) -> None:
        """See who else is at work, and count what is in flight. Who ended, however, has nothing."""
        self._look_at = now + LOOK
        self._seen = -1 if self._ledger.window is None else self._ledger.generation
        last = self._ledger.generation - (self._ledger.window is None)  # the last window that was open
        in_flight, others = 0, list[tuple[int, int]]()
        for number, slot in enumerate(file.slots()):
            wants = slot.wants_until > now
            if number == file.slot or not (wants or slot.in_flight):
                continue
            silent = now - slot.written_at
            known = -SILENCE <= silent <= LAPSE  # else it lapsed, or was never written by a process
            if not known or (silent > ON_ITS_WAY and file.is_dead(number)):
                file.write_slot(number, Slot())
                continue
            # What was taken ahead goes with its window; who stalled before he could send it has the next one, too.
            is_void = silent > ON_ITS_WAY and slot.generation < last
            in_flight += slot.in_flight - (slot.ahead if is_void else 0)
            if wants:
                others.append((slot.generation, slot.taken))
        changed = self._ledger.in_flight - self._before  # in this step
        self._before = in_flight + self._in_flight
        self._ledger.in_flight = self._before + changed
        self._others = others
        if not file.is_linked():
            self._close()  # it was tidied away; the next step makes another

    def _look_again(self, file: HostFile, now: float) -> None:
        """See who else is at work within a step that goes on without the file if it cannot be read."""
        try:
            self._look(file, now)
        except OSError as error:
            self._rest(error, now)

    def _may_take(self) -> bool:
        """Whether the next request of the window is this process's, and not one that the others are to have."""
        ledger, file = self._ledger, self._file
        window, generation = ledger.window, ledger.generation
        now = self._clock()
        if window is None or now >= window.closes_at or window.left() <= 0 or file is None:
            return True  # or the ledger says how long to wait
        taken = self._taken if self._generation == generation else 0
        for again in (self._seen != generation, True):
            if again:
                self._look_again(file, now)  # what is known of them may be old
            others = [number if of == generation else 0 for of, number in self._others]
            if may_take(window.limit, window.left(), taken, others):
                return True
        return False

    def _poll(self, wait: float, now: float) -> float:
        """Return the seconds after which to ask again: what others do wakes nobody here."""
        ledger = self._ledger
        if now < ledger.paused_until or (ledger.in_flight == self._in_flight and not self._others):
            return wait
        if ledger.window is None and ledger.guided:
            return min(wait, PROBE_POLL)
        return POLL if wait == NEVER else min(wait, max(POLL, wait / 4))


def _after_fork() -> None:
    for budget in list(_budgets):
        budget.leave_to_parent()


os.register_at_fork(after_in_child=_after_fork)
