"""A service without a socket, for the tests of what it answers."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from periskope_async.testing import Assumptions, Request
from periskope_async.testing._service.answers import Answer
from periskope_async.testing._service.collection import Objects
from periskope_async.testing._service.service import Service

NOW = 1_740_000_000.25
KEY = "Authorization: Bearer key"


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Service:
    """A service of 150 tickets; a test can hand it other `Assumptions`."""
    assumptions = getattr(request, "param", None) or Assumptions()
    return Service(150, seed=0, api_key="key", assumptions=assumptions, now=lambda: NOW)


@pytest.fixture
def tickets(service: Service) -> Objects:
    """The tickets of the service."""
    return service.state.objects["tickets"]


@pytest.fixture
def chats(service: Service) -> Objects:
    """The chats of the service."""
    return service.state.objects["chats"]


@pytest.fixture
def ask(service: Service) -> Callable[..., Answer]:
    """Ask the service: `ask("GET", "/tickets/BKT-001")`."""

    def asking(method: str, path: str, body: Any = None, *fields: str) -> Answer:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else b""
        return service.answer(Request(method, f"/v1{path}", "\r\n".join((KEY, *fields)).encode(), raw))

    return asking
