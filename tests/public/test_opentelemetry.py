"""What OpenTelemetry gets to see: spans and metrics in its own in-memory exporters, of calls over real sockets."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from periskope_async import ConfigurationError, DeadlineExceeded, Hooks, NotFoundError, PeriskopeClient, ServerError
from periskope_async._io.direct import DirectWay
from periskope_async.testing import FakePeriskope, Fault
from periskope_sync import PeriskopeClient as BlockingClient
from tests.support import virtual_loop

pytest.importorskip("opentelemetry.sdk", reason="opentelemetry-sdk is not installed")

from opentelemetry import baggage, context, metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

SWITCH = "OTEL_PYTHON_INSTRUMENTATION_PERISKOPE_ENABLED"


class Seen:
    """A provider, and the spans that were made with it."""

    def __init__(self) -> None:
        self.exporter = InMemorySpanExporter()
        self.provider = TracerProvider(shutdown_on_exit=False)
        self.provider.add_span_processor(SimpleSpanProcessor(self.exporter))

    @property
    def spans(self) -> list[ReadableSpan]:
        """All spans that ended, in that order."""
        return list(self.exporter.get_finished_spans())

    def only(self) -> ReadableSpan:
        """Return the one span there is."""
        (span,) = self.spans
        return span


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, object]]:
    """Run on a loop whose time is virtual: minutes of waiting take none of ours."""
    return "asyncio", {"loop_factory": virtual_loop}


@pytest.fixture(scope="module")
def reader() -> Iterator[InMemoryMetricReader]:
    """Read the metrics of this process, whose provider can be set only once."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader], shutdown_on_exit=False)
    metrics.set_meter_provider(provider)
    yield reader
    provider.shutdown()


@pytest.fixture
def seen() -> Seen:
    """Have a provider of spans."""
    return Seen()


@pytest.fixture
async def fake() -> AsyncIterator[FakePeriskope]:
    """Serve on the test's own loop, and so in its time."""
    async with FakePeriskope(rate_limit="100/60s") as fake:
        yield fake


async def test_an_answer_without_a_trace_id(fake: FakePeriskope, seen: Seen) -> None:
    """What the service does not say is no attribute."""
    body = json.dumps(fake.get("BKT-001")).encode()
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    fake.answer(lambda _: iter([head % len(body) + body]))
    async with fake.client(tracing=seen.provider) as client:
        await client.tickets.get("BKT-001")
    assert "periskope.trace_id" not in (seen.only().attributes or {})


async def test_one_span_per_call(fake: FakePeriskope, seen: Seen) -> None:
    """A call is one CLIENT span with the conventions' names, without its id and with the service's own trace id."""
    async with fake.client(tracing=seen.provider) as client:
        await client.tickets.get("BKT-001")
    span = seen.only()
    port = int(fake.base_url.split(":")[2].partition("/")[0])
    assert (span.name, span.kind, span.status.status_code) == (
        "GET /tickets/{ticket_id}",
        SpanKind.CLIENT,
        StatusCode.UNSET,
    )
    assert dict(span.attributes or {}) == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.template": "/tickets/{ticket_id}",
        "url.full": f"http://127.0.0.1:{port}/v1/tickets/REDACTED",
        "server.address": "127.0.0.1",
        "server.port": port,
        "periskope.operation": "tickets.get",
        "periskope.trace_id": "trace-000000000001",
    }
    assert span.events == ()
    assert [request.headers.get("traceparent") for request in fake.requests] == [None]


