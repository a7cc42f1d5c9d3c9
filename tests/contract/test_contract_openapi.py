"""The OpenAPI description of what the fake serves, and schemathesis over the two of them."""

import json
import os
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from periskope_async.testing import FakePeriskope

DESCRIPTION = resources.files("periskope_async.testing") / "openapi.json"

#: Where schemathesis is: what SCHEMATHESIS names, else the first on PATH. It has many dependencies, so it lives in an
#: environment of its own: `uv tool install schemathesis`.
SCHEMATHESIS = shutil.which(os.environ.get("SCHEMATHESIS", "schemathesis"))

#: Left out: a method that is not described answers 404 as Express does, where this check wants 405.
LEFT_OUT = "unsupported_method"


def described() -> dict[str, Any]:
    """The description."""
    return json.loads(DESCRIPTION.read_bytes())


def test_every_operation_is_described() -> None:
    """The four operations on tickets are described, with every status the fake gives."""
    operations = {
        operation["operationId"]: set(operation["responses"])
        for path in described()["paths"].values()
        for operation in path.values()
        if isinstance(operation, dict)
    }
    assert operations == {
        "getTickets": {"200", "401", "422", "429"},
        "getTicketById": {"200", "401", "404", "429"},
        "createTicket": {"200", "401", "404", "422", "429"},
        "updateTicket": {"200", "401", "404", "422", "429"},
    }


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not SCHEMATHESIS, reason="NOT TESTED: schemathesis over the fake; name it in SCHEMATHESIS")
def test_schemathesis(tmp_path: Path) -> None:
    """Of a thousand generated requests none ends in a server error, nor outside the description."""
    assert SCHEMATHESIS
    with FakePeriskope(200) as fake:
        run = subprocess.run(
            [
                SCHEMATHESIS,
                "run",
                str(DESCRIPTION),
                *("--url", fake.base_url),
                *("--header", f"Authorization: Bearer {fake.api_key}"),
                *("--checks", "all", "--exclude-checks", LEFT_OUT),
                *("--seed", "1", "--max-examples", "50", "--continue-on-failure", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert run.returncode == 0, run.stdout + run.stderr
        assert fake.calls > 500
        assert {request.status for request in fake.requests} == {200, 401, 404, 422}
