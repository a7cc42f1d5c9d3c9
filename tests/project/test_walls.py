"""The walls between folders: the contracts of pyproject.toml hold, and each of them fails a wrong import."""

import subprocess
import sys
import tomllib
from pathlib import Path
from shutil import copy, copytree, ignore_patterns

import pytest

pytest.importorskip("importlinter", reason="import-linter is not installed")

ROOT = Path(__file__).parents[2]
PACKAGES = ("periskope_async", "periskope_sync")
CONTRACTS = {
    contract["id"]: contract["name"]
    for contract in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
}

#: An import that each contract forbids, with the file it is written into.
WRONG = [
    ("floors", "periskope_async/_sansio/window.py", "from periskope_async import settings"),
    ("floors", "periskope_async/_sansio/window.py", "from periskope_async._codec import marks"),
    ("floors", "periskope_async/settings.py", "from periskope_async.integrations import redis"),
    ("floors", "periskope_async/afterthought.py", ""),
    ("twin-floors", "periskope_sync/notebook.py", "from periskope_sync import client"),
    ("circles", "periskope_async/_sansio/window.py", "from periskope_async._sansio import ledger"),
    ("circles", "periskope_async/cli/text.py", "def late():\n    from periskope_async.cli import app"),
    ("twin", "periskope_async/resources/tickets.py", "import periskope_sync"),
    ("pure", "periskope_async/_sansio/window.py", "import time"),
    ("pure", "periskope_async/errors.py", "import asyncio"),
    ("codec", "periskope_async/_codec/fields.py", "from urllib.parse import quote"),
    ("io", "periskope_async/_io/timeouts.py", "from periskope_async import models"),
    ("fake", "periskope_async/testing/_http.py", "from periskope_async._io import http"),
    ("aiohttp", "periskope_async/_io/timeouts.py", "import aiohttp"),
    ("aiohttp", "periskope_async/cli/running.py", "if TYPE_CHECKING:\n    from yarl import URL"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Give a copy of both packages and of the contracts, with one folder more, which is still to come."""
    for package in PACKAGES:
        copytree(ROOT / package, tmp_path / package, ignore=ignore_patterns("__pycache__"))
    copy(ROOT / "pyproject.toml", tmp_path)
    integrations = tmp_path / "periskope_async" / "integrations"
    integrations.mkdir(exist_ok=True)
    (integrations / "__init__.py").touch()
    (integrations / "redis.py").touch()
    return tmp_path


def broken(tree: Path) -> set[str]:
    """Return the ids of the contracts that *tree* breaks."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(command, cwd=tree, capture_output=True, text=True, timeout=50, check=False)
    found = {id_ for id_, name in CONTRACTS.items() if f"\n{name} BROKEN" in done.stdout}
    kept = {id_ for id_, name in CONTRACTS.items() if f"\n{name} KEPT" in done.stdout}
    assert found | kept == CONTRACTS.keys(), done.stdout + done.stderr
    assert done.returncode == bool(found)
    return found


def test_the_tree_keeps_every_contract(tree: Path) -> None:
    """No import of the packages goes through a wall."""
    assert broken(tree) == set()


@pytest.mark.slow  # an interpreter for each
@pytest.mark.parametrize(("contract", "file", "line"), WRONG)
def test_a_wrong_import_breaks_its_contract(tree: Path, contract: str, file: str, line: str) -> None:
    """An import through a wall is found, also under TYPE_CHECKING and in a function."""
    with (tree / file).open("a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    assert contract in broken(tree)


def test_every_contract_is_tried() -> None:
    """Each contract of pyproject.toml has a wrong import here."""
    assert {contract for contract, _, _ in WRONG} == CONTRACTS.keys()