async def test_the_service_hears_of_spans_where_it_is_to(fake: FakePeriskope, seen: Seen) -> None:
    """Asked to, each request says which span it is part of, but nothing of the baggage; a header set by hand stays."""
    fake.faults.add(Fault.STATUS_503, times=1)
    own = {"Traceparent": f"00-{1:032x}-{2:016x}-01"}
    token = context.attach(baggage.set_baggage("tenant", "CANARY"))
    async with fake.client(tracing=seen.provider, propagate_traceparent=True) as client:
        clone = client.with_options(phone="919876512345")
        await client.tickets.get("BKT-001")
        await clone.tickets.update("BKT-001", subject="Parcels")
        await client.tickets.get_many(["BKT-002"])
        await client.request("GET", "/tickets/BKT-003", headers=own)
    context.detach(token)
    spans = [span for span in seen.spans if span.kind is SpanKind.CLIENT]
    facts = [(each.context.trace_id, each.context.span_id, int(each.context.trace_flags)) for each in spans]
    named = [f"00-{trace_id:032x}-{span_id:016x}-{flags:02x}" for trace_id, span_id, flags in facts]
    first, second, third, _ = named
    sent = [request.headers.get("traceparent") for request in fake.requests]
    assert sent == [first, first, second, third, own["Traceparent"]]
    assert fake.counts == {"503": 1}
    assert not any("CANARY" in str(request.headers) for request in fake.requests)


@pytest.mark.parametrize("tracing", [False, None])
async def test_no_span_is_no_header(fake: FakePeriskope, tracing: Any) -> None:
    """Where nothing is reported, there is nothing to say."""
    async with fake.client(tracing=tracing, propagate_traceparent=True, hooks=Hooks(on_start=print)) as client:
        await client.tickets.get("BKT-001")
    assert [request.headers.get("traceparent") for request in fake.requests] == [None]


async def test_calls_that_are_traced_go_the_direct_way(
    fake: FakePeriskope, seen: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans cost nobody the short way of sending: no request goes through `ClientSession`, and no session is traced."""
    direct = list[str]()
    send = DirectWay.send

    async def counted(self: DirectWay, request: Any, phone: str | None, *, new: bool) -> Any:
        direct.append(request.path)
        return await send(self, request, phone, new=new)

    monkeypatch.setattr(DirectWay, "send", counted)
    async with fake.client(tracing=seen.provider, propagate_traceparent=True) as client:
        await client.tickets.get("BKT-001")
        await client.tickets.get_many(["BKT-002", "BKT-003"])
        http = await client._caller.connections.http()
        assert not http.session.trace_configs
    assert len(direct) == fake.calls == 3
    assert sum(span.kind is SpanKind.CLIENT for span in seen.spans) == 3


async def test_what_a_call_goes_through(fake: FakePeriskope, seen: Seen) -> None:
    """Retries, pauses and waits are events of the span, with their reason and their seconds."""
    for fault in (Fault.RESET_BEFORE, Fault.STATUS_503, Fault.STATUS_429):
        fake.faults.add(fault, times=1)
    async with fake.client(tracing=seen.provider) as client:
        await client.tickets.get("BKT-001")
    span = seen.only()
    events = [(event.name, dict(event.attributes or {})) for event in span.events]
    assert [name for name, _ in events] == [
        *("periskope.retry", "periskope.retry"),
        *("periskope.throttle", "periskope.retry", "periskope.paced"),
    ]
    assert [facts.get("error.type") for _, facts in events] == [
        *("periskope_async.errors.ProtocolError", "503"),
        *(None, "429", None),
    ]
    assert events[-1][1]["periskope.reason"] == "rate_limit"
    attributes = span.attributes or {}
    assert (attributes["http.request.resend_count"], attributes["http.response.status_code"]) == (3, 200)
    assert attributes["periskope.wait"] == events[-1][1]["periskope.wait"]
    assert fake.calls == 4


@pytest.mark.parametrize(
    ("fault", "error", "kind", "status"),
    [
        (None, NotFoundError, "404", 404),
        (Fault.STATUS_502_HTML, ServerError, "502", 502),
        (Fault.STALL_HEADERS, DeadlineExceeded, "periskope_async.errors.DeadlineExceeded", None),
    ],
)
async def test_errors(
    fake: FakePeriskope, seen: Seen, fault: Fault | None, error: type[Exception], kind: str, status: int | None
) -> None:
    """A call that raises is a span in error, with the status or the class, and without the message."""
    if fault is not None:
        fake.faults.add(fault)
    async with fake.client(tracing=seen.provider, deadline=5) as client:
        with pytest.raises(error):
            await client.tickets.get("BKT-404404")
    span = seen.only()
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, None)
    assert (span.attributes or {})["error.type"] == kind
    assert (span.attributes or {}).get("http.response.status_code") == status
    assert fault is None or fake.counts[fault] == fake.calls


async def test_spans_are_inside_what_calls_them(fake: FakePeriskope, seen: Seen) -> None:
    """A call's span is inside the current one, and the current one again after it, also after a cancelled call."""
    tracer = seen.provider.get_tracer("application")
    inside: list[Any] = []
    hooks = Hooks(on_request=lambda _: inside.append(trace.get_current_span().get_span_context().span_id))
    fake.latency = 1.0
    async with fake.client(tracing=seen.provider, hooks=hooks) as client:
        with tracer.start_as_current_span("handler") as handler:
            await client.tickets.get("BKT-001")
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.5):
                    await client.tickets.get("BKT-002")
            assert trace.get_current_span() is handler
    first, second, outer = seen.spans
    assert [each.parent and each.parent.span_id for each in (first, second)] == [outer.context.span_id] * 2
    assert inside == [first.context.span_id, second.context.span_id]


