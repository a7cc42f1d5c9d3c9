"""The recipes of docs/guides/observing.md at work: each block is run as it stands, and what came of it is looked at."""

import re
from pathlib import Path

import pytest

from periskope_async.testing import FakePeriskope, Fault
from tests.support import run_python, some

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "observing.md"

#: What is put before each block, and what must hold after it: one request of the call was answered 503.
CHECKS: dict[str, tuple[str, str]] = {
    "prometheus_client": (
        "",
        """
        from prometheus_client import REGISTRY
        value = REGISTRY.get_sample_value
        assert value("periskope_call_seconds_count", {"operation": "tickets.get", "error": "NoneType"}) == 1
        assert value("periskope_retries_total", {"operation": "tickets.get", "error": "ServerError"}) == 1
        assert value("periskope_rate_limit_remaining") == 98
        """,
    ),
    "opentelemetry": (
        "",
        """
        assert span.name == "GET /tickets/{ticket_id}"
        assert [event.name for event in span.events] == ["periskope.retry"]
        """,
    ),
    "structlog": (
        "from structlog.testing import capture_logs\nlogs = capture_logs()\nseen = logs.__enter__()",
        """
        assert [(line["event"], line["operation"]) for line in seen] == [
            ("RetryEvent", "tickets.get"), ("EndEvent", "tickets.get")
        ], seen
        assert "[503] Service unavailable" in str(seen[0]["error"])
        assert (seen[1]["attempts"], seen[1]["error"]) == (2, None)
        """,
    ),
    "sentry_sdk": (
        """
        import sentry_sdk
        sent = []
        # Without what looks for dozens of frameworks, and imports those it finds.
        options = {"default_integrations": False, "auto_enabling_integrations": False}
        sentry_sdk.init("http://key@127.0.0.1:9/1", before_send=lambda event, hint: sent.append(event), **options)
        """,
        """
        assert sent == []
        with PeriskopeClient(hooks=Hooks(on_retry=tried, on_end=ended), retries=1) as client:
            for ticket_id in ("BKT-404404", "BKT-002"):
                try:
                    client.tickets.get(ticket_id)
                except Exception:
                    pass
        (event,) = sent
        assert event["exception"]["values"][-1]["type"] == "ServerError"
        assert event["tags"] == {"periskope.operation": "tickets.get"}
        crumbs = [crumb["message"] for crumb in event["breadcrumbs"]["values"] if crumb["category"] == "periskope"]
        assert "[503] Service unavailable" in crumbs[-1], crumbs
        assert client._async._caller.settings.api_key.reveal("{}") not in str(event)
        """,
    ),
}
#: What is to be installed, where it is not called as what is imported first.
NAMES = {"opentelemetry": "opentelemetry.sdk"}


@pytest.mark.parametrize("package", some(CHECKS, "prometheus_client"))
def test_recipe(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recipe does what its page says, copied as it stands, and in ten lines but for imports and the call."""
    pytest.importorskip(NAMES.get(package, package), reason=f"{package} is not installed")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (block,) = [block for block in blocks if re.search(rf"^(?:import|from) {package}\b", block, re.MULTILINE)]
    before, after = CHECKS[package]
    with FakePeriskope(rate_limit="100/60s") as fake:
        fake.faults.add(Fault.STATUS_503, times=1, resource_id="BKT-001")
        fake.faults.add(Fault.STATUS_503, resource_id="BKT-002")
        monkeypatch.setenv("PERISKOPE_API_KEY", fake.api_key)
        monkeypatch.setenv("PERISKOPE_BASE_URL", fake.base_url)
        done = run_python(dedented(before) + block + dedented(after), timeout=55)
        assert done.returncode == 0, done.stderr
        assert fake.counts["503"] >= 1
    lines = [line for line in block.splitlines() if line and not line.startswith(("import", "from"))]
    assert len(lines) <= 10 + 2


def dedented(code: str) -> str:
    """Return code without the indentation of its place here."""
    return re.sub(r"^ {8}", "", code, flags=re.MULTILINE) + "\n"
