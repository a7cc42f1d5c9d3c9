"""When which fault strikes: orders, and a random plan that replays from its seed. It must not know how faults look."""

import hashlib
import math
import threading
from collections import Counter
from collections.abc import Collection, Mapping
from types import MappingProxyType

import attrs

from periskope_async._spelling import suggest
from periskope_async.testing._faults.context import MIB, FaultContext
from periskope_async.testing._faults.names import PASSING_FAULTS, Fault
from periskope_async.testing._http import Reply, Request
from periskope_async.testing._service.router import Found
from periskope_async.testing._service.service import OPERATIONS

__all__ = ["Faults", "Strike"]


@attrs.frozen
class Strike:
    """A fault that a request is to meet.

    Attributes:
        kind: which fault.
        ordered: True where `Faults.add` ordered it, False where it is of the random plan.
    """

    kind: Fault
    ordered: bool


@attrs.define
class _Rule:
    """One order of `Faults.add`: its state is how often it matched and struck."""

    kind: Fault
    resource: str | None
    resource_ids: frozenset[str] | None
    operation: str | None
    method: str | None
    after: int
    times: float
    rate: float
    matched: int = 0
    struck: int = 0

    def fits(self, request: Request, found: Found) -> bool:
        """Whether it is an order for such requests."""
        named = (found.resource_id, found.resource_id.partition("@")[0])  # `@c.us` may be left out, as in a path
        return (
            (self.resource is None or self.resource == found.resource)
            and (self.resource_ids is None or not self.resource_ids.isdisjoint(named))
            and (self.operation is None or self.operation == found.operation)
            and (self.method is None or self.method == request.method)
        )