async def test_bulk_runs(fake: FakePeriskope, seen: Seen) -> None:
    """A bulk run is one INTERNAL span with its counts, around the spans of its calls."""
    async with fake.client(tracing=seen.provider) as client:
        await client.tickets.get_many(["BKT-001", "BKT-002", "BKT-404404"])
        async with client.tickets.stream(iter(["BKT-001"])) as results:
            _ = [result async for result in results]
        await client.tickets.get_many([])
    runs = [span for span in seen.spans if span.kind is SpanKind.INTERNAL]
    assert [span.name for span in runs] == ["periskope run tickets.get", "periskope run tickets.get", "periskope run"]
    assert dict(runs[0].attributes or {}) == {
        "periskope.operation": "tickets.get",
        "periskope.run.total": 3,
        "periskope.run.done": 2,
        "periskope.run.failed": 1,
    }
    assert "periskope.run.total" not in (runs[1].attributes or {})
    assert [span.status.status_code for span in runs] == [StatusCode.UNSET] * 3
    calls = [span for span in seen.spans if span.kind is SpanKind.CLIENT]
    parents = [span.parent and span.parent.span_id for span in calls]
    assert parents == [runs[0].context.span_id] * 3 + [runs[1].context.span_id]


async def test_nothing_private(fake: FakePeriskope, seen: Seen, reader: InMemoryMetricReader) -> None:
    """No id, number, key, body or error's message is in any span or metric, whatever is called and however it ends."""
    fake.rotate_key("CANARYkey0123456789")
    private = {"CANARY-7", "919876512345", "919811122233", "CANARYkey0123456789", "CANARY body", "CANARY subject"}
    fake.faults.add(Fault.STATUS_500, times=2)
    async with fake.client(tracing=seen.provider, phone="+91 98765 12345", retries=1) as client:
        calls = (
            client.tickets.get("CANARY-7"),
            client.chats.get("919811122233@c.us", max_age=30),
            client.messages.send("919811122233", "CANARY body"),
            client.tickets.create(chat_id="919811122233@c.us", subject="CANARY subject"),
            client.request("GET", "/tickets/CANARY-7", params={"q": "CANARY body"}),
            client.contacts.get("CANARYkey0123456789"),
        )
        results = await asyncio.gather(*calls, return_exceptions=True)
        await client.tickets.get_many(["CANARY-7"])
    assert sum(isinstance(result, Exception) for result in results) >= 3
    shown = "".join(span.to_json() for span in seen.spans)
    data = reader.get_metrics_data()
    shown += "" if data is None else data.to_json()
    assert len(seen.spans) == 8
    for text in private:
        assert text not in shown
        assert text.replace(" ", "%20") not in shown
    assert "CANARY" not in shown


