"""Every `python` block of the README and of docs/ runs alone, against a fake service the environment points to."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Example, Sybil
from sybil.evaluators.python import PythonEvaluator
from sybil.parsers.markdown import CodeBlockParser, SkipParser

from periskope_async.testing import FakePeriskope
from tests.support import some

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
#: Packages that recipes are for.
OTHERS = re.compile(r"^(?:import|from) (opentelemetry|prometheus_client|sentry_sdk|structlog)\b", re.MULTILINE)
PAGES = [page for page in (README, *sorted((ROOT / "docs").rglob("*.md"))) if "```python" in page.read_text("utf-8")]


def run_block(example: Example) -> None:
    """Run a block in a namespace of its own; one that defines tests becomes a test file in the working directory.

    What shows the use of another package is for `test_recipes`, which runs it in a process of its own.
    """
    if OTHERS.search(example.parsed):
        return
    if re.search(r"^(async )?def test_", example.parsed, re.MULTILINE):
        Path(f"test_line_{example.line}.py").write_text(example.parsed, "utf-8")
    else:
        example.document.namespace.clear()
        example.document.namespace["__name__"] = "__main__"
        PythonEvaluator()(example)


def run_tests() -> None:
    """Run the test files in the working directory under a pytest of their own, as somebody's who installed us."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:looptime_plugin", "--import-mode=importlib"]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


PARSE = Sybil([CodeBlockParser("python", run_block), SkipParser()]).parse


@pytest.mark.parametrize("page", some(PAGES, ROOT / "README.md"), ids=lambda page: page.stem)
def test_examples(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who copies any one block of a page, with a key in the environment, meets no error."""
    monkeypatch.chdir(tmp_path)
    with FakePeriskope(tickets=50) as fake:
        monkeypatch.setenv("PERISKOPE_API_KEY", fake.api_key)
        monkeypatch.setenv("PERISKOPE_WEBHOOK_KEY", "whsec_test")
        monkeypatch.setenv("PERISKOPE_BASE_URL", fake.base_url)
        document = PARSE(page)
        for example in document.examples():
            example.evaluate()
    if any(tmp_path.glob("test_*.py")):
        run_tests()


def test_the_readme_shows_code() -> None:
    """The README has blocks for `test_examples` to run."""
    assert README in PAGES


def test_first_block() -> None:
    """The README opens with exactly two commands, one that shows the thing and one that tests it."""
    first = re.search(r"^```\w+\n(.*?)\n```", README.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert first
    show, test = first[1].splitlines()
    assert show.endswith("periskope demo")
    assert "-m pytest" in test