class Faults:
    """When which fault strikes: at random with a seed, or as ordered with `add`.

    The random plan is a pure function of seed, id and attempt number, so it does not depend on timing or on the order
    of requests, and replays exactly.

    A fault that would change nothing in the answer it meets, such as another id in an answer without a ticket, is not
    injected and not counted. Ordered, it is an error of the test: the fake answers 500, says which order met what, and
    raises that when it stops. That cannot be known when it is ordered, because what an answer holds depends on what
    has been put, changed and asked by then. The random plan, which was made without a thought of single answers, leaves
    such an answer as it is.

    Args:
        rates: kind to probability; or one number, spread evenly over `PASSING_FAULTS`.
        seed: of the plan; None takes the fake's.
        per_id: random faults for one id at most, so that a patient client gets everything; None: no bound.
        retry_after: seconds in the `Retry-After` of injected 429 and 503 answers.
        pause: seconds before slow headers, and between the bytes of a drip.
        giant: bytes of a giant body, and of a bomb once unpacked.
        location: where injected redirects lead.

    Raises:
        ValueError: an unknown kind, or probabilities that are negative or add up to more than 1.
    """

    def __init__(
        self,
        rates: Mapping[str, float] | float = MappingProxyType({}),
        *,
        seed: int | None = None,
        per_id: int | None = 4,
        retry_after: float = 1.0,
        pause: float = 1.0,
        giant: int = 64 * MIB,
        location: str = "http://127.0.0.1:9/elsewhere",
    ) -> None:
        self.rates: Mapping[Fault, float] = _checked(rates)
        self.seed: int | None = seed
        self.per_id: int | None = per_id
        self.retry_after: float = retry_after
        self.pause: float = pause
        self.giant: int = giant
        self.location: str = location
        #: How often each kind was injected. Never ahead of the requests that a fake has recorded with it.
        self.counts: Counter[str] = Counter()
        self._rules: tuple[_Rule, ...] = ()
        self._attempts: Counter[str] = Counter()
        self._struck: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(
        self,
        kind: str,
        *,
        ticket_id: str | Collection[str] | None = None,
        resource_id: str | Collection[str] | None = None,
        operation: str | None = None,
        method: str | None = None,
        after: int = 0,
        times: int | None = None,
        rate: float = 1.0,
    ) -> None:
        """Order a fault. The first order that fits a request strikes it; the random plan comes after all orders.

        An order that strikes an answer in which it changes nothing makes the fake raise a `ValueError` when it stops;
        narrow it with *ticket_id*, *resource_id*, *operation* and *method*.

        Args:
            kind: which fault.
            ticket_id: only requests for this ticket, or for one of these.
            resource_id: only requests for this id, or for one of these, of whatever resource.
            operation: only requests of this operation, such as `chats.get`.
            method: only requests of this method.
            after: spare the first requests that fit, this many.
            times: strike this often at most.
            rate: strike with this probability.

        Raises:
            ValueError: an unknown kind or operation, a rate that is not a probability, or ids of both sorts.
        """
        if not 0 <= rate <= 1:
            raise ValueError(f"rate: {rate} is not a probability")
        if operation is not None and operation not in OPERATIONS:
            raise ValueError(f"operation: there is none called {operation!r}{suggest(operation, sorted(OPERATIONS))}")
        if ticket_id is not None and resource_id is not None:
            raise ValueError("ticket_id and resource_id: say one of them")
        resource = None if ticket_id is None else "ticket"
        ids = _ids(resource_id if ticket_id is None else ticket_id)
        most = math.inf if times is None else times
        order = _Rule(Fault(kind), resource, ids, operation, method, after, most, rate)
        with self._lock:
            self._rules = (*self._rules, order)

    def clear(self) -> None:
        """Take all orders and rates back. Counts stay."""
        with self._lock:
            self._rules = ()
            self.rates = MappingProxyType({})

    def plan(self, key: str, attempt: int) -> Fault | None:
        """What the random plan holds for the request number *attempt* (from 1) for *key*, before `per_id`."""
        luck = _luck(self.seed or 0, key, attempt)
        for kind, rate in self.rates.items():
            if luck < rate:
                return kind
            luck -= rate
        return None

    def strike(self, request: Request, found: Found) -> Strike | None:
        """The fault that *request* is to meet; None for none. It is counted with `count`, once it is injected.

        Args:
            request: as it came.
            found: the operation it means, and the object it is about.
        """
        with self._lock:
            if not self._rules and not self.rates:
                return None
            key = found.resource_id or request.target
            self._attempts[key] += 1
            ordered = self._ordered(request, found, key)
            if ordered is not None:
                return Strike(ordered, ordered=True)
            planned = self._planned(key)
            return None if planned is None else Strike(planned, ordered=False)

    def count(self, kind: Fault) -> None:
        """Count a fault that was injected."""
        with self._lock:
            self.counts[kind] += 1

    def context(self, reply: Reply, found: Found, now: float, *, closes: bool) -> FaultContext:
        """What a fault plays on, with the settings of this plan."""
        return FaultContext(
            reply,
            found.route.resource if found.route else None,
            closes,
            now,
            self.retry_after,
            self.pause,
            self.giant,
            self.location,
        )

    def _ordered(self, request: Request, found: Found, key: str) -> Fault | None:
        for rule in self._rules:
            if not rule.fits(request, found):
                continue
            rule.matched += 1
            if rule.matched <= rule.after or rule.struck >= rule.times:
                continue
            if rule.rate < 1 and _luck(self.seed or 0, f"{rule.kind}/{key}", self._attempts[key]) >= rule.rate:
                continue
            rule.struck += 1
            return rule.kind
        return None

    def _planned(self, key: str) -> Fault | None:
        if self.per_id is not None and self._struck[key] >= self.per_id:
            return None
        kind = self.plan(key, self._attempts[key])
        if kind is not None:
            self._struck[key] += 1
        return kind


def _ids(ids: str | Collection[str] | None) -> frozenset[str] | None:
    return None if ids is None else frozenset((ids,) if isinstance(ids, str) else ids)


def _luck(seed: int, key: str, attempt: int) -> float:
    """A number from 0 up to 1 that is always the same for the same arguments, on any machine."""
    digest = hashlib.blake2b(f"{seed}:{key}:{attempt}".encode("utf-8", "surrogateescape"), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def _checked(rates: Mapping[str, float] | float) -> Mapping[Fault, float]:
    if isinstance(rates, Mapping):
        known = {Fault(kind): float(rate) for kind, rate in rates.items()}
    else:
        known = {kind: rates / len(PASSING_FAULTS) for kind in Fault if kind in PASSING_FAULTS}
    if any(rate < 0 for rate in known.values()) or sum(known.values()) > 1 + 1e-9:
        raise ValueError("fault rates are probabilities: none below 0, and 1 together at most")
    return MappingProxyType(known)
