"""Posts what happens to those who subscribed to it: to one URL one after the other, and again where that fails."""

import asyncio
import itertools
from collections import deque
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import attrs

from periskope_async.testing._deliveries.envelope import body_of, signature
from periskope_async.testing._deliveries.log import Delivery, Log
from periskope_async.testing._deliveries.orders import DeliveryFault, Orders
from periskope_async.testing._deliveries.post import is_near, post
from periskope_async.testing._service.account import made_id

if TYPE_CHECKING:
    from periskope_async.testing._service.happenings import Happening
    from periskope_async.testing._service.state import State

__all__ = ["Courier"]

#: What cannot be done to a delivery that is not signed.
_OF_SIGNATURES = frozenset({DeliveryFault.BAD_SIGNATURE, DeliveryFault.NO_SIGNATURE})


@attrs.define(eq=False)
class _Letter:
    """One event on its way to one URL: its state is how often that was tried."""

    id: str
    event: str
    url: str
    body: bytes
    attempts: int = 0
    #: It was struck already, or has overtaken another: the next attempt is spared further faults.
    spared: bool = False
    #: What was done to its next attempt already.
    fault: DeliveryFault | None = None


class Courier:
    """Listens to what happens, and posts it, on the loop that it was opened on.

    Args:
        state: of the service.
        key: what deliveries are signed with; `""` leaves them unsigned.
        log: where it is written down.
        orders: what is to go wrong.
        catch_up: has the service do what is due.
    """

    def __init__(self, state: "State", key: str, log: Log, orders: Orders, catch_up: Callable[[], None]) -> None:
        self._state = state
        self._key = key
        self._log = log
        self._orders = orders
        self._catch_up = catch_up
        self._serial = itertools.count(1)
        self._failure: ValueError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._end_listening: Callable[[], None] | None = None
        #: What is to be posted to each URL, while somebody posts it.
        self._lines: dict[str, deque[_Letter]] = {}
        self._workers: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        #: What waits for the next delivery to the same URL, to come after it.
        self._held: dict[str, _Letter] = {}

    def open(self) -> None:
        """Deliver from now on, on the current loop."""
        loop = self._loop = asyncio.get_running_loop()

        def wake() -> None:
            self._log.began()
            loop.call_soon_threadsafe(self._if_open, loop, self._woken)

        self._log.wake = wake
        self.subscribed()

    def subscribed(self) -> None:
        """Listen, now that somebody may have subscribed: else nobody looks for what happens."""
        with self._state.lock:
            if self._loop is not None and self._end_listening is None and self._state.objects["webhooks"].put_ids():
                self._end_listening = self._state.happenings.listen(self._happened)

    async def close(self) -> None:
        """Give up what is on its way, and leave nothing behind."""
        if self._end_listening is not None:
            self._end_listening()
        self._loop = self._end_listening = None
        for timer in self._timers:
            timer.cancel()
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)
        self._timers.clear()
        self._lines.clear()
        for letter in self._held.values():
            self._fail(f"'reorder' changes nothing in the last delivery to {letter.url} ({letter.event})")
        self._held.clear()
        self._log.end()

    def raise_failure(self) -> None:
        """Raise what went wrong, once.

        Raises:
            ValueError: an ordered fault changed nothing.
        """
        cause, self._failure = self._failure, None
        if cause is not None:
            raise cause

    def _fail(self, useless: str) -> None:
        if self._failure is None:
            self._failure = ValueError(f"the ordered fault {useless}: order it for deliveries that it can change")

    def _happened(self, happening: "Happening") -> None:
        """Address what happened; in any thread, with the service locked."""
        loop, envelope = self._loop, self._state.assumptions.envelope
        if loop is None:
            raise AssertionError("unreachable")
        for url in self._subscribers(happening.type):
            name = made_id("delivery", self._state.seed, next(self._serial))
            letter = _Letter(name, happening.type, url, body_of(happening, name, envelope))
            self._log.began()
            loop.call_soon_threadsafe(self._if_open, loop, partial(self._line_up, letter))

    def _subscribers(self, event: str) -> Iterable[str]:
        """The URLs to call. One subscription that names several events is not what is served, but may have been put."""
        webhooks = self._state.objects["webhooks"]
        for webhook in map(webhooks.get, webhooks.ids()):
            names, url = webhook.get("integration_name"), str(webhook.get("hook_url"))
            wanted = event in ([names] if isinstance(names, str) else names or ())
            if wanted and webhook.get("is_subscribed") and is_near(url):
                yield url

    def _if_open(self, loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
        """Do some work, unless the loop it was meant for delivers no more: then all that was on its way is dropped."""
        if loop is self._loop:
            work()

    def _woken(self) -> None:
        self._catch_up()
        self._log.ended()

    def _line_up(self, letter: _Letter) -> None:
        """Have it posted after what is to be posted to its URL already, and before what waits for it."""
        if letter.url not in self._lines:
            self._lines[letter.url] = deque()
            worker = asyncio.get_running_loop().create_task(self._work(letter.url))
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        self._lines[letter.url].append(letter)
        held = self._held.pop(letter.url, None)
        if held is not None:
            letter.spared = True
            self._lines[letter.url].append(held)
            self._log.began()

    def _later(self, seconds: float, letter: _Letter) -> None:
        def ring() -> None:
            self._timers.discard(timer)
            self._line_up(letter)

        timer = asyncio.get_running_loop().call_later(seconds, ring)
        self._timers.add(timer)

    async def _work(self, url: str) -> None:
        line = self._lines[url]
        while line:
            await self._deliver(line.popleft(), line)
        del self._lines[url]

    async def _deliver(self, letter: _Letter, line: deque[_Letter]) -> None:
        """Post what is next in its line, unless a fault has it wait."""
        strike = None if letter.spared else self._orders.strike(letter.event, letter.url)
        letter.spared = True
        if strike is not None:
            letter.fault = strike.kind
            if strike.kind is DeliveryFault.DELAY:
                self._later(strike.seconds, letter)
                return
            if strike.kind is DeliveryFault.REORDER:
                self._hold(letter, line)
                return
        if await self._attempt(letter):
            self._log.ended()
            return
        waits = self._state.assumptions.redeliveries
        if letter.attempts > len(waits):
            self._log.ended()
            return
        letter.spared, letter.fault = False, None
        self._later(waits[letter.attempts - 1], letter)

    def _hold(self, letter: _Letter, line: deque[_Letter]) -> None:
        """Have it posted after the next one, which is here already or still to come."""
        if line:
            line[0].spared = True
            line.insert(1, letter)
        else:
            self._held[letter.url] = letter
            self._log.ended()

    async def _attempt(self, letter: _Letter) -> bool:
        """Post it once, or twice on demand; return whether it was taken."""
        letter.attempts += 1
        if letter.fault is not None and letter.fault in _OF_SIGNATURES and not self._key:
            self._fail(f"{letter.fault.value!r} changes nothing in a delivery that is not signed ({letter.event})")
            letter.fault = None
        doubled = letter.fault is DeliveryFault.DUPLICATE
        taken = await self._post(letter, None if doubled else letter.fault)
        return (await self._post(letter, letter.fault) or taken) if doubled else taken

    async def _post(self, letter: _Letter, fault: DeliveryFault | None) -> bool:
        key = f"not {self._key}" if fault is DeliveryFault.BAD_SIGNATURE else self._key
        signed = signature(letter.body, key) if key and fault is not DeliveryFault.NO_SIGNATURE else ""
        began, cut = self._state.now(), fault is DeliveryFault.CUT_BODY
        timeout = self._state.assumptions.delivery_timeout
        status = await post(letter.url, letter.body, signed, cut=cut, timeout=timeout)
        self._log.record(
            Delivery(
                id=letter.id,
                event=letter.event,
                url=letter.url,
                body=letter.body,
                signature=signed,
                attempt=letter.attempts,
                status=status,
                fault=fault,
                time=began,
            )
        )
        return 200 <= status < 300
