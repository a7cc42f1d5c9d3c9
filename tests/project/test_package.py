"""The public surface of both packages: what they export, what they promise about it, and what importing them costs."""

import importlib
import importlib.metadata
import pkgutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import periskope_async
import periskope_sync
from periskope_async import PeriskopeError, errors

PACKAGES = [periskope_async, periskope_sync]
ROOT = Path(__file__).parents[2]
HEAVY = {"aiohttp", "cyclopts", "msgspec", "pyarrow", "pytest", "rich", "uvloop"}


def public_modules() -> Iterator[ModuleType]:
    """Every module of both packages whose dotted name has no private part and which no extra guards."""
    for package in PACKAGES:
        yield package
        for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if "._" not in found.name and not found.name.startswith("periskope_async.cli"):
                yield importlib.import_module(found.name)


def in_order(names: Iterable[str]) -> list[str]:
    """Sort names as ruff's RUF022 does: CONSTANTS, then Classes, then functions."""
    return sorted(set(names), key=lambda name: (not name.isupper(), name[0].islower(), name))


def imported_by(module: str) -> set[str]:
    """Return the heavy packages that a fresh interpreter holds after `import module`."""
    code = f"import sys; before = set(sys.modules); import {module}; print(*set(sys.modules) - before)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()} & HEAVY


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_all_is_the_public_surface(package: ModuleType) -> None:
    """`__all__` is sorted, and holds every public name of the package and no other."""
    names = package.__all__
    ours = {name for name, value in vars(package).items() if getattr(value, "__module__", "").startswith("periskope")}
    assert names == in_order(names)
    assert all(hasattr(package, name) for name in names)
    assert {name for name in ours if not name.startswith("_")} <= set(names)


@pytest.mark.parametrize("module", list(public_modules()), ids=lambda module: module.__name__)
def test_all_of_every_public_module(module: ModuleType) -> None:
    """Every public module says what is public in it, sorted, and has all of it."""
    names = module.__all__
    assert names == in_order(names)
    assert all(hasattr(module, name) for name in names)


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_has_the_one_base(name: str) -> None:
    """Each error is exported by both packages as the same class, and `except PeriskopeError` catches it."""
    error = getattr(errors, name)
    assert issubclass(error, PeriskopeError)
    assert all(getattr(package, name) is error for package in PACKAGES)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_no_public_exception_outside_the_tree(package: ModuleType) -> None:
    """Whatever a package exports and a caller can catch descends from `PeriskopeError`."""
    exported = [getattr(package, name) for name in package.__all__]
    raised = [value for value in exported if isinstance(value, type) and issubclass(value, BaseException)]
    assert raised
    assert all(issubclass(error, PeriskopeError) for error in raised)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_typed(package: ModuleType) -> None:
    """Each package ships `py.typed`, or type checkers would ignore its annotations."""
    assert Path(package.__path__[0], "py.typed").is_file()


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_version(package: ModuleType) -> None:
    """`__version__` is the installed version, looked up when somebody asks; other unknown names stay unknown."""
    assert "__version__" not in vars(package)
    assert package.__version__ == importlib.metadata.version("periskope")
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = package.no_such_name


@pytest.mark.parametrize("module", ["periskope_async", "periskope_sync", "periskope_async.testing"])
def test_import_is_light(module: str) -> None:
    """Importing a package loads neither the HTTP library nor anything an extra brings."""
    assert imported_by(module) == set()


def test_plugin_is_light() -> None:
    """The pytest plugin, which every user's test run imports, loads nothing heavy but the pytest that asked for it."""
    assert imported_by("periskope_async.testing.plugin") <= {"pytest"}
