"""What several test modules share. It must not know what they test."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

T = TypeVar("T")

ROOT = Path(__file__).parents[1]
BATCH = 25

#: Whatever a server may put into a header, lone surrogates included: so aiohttp decodes bytes that are not UTF-8.
any_text = st.text(st.characters(exclude_categories=()))


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
