"""What callers of an application get to see of an error that it met."""

from typing import Any

import pytest

import periskope_async.errors
from periskope_async import (
    AuthenticationError,
    ClientClosedError,
    ConfigurationError,
    DeadlineExceeded,
    DecodeError,
    NotFoundError,
    PeriskopeError,
    RateLimitError,
    ServerError,
    ValidationError,
    answer_for,
)
from tests.support import each_of


def failure(cls: type[PeriskopeError], **facts: Any) -> PeriskopeError:
    """Return an error as calls raise it."""
    return cls("why", facts)


@each_of(
    ("error", "answer"),
    [
        (failure(NotFoundError, status=404), (404, "why", {})),
        (failure(ConfigurationError), (400, "why", {})),
        (failure(ValidationError, status=422), (400, "why", {})),
        (failure(AuthenticationError, status=401), (500, "Internal Server Error", {})),
        (failure(RateLimitError, retryable=True, retry_after=2.1), (503, "Service Unavailable", {"Retry-After": "3"})),
        (failure(RateLimitError, retryable=True, retry_after=0), (503, "Service Unavailable", {"Retry-After": "0"})),
        (failure(DeadlineExceeded, retryable=True), (503, "Service Unavailable", {"Retry-After": "5"})),
        (failure(ClientClosedError), (503, "Service Unavailable", {"Retry-After": "5"})),
        (failure(ServerError, retryable=True, maybe_sent=True), (502, "Bad Gateway", {})),
        (failure(DecodeError), (502, "Bad Gateway", {})),
    ],
)
def test_answer(error: PeriskopeError, answer: tuple[int, str, dict[str, str]]) -> None:
    """Only a caller's own mistake is answered with its reason; what may succeed later says when."""
    assert answer_for(error) == answer


@pytest.mark.parametrize("name", periskope_async.errors.__all__)
def test_every_error_has_an_answer(name: str) -> None:
    """Whatever the class, the answer is an error, and of ours it shows nothing."""
    status, detail, _ = answer_for(failure(getattr(periskope_async.errors, name)))
    assert 400 <= status < 600
    assert (detail == "why") == (status < 500)
