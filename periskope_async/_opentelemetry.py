"""What OpenTelemetry gets to see of a client: spans and metrics, made of nothing but its hooks.

Names are those of the semantic conventions for HTTP clients, https://opentelemetry.io/docs/specs/semconv/http/, where
they have one. No id, number, key or body is in any: `url.full` has its ids replaced, as they want it of what is
private, and of an error there is its kind and not its message.
"""

import re
import time
from contextvars import Token
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import define, field
from opentelemetry import context, metrics, trace
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from periskope_async.errors import ApiError
from periskope_async.hooks import (
    EndEvent,
    Hooks,
    PacedEvent,
    QueuedEvent,
    RequestEvent,
    ResponseEvent,
    RetryEvent,
    RunEndEvent,
    RunStartEvent,
    StartEvent,
    ThrottleEvent,
)

__all__ = ["current_traceparent", "telemetry_hooks"]

#: Seconds, as the conventions have them for `http.client.request.duration`.
BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
SCHEMA: Final = "https://opentelemetry.io/schemas/1.37.0"


@define(eq=False)
class _Watched:
    """A call or a run under way: its span, what ends its context, and the attempt that has no answer yet."""

    span: Span
    token: Token[Context]
    common: dict[str, Any] = field(factory=dict[str, Any])
    sent_at: float | None = None
    waited: float = 0.0
    reason: str = ""


