"""What several test modules share. It must not know what they test."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from periskope_async._sansio.operation import Request

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
BATCH = 25

#: Whatever a server may put into a header, lone surrogates included: so aiohttp decodes bytes that are not UTF-8.
any_text = st.text(st.characters(exclude_categories=()))


class Recorder:
    """In the place of a caller: keeps what it is to send, and sends nothing."""

    def __init__(self) -> None:
        self.requests: list[Request[Any]] = []

    async def call(self, request: Request[Any]) -> None:
        """Keep *request*."""
        self.requests.append(request)


async def request_of(resource: type[Any], method: str, *args: Any, **kwargs: Any) -> Request[Any]:
    """Return the one request that a method of a resource would send."""
    recorder = Recorder()
    await getattr(resource(recorder), method)(*args, **kwargs)
    (request,) = recorder.requests
    return request


def many(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[list[T]]:
    """Draw a batch of cases: Hypothesis spends most of its time between examples."""
    return st.lists(strategy, min_size=BATCH, max_size=BATCH, unique_by=repr)


def cases(count: int) -> Callable[[T], T]:
    """Let a test of batches that `many` draws see so many cases."""
    return settings(max_examples=count // BATCH, deadline=None, suppress_health_check=[HealthCheck.large_base_example])


def run_python(code: str, *options: str, timeout: float = 30.0) -> subprocess.CompletedProcess[str]:
    """Run *code* in an interpreter of its own, which is killed after *timeout* seconds."""
    return subprocess.run(
        [sys.executable, *options, "-c", dedent(code)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
