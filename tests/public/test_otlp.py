"""What leaves an application by OTLP: decoded by a receiver of ours, and after a real collector has passed it on."""

import gzip
import os
import socket
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.redis_server import free_port
from tests.support import run_python

pytest.importorskip("opentelemetry.exporter.otlp.proto.http", reason="the OTLP exporter is not installed")

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

PATIENCE = 40.0  # seconds
#: What an application does: it sets up OpenTelemetry by the book, makes calls, and ends.
APPLICATION = """
    from opentelemetry import metrics, trace
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from periskope_async.testing import FakePeriskope
    from periskope_sync import PeriskopeClient

    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint="{url}/v1/traces")))
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint="{url}/v1/metrics"))
    meters = MeterProvider([reader], shutdown_on_exit=False)
    trace.set_tracer_provider(provider)
    metrics.set_meter_provider(meters)
    with FakePeriskope(api_key="CANARY-key-0123456789", rate_limit="1000/60s") as fake:
        fake.faults.add("503", times=1)
        with PeriskopeClient(fake.api_key, base_url=fake.base_url, tracing=True, phone="919876512345") as client:
            client.tickets.get("BKT-001")
            client.tickets.get_many(["BKT-002", "BKT-404404"])
        assert fake.counts == {{"503": 1}}
        assert fake.calls == 4
    provider.shutdown()
    meters.shutdown()
"""


class Received:
    """What came by OTLP, decoded."""

    def __init__(self) -> None:
        self.spans: list[Any] = []
        self.metrics: dict[str, list[Any]] = defaultdict(list)
        self.raw = b""

    def take(self, path: str, body: bytes) -> None:
        """Decode one request."""
        self.raw += body
        if path == "/v1/traces":
            traces = ExportTraceServiceRequest.FromString(body)
            self.spans += [span for each in traces.resource_spans for scope in each.scope_spans for span in scope.spans]
            return
        measured = ExportMetricsServiceRequest.FromString(body)
        for each in measured.resource_metrics:
            for scope in each.scope_metrics:
                for metric in scope.metrics:
                    self.metrics[metric.name].append(metric)


@contextmanager
def receiving(received: Received) -> Iterator[str]:
    """Be the far end of OTLP over HTTP; give the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            received.take(self.path, gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join(PATIENCE)


@contextmanager
def collecting(target: str, log: Path) -> Iterator[str]:
    """Run a collector that passes on what it gets to *target*; give its URL."""
    spec = find_spec("rotel")
    if spec is None or not spec.submodule_search_locations:
        pytest.skip("no collector is installed (rotel)")
    http_port, grpc_port = free_port(), free_port()
    command = [Path(spec.submodule_search_locations[0]) / "rotel-agent", "start"]
    options = {
        "--otlp-http-endpoint": f"127.0.0.1:{http_port}",
        "--otlp-grpc-endpoint": f"127.0.0.1:{grpc_port}",
        "--exporter": "otlp",
        **{f"--otlp-exporter-{kind}-endpoint": f"{target}/v1/{kind}" for kind in ("traces", "metrics", "logs")},
        "--otlp-exporter-protocol": "http",
        "--batch-timeout": "50ms",
    }
    with log.open("wb") as out:
        words = [word for pair in options.items() for word in pair]
        process = subprocess.Popen([*command, *words], stdout=out, stderr=out, env={"PATH": os.environ["PATH"]})
        try:
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                assert process.poll() is None, log.read_text("utf-8", "replace")
                with suppress(OSError), socket.create_connection(("127.0.0.1", http_port), 1):
                    break
                time.sleep(0.02)
            yield f"http://127.0.0.1:{http_port}"
        finally:
            process.terminate()  # and it passes on what it still holds
            try:
                process.wait(PATIENCE)
            finally:
                process.kill()
                process.wait()


def check(received: Received) -> None:
    """Insist that all of it came, and nothing private."""
    spans = {span.name: span for span in received.spans}
    names = ["GET /tickets/{ticket_id}"] * 3 + ["periskope run tickets.get"]
    assert sorted(span.name for span in received.spans) == names
    run = spans["periskope run tickets.get"]
    assert sum(span.parent_span_id == run.span_id for span in received.spans) == 2
    assert sum(span.kind == 3 for span in received.spans) == 3  # CLIENT
    assert sum(len(span.events) for span in received.spans) == 1
    assert sum(span.status.code == 2 for span in received.spans) == 1  # ERROR: the 404
    durations = received.metrics["http.client.request.duration"][-1].histogram.data_points
    assert sum(point.count for point in durations) == 4
    assert received.metrics["periskope.retries"][-1].sum.data_points[0].as_int == 1
    assert received.metrics["periskope.rate_limit.limit"][-1].gauge.data_points[0].as_int == 1_000
    assert not any(private in received.raw for private in (b"CANARY", b"9876512345", b"BKT-"))


def test_a_receiver() -> None:
    """Spans and metrics arrive by OTLP as protobuf, whole, with nothing private in them."""
    received = Received()
    with receiving(received) as url:
        done = run_python(APPLICATION.format(url=url), timeout=PATIENCE)
    assert (done.returncode, done.stderr) == (0, "")
    check(received)


def test_a_collector(tmp_path: Path) -> None:
    """A real collector takes them, and passes them on the same."""
    received, log = Received(), tmp_path / "log"
    with receiving(received) as target:
        with collecting(target, log) as url:
            done = run_python(APPLICATION.format(url=url), timeout=PATIENCE)
        assert (done.returncode, done.stderr) == (0, "")
    check(received)