class _Telemetry:
    """Speaks for one client.

    Args:
        provider: makes the tracer; None for the application's.
        base_url: where the client's calls go.
    """

    def __init__(self, provider: Any, base_url: str) -> None:
        url = urlsplit(base_url)
        self._server: dict[str, Any] = {
            "server.address": url.hostname or "",
            "server.port": url.port or (443 if url.scheme == "https" else 80),
        }
        self._base_url = base_url
        self._tracer = trace.get_tracer("periskope", tracer_provider=provider, schema_url=SCHEMA)
        meter = metrics.get_meter("periskope", schema_url=SCHEMA)
        self._duration = meter.create_histogram(
            "http.client.request.duration", "s", "One request.", explicit_bucket_boundaries_advisory=BUCKETS
        )
        self._wait = meter.create_histogram("periskope.rate_limit.wait", "s", "Until the turn of a request came.")
        self._remaining = meter.create_gauge("periskope.rate_limit.remaining", "{request}", "Left in the window.")
        self._limit = meter.create_gauge("periskope.rate_limit.limit", "{request}", "Allowed in a window.")
        self._retries = meter.create_counter("periskope.retries", "{request}", "Requests that were sent again.")
        self._throttles = meter.create_counter("periskope.throttles", "{response}", "Answers with status 429.")
        self._watched: dict[int, _Watched] = {}

    def hooks(self) -> Hooks:
        """Return what a client is to call."""
        return Hooks(
            on_start=self.start,
            on_end=self.end,
            on_queued=self.queued,
            on_paced=self.paced,
            on_request=self.request,
            on_response=self.response,
            on_retry=self.retry,
            on_throttle=self.throttle,
            on_run_start=self.run_start,
            on_run_end=self.run_end,
        )

    def start(self, event: StartEvent) -> None:
        """Open the span of a call. It is the current one until the call ends, for whatever is in it."""
        common = {"http.request.method": event.method, **self._server}
        if event.template:
            common["url.template"] = event.template
        hidden = re.sub(r"\{\w+\}", "REDACTED", event.template or "/REDACTED")
        attributes = {**common, "url.full": f"{self._base_url}{hidden}", "periskope.operation": event.operation}
        name = f"{event.method} {event.template}".strip()
        self._open(event.call, name, SpanKind.CLIENT, attributes).common = common

    def end(self, event: EndEvent) -> None:
        """Close the span of a call."""
        watched = self._watched.pop(event.call)
        self._answered(watched, event.error)
        if event.attempts > 1:
            watched.span.set_attribute("http.request.resend_count", event.attempts - 1)
        if watched.waited:
            watched.span.set_attribute("periskope.wait", watched.waited)
        _close(watched, event.error)

    def queued(self, event: QueuedEvent) -> None:
        """Note why a call waits."""
        self._watched[event.call].reason = event.reason

    def paced(self, event: PacedEvent) -> None:
        """Note how long a call waited."""
        watched = self._watched[event.call]
        watched.waited += event.waited
        self._wait.record(event.waited, {"periskope.reason": watched.reason, **self._server})
        attributes: dict[str, Any] = {"periskope.reason": watched.reason, "periskope.wait": event.waited}
        watched.span.add_event("periskope.paced", attributes)

    def request(self, event: RequestEvent) -> None:
        """Note when a request is sent."""
        self._watched[event.call].sent_at = time.perf_counter()

    def response(self, event: ResponseEvent) -> None:
        """Note an answer, and what it says of the rate limit."""
        watched = self._watched[event.call]
        watched.span.set_attribute("http.response.status_code", event.status)
        if event.trace_id is not None:
            watched.span.set_attribute("periskope.trace_id", event.trace_id)
        self._answered(watched, None, event.status)
        if event.rate_limit is not None:
            self._remaining.set(event.rate_limit.remaining, self._server)
            self._limit.set(event.rate_limit.limit, self._server)

    def retry(self, event: RetryEvent) -> None:
        """Note that another request follows."""
        watched, kind = self._watched[event.call], _kind(event.error)
        self._answered(watched, event.error)
        self._retries.add(1, {"error.type": kind, **self._server})
        watched.span.add_event("periskope.retry", {"error.type": kind, "periskope.wait": event.wait})

    def throttle(self, event: ThrottleEvent) -> None:
        """Note that everybody pauses."""
        self._throttles.add(1, self._server)
        self._watched[event.call].span.add_event("periskope.throttle", {"periskope.pause": event.pause})

    def run_start(self, event: RunStartEvent) -> None:
        """Open the span of a bulk run. Those of its calls are inside it."""
        attributes = {} if event.total is None else {"periskope.run.total": event.total}
        self._open(event.run, "periskope run", SpanKind.INTERNAL, attributes)

    def run_end(self, event: RunEndEvent) -> None:
        """Close the span of a bulk run."""
        watched = self._watched.pop(event.run)
        watched.span.set_attributes({"periskope.run.done": event.done, "periskope.run.failed": event.failed})
        if event.operation is not None:
            watched.span.update_name(f"periskope run {event.operation}")
            watched.span.set_attribute("periskope.operation", event.operation)
        _close(watched, event.error)

    def _open(self, number: int, name: str, kind: SpanKind, attributes: dict[str, Any]) -> _Watched:
        span = self._tracer.start_span(name, kind=kind, attributes=attributes)
        watched = self._watched[number] = _Watched(span, context.attach(trace.set_span_in_context(span)))
        return watched

    def _answered(self, watched: _Watched, error: BaseException | None, status: int | None = None) -> None:
        """Record the duration of an attempt, once: with its answer or, where there is none, with its error."""
        if watched.sent_at is None:
            return
        seconds, watched.sent_at = time.perf_counter() - watched.sent_at, None
        attributes = dict(watched.common)
        if status is not None:
            attributes["http.response.status_code"] = status
        if status is not None and status >= 400:
            attributes["error.type"] = str(status)
        elif error is not None:
            attributes["error.type"] = _kind(error)
        self._duration.record(seconds, attributes)


def _close(watched: _Watched, error: BaseException | None) -> None:
    if error is not None:
        watched.span.set_status(StatusCode.ERROR)
        watched.span.set_attribute("error.type", _kind(error))
    watched.span.end()
    context.detach(watched.token)


def _kind(error: BaseException) -> str:
    """Return what the conventions want as `error.type`: the status, or the name of a class."""
    if isinstance(error, ApiError) and error.status >= 400:
        return str(error.status)
    return f"{type(error).__module__}.{type(error).__qualname__}"


def telemetry_hooks(provider: Any, base_url: str) -> Hooks:
    """Return hooks that report the calls of a client to OpenTelemetry.

    Args:
        provider: a `TracerProvider`; None for the application's.
        base_url: where the calls go.
    """
    return _Telemetry(provider, base_url).hooks()


def current_traceparent() -> dict[str, str]:
    """Return the headers that say which span is the current one: `traceparent`, and `tracestate` where there is one.

    Not the application's baggage, whatever its own propagators are: the service is somebody else's.
    """
    headers: dict[str, str] = {}
    TraceContextTextMapPropagator().inject(headers)
    return headers
