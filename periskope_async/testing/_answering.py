"""How one request is answered: first the limit has its say, then the faults, a hook, the service.

It must not know sockets.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Final, TypeAlias

import attrs

from periskope_async.testing._express import HeaderFields, common_fields, dressed, too_many
from periskope_async.testing._faults.answers import play
from periskope_async.testing._faults.names import REFUSALS, Fault, status_of
from periskope_async.testing._faults.plan import Faults
from periskope_async.testing._http import Hangup, Reply, Request, Step
from periskope_async.testing._service.answers import Answer, error
from periskope_async.testing._service.router import Found
from periskope_async.testing._service.service import Service

if TYPE_CHECKING:
    from periskope_async.testing._limits import Limiter

__all__ = ["TOO_LATE", "AnswerHook", "Answering", "Outcome"]

AnswerHook: TypeAlias = Callable[[Request], Reply | Iterable[Step] | None]


@attrs.frozen
class Outcome:
    """How one request is answered, and what is to be counted of it.

    Attributes:
        steps: of the answer.
        status: as `Recorded` has it.
        fault: as `Recorded` has it.
        injected: whether *fault* strikes with this request. False too for what STALE has already struck.
        throttled: whether the limit was used up.
    """

    steps: Iterable[Step]
    status: int
    fault: Fault | None = None
    injected: bool = False
    throttled: bool = False


#: What a request meets on a connection that was closed while it travelled.
TOO_LATE: Final = Outcome((Hangup.FIN,), 0, Fault.STALE)


class Answering:
    """Answers requests, one after the other.

    Args:
        service: what is behind the limit, the faults and the hook.
        compress: gzip answers for clients that accept it.
    """

    def __init__(self, service: Service, *, compress: bool) -> None:
        self.limiter: Limiter | None = None
        self.hook: AnswerHook | None = None
        self._service = service
        self._compress = compress
        self._serial = itertools.count(1)
        self._failure: Exception | None = None

    def raise_failure(self) -> None:
        """Raise what went wrong, once.

        Raises:
            ValueError: an ordered fault changed nothing in the answer that it struck.
            Exception: what a hook raised. Of several failures, the first.
        """
        cause, self._failure = self._failure, None
        if cause is not None:
            raise cause

    def outcome(self, request: Request, found: Found, now: float, faults: Faults) -> Outcome:
        """How *request*, which leads to *found*, is answered."""
        phone = found.route is not None and found.route.phone
        fields = common_fields(request, next(self._serial), now, phone=phone)
        if self.limiter is not None:
            verdict = self.limiter.hit(request.headers.get("authorization", ""), now)
            fields += self.limiter.policy.fields(verdict)
            if not verdict.allowed:
                reply = self._dressed(too_many(self.limiter.policy), fields, request)
                return Outcome((reply.encode(),), 429, throttled=True)
        strike = faults.strike(request, found)
        if strike is None:
            return self._answered(request, found, fields)
        kind = strike.kind
        refused = kind in REFUSALS  # then nothing reaches the service: a write is not done
        answer = Answer(200) if refused else self._service.answer(request, found)
        # Not packed, whatever the client accepts: a fault of the body is one of what the client reads.
        reply = dressed(answer, fields, request, compress=False)
        steps = play(kind, faults.context(reply, found, now, closes=request.closes))
        if steps is not None:
            return Outcome(steps, status_of(kind, reply.status), kind, injected=True)
        if not strike.ordered:
            return self._answered(request, found, fields, answer)
        useless = ValueError(
            f"the ordered fault {kind.value!r} changes nothing in the answer to {request.method} {request.target} "
            f"(status {reply.status}, {len(reply.body)} bytes): order it for requests whose answer it can change"
        )
        self._fail(useless)
        return self._sent(error(500, "USELESS_FAULT", str(useless)), fields, request)

    def _answered(self, request: Request, found: Found, fields: HeaderFields, answer: Answer | None = None) -> Outcome:
        """As the hook wants it, else by the service; *answer* is what the service has already answered."""
        if self.hook is not None:
            try:
                scripted = self.hook(request)
            except Exception as cause:  # noqa: BLE001  # raised again by `raise_failure`
                self._fail(cause)
                scripted = (Hangup.RESET,)
            if isinstance(scripted, Reply):
                reply = attrs.evolve(scripted, headers=(*fields, *scripted.headers))
                return Outcome((reply.encode(),), reply.status)
            if scripted is not None:
                return Outcome(self._guarded(scripted), 0)
        return self._sent(self._service.answer(request, found) if answer is None else answer, fields, request)

    def _guarded(self, steps: Iterable[Step]) -> Iterator[Step]:
        """The steps of a hook, which may be a generator that raises as late as this."""
        try:
            yield from steps
        except Exception as cause:  # noqa: BLE001  # raised again by `raise_failure`
            self._fail(cause)
            yield Hangup.RESET

    def _sent(self, answer: Answer, fields: HeaderFields, request: Request) -> Outcome:
        reply = self._dressed(answer, fields, request)
        whole = reply.head(("Content-Length", str(len(reply.body)))) if request.method == "HEAD" else reply.encode()
        return Outcome((whole,), reply.status)

    def _dressed(self, answer: Answer, fields: HeaderFields, request: Request) -> Reply:
        return dressed(answer, fields, request, compress=self._compress)

    def _fail(self, cause: Exception) -> None:
        """Keep *cause* for whoever stops the fake; the first is what the others follow from."""
        if self._failure is None:
            self._failure = cause