async def test_metrics(fake: FakePeriskope, seen: Seen, reader: InMemoryMetricReader) -> None:
    """Metrics have each request's duration by status or error, and what the rate limit does to calls."""
    for fault in (Fault.RESET_BEFORE, Fault.STATUS_503, Fault.STATUS_429):
        fake.faults.add(fault, times=1)
    async with fake.client(tracing=seen.provider, deadline=60) as client:
        await client.tickets.get("BKT-001")
        fake.faults.add(Fault.STALL_HEADERS, times=1)
        with pytest.raises(DeadlineExceeded):
            await client.with_options(deadline=1).tickets.get("BKT-001")
    port = int(fake.base_url.split(":")[2].partition("/")[0])
    data = json.loads(reader.get_metrics_data().to_json())  # type: ignore[union-attr]  # there is some
    points: dict[str, list[dict[str, Any]]] = {
        metric["name"]: [point for point in metric["data"]["data_points"] if point["attributes"]["server.port"] == port]
        for resource in data["resource_metrics"]
        for scope in resource["scope_metrics"]
        for metric in scope["metrics"]
    }
    durations = {
        (point["attributes"].get("http.response.status_code"), point["attributes"].get("error.type")): point["count"]
        for point in points["http.client.request.duration"]
    }
    assert durations == {
        (200, None): 1,
        (503, "503"): 1,
        (429, "429"): 1,
        (None, "periskope_async.errors.ProtocolError"): 1,
        (None, "periskope_async.errors.DeadlineExceeded"): 1,
    }
    assert {point["attributes"]["url.template"] for point in points["http.client.request.duration"]} == {
        "/tickets/{ticket_id}"
    }
    assert [point["value"] for point in points["periskope.throttles"]] == [1]
    assert sum(point["value"] for point in points["periskope.retries"]) == 3
    assert [point["count"] for point in points["periskope.rate_limit.wait"]] == [1]
    assert [point["value"] for point in points["periskope.rate_limit.limit"]] == [100]
    assert 90 < points["periskope.rate_limit.remaining"][0]["value"] < 100


def test_blocking_calls(seen: Seen) -> None:
    """Blocking calls have the same spans, inside the current one of their thread."""
    tracer = seen.provider.get_tracer("application")
    with (
        FakePeriskope() as fake,
        BlockingClient(fake.api_key, base_url=fake.base_url, tracing=seen.provider) as client,
        tracer.start_as_current_span("task") as outer,
    ):
        client.tickets.get("BKT-001")
    span = seen.spans[0]
    assert span.name == "GET /tickets/{ticket_id}"
    assert span.parent is not None
    assert span.parent.span_id == outer.get_span_context().span_id


# -- on and off -------------------------------------------------------------------------------------------------------


def is_traced(client: PeriskopeClient) -> bool:
    """Whether a client reports to anybody."""
    return client._caller.report.hooks is not None


@pytest.mark.parametrize(("said", "traced"), [("", True), ("true", True), ("false", False), (" FALSE ", False)])
def test_on_where_the_application_traces(monkeypatch: pytest.MonkeyPatch, said: str, traced: bool) -> None:  # noqa: FBT001  # a parameter
    """A client reports if the application imported OpenTelemetry before, unless the environment says no."""
    monkeypatch.setenv(SWITCH, said)
    assert is_traced(PeriskopeClient("key")) is traced
    assert is_traced(PeriskopeClient("key", tracing=True))
    assert not is_traced(PeriskopeClient("key", tracing=False))
    monkeypatch.delitem(sys.modules, "opentelemetry")
    assert not is_traced(PeriskopeClient("key"))


def test_where_it_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who wants it without having it learns what to install."""
    monkeypatch.setitem(sys.modules, "periskope_async._opentelemetry", None)
    with pytest.raises(
        ConfigurationError, match=r"^tracing: needs the extra `otel`: pip install '/path/to/clone\[otel\]'"
    ):
        PeriskopeClient("key", tracing=True)


def test_what_is_no_provider() -> None:
    """Anything else is refused by name."""
    with pytest.raises(ConfigurationError, match=r"^tracing: expected True, False or a TracerProvider, got str"):
        PeriskopeClient("key", tracing="yes")  # type: ignore[arg-type]  # the point of the test


def test_clones_report_too(seen: Seen) -> None:
    """A clone reports where its client does, beside the hooks of the application."""
    client = PeriskopeClient("key", tracing=seen.provider, hooks=Hooks(on_end=print))
    assert client.with_options(timeout=5)._caller.report.hooks is client._caller.report.hooks
