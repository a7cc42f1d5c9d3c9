"""The public surface of both packages: what they export, what they promise about it, and what importing them costs."""

import ast
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
from periskope_async import PeriskopeError, _exports, errors, models
from tests.support import ROOT, each_of, run_python

PACKAGES = [periskope_async, periskope_sync]
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


def imported_for_checkers(path: Path) -> dict[str, set[str]]:
    """Return what a file imports from modules of ours for type checkers alone, by module."""
    (guarded,) = [
        node
        for node in ast.parse(path.read_text("utf-8")).body
        if isinstance(node, ast.If)
        and ast.unparse(node.test).endswith("TYPE_CHECKING")
        and not ast.unparse(node.test).startswith("not")
    ]
    found: dict[str, set[str]] = {}
    for node in guarded.body:
        if isinstance(node, ast.ImportFrom) and node.module:
            found.setdefault(node.module, set()).update(alias.name for alias in node.names)
    return found


def test_what_is_exported_is_said_the_same_to_all() -> None:
    """Type checkers, `import *` and the interpreter find the same names in the same modules."""
    table = {f"periskope_async.{module}": set(names) for module, names in _exports.NAMES.items()}
    of_models: dict[str, set[str]] = {}
    for name, module in models.WHERE.items():
        of_models.setdefault(module, set()).add(name)
    table |= of_models
    assert imported_for_checkers(Path(models.__file__)) == of_models
    assert sorted(models.__all__) == sorted(name for names in of_models.values() for name in names)
    assert imported_for_checkers(Path(_exports.__file__)) == table
    assert sorted(_exports.__all__) == sorted(name for names in table.values() for name in names)
    assert _exports.__all__ == in_order(_exports.__all__)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_what_a_package_adds_is_said_the_same_to_all(package: ModuleType) -> None:
    """Beside what both packages export, each exports its client and its resources, to type checkers too."""
    own = imported_for_checkers(Path(package.__path__[0], "__init__.py"))
    assert own.pop("periskope_async._exports") == {"*"}
    assert set().union(*own.values()) == set(package.__all__) - set(_exports.__all__)
    for module, names in own.items():
        for name in names:
            assert getattr(package, name) is getattr(importlib.import_module(module), name)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda package: package.__name__)
def test_a_package_lists_and_gives_what_it_exports(package: ModuleType) -> None:
    """`dir()`, `import *` and autocompletion see every name before anybody has asked for it."""
    code = f"""
import {package.__name__} as package
assert set(package.__all__) <= set(dir(package)), "not listed"
assert not set(package.__all__) & set(vars(package)), "imported too early"
space = {{}}
exec("from {package.__name__} import *", space)
assert set(package.__all__) <= set(space), "not there"
assert set(package.__all__) <= set(vars(package)), "not kept"
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=30, check=True)


@pytest.mark.parametrize(
    ("line", "loaded"),
    [
        ("import periskope_async", set()),
        ("import periskope_sync", set()),
        ("from periskope_async import NotFoundError", {"errors"}),
        ("from periskope_sync import TicketStatus", {"models", "_codec", "_deferred", "errors"}),
        ("import periskope_async; periskope_async.errors.ApiError", {"errors"}),
    ],
)
def test_nothing_is_loaded_that_nobody_asked_for(line: str, loaded: set[str]) -> None:
    """A name loads the module it is in and what that needs: no client for an error, no models for nothing."""
    code = f"import sys; {line}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    parts = [name.split(".") for name in done.stdout.split() if name.startswith("periskope_async.")]
    assert {part[1] for part in parts} == {"_exports", "_lazy", "models"} | loaded


def test_one_ticket_loads_no_model_of_anything_else() -> None:
    """A ticket needs the short forms of its chat and messages, and neither those in full nor rows and pages."""
    code = "import sys; from periskope_async import TicketInfo; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=True
    )
    loaded = {name for name in done.stdout.split() if name.startswith("periskope_async.models.")}
    assert loaded == {"periskope_async.models.infos", "periskope_async.models.tickets"}


def loaded_by_resources() -> dict[str, list[str]]:
    """Return what each attribute of a client loads when it is first asked for, and `""` what the client does before."""
    code = """
        import os, sys
        before = set(sys.modules)  # coverage is among them, and what it needs, where it measures
        from periskope_async import PeriskopeClient
        client = PeriskopeClient("test-key-0123456789")
        print(":", *set(sys.modules) - before, flush=True)
        for name in dir(PeriskopeClient):
            if type(vars(PeriskopeClient).get(name)).__name__ == "Resource":
                before = set(sys.modules)
                if os.fork() == 0:
                    getattr(client, name)
                    print(f"{name}:", *set(sys.modules) - before, flush=True)
                    os._exit(0)
                os.wait()
    """
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    lines = (each.partition(":") for each in done.stdout.splitlines())
    return {name: modules.split() for name, _, modules in lines}


def test_a_client_loads_the_resource_that_is_asked_for_and_no_other() -> None:
    """A client is made without any resource or model; one that is asked for brings those alone that its calls need."""
    loaded = loaded_by_resources()

    def of(name: str, folder: str) -> set[str]:
        start = f"periskope_async.{folder}."
        found = {each.removeprefix(start) for each in loaded[name] if each.startswith(start)}
        return {each for each in found if not each.startswith("_")}

    assert (of("", "resources"), of("", "models")) == (set(), set())
    resources = {name: of(name, "resources") for name in loaded if name}
    assert len(resources) == 15
    assert {name: found - {name} for name, found in resources.items() if found != {name}} == {
        "messages": {"queue"},  # in which it looks for what was sent
    }
    assert {"html", "html.entities"} & {each for found in loaded.values() for each in found} == set()
    rows = {"chats", "infos", "messages", "pages", "reactions"}  # a row may hold its chat, with its newest message
    assert of("tickets", "models") == {*rows, "audit_logs", "ticket_rows", "tickets"}
    assert of("phones", "models") == {"phones", "qr_images"}
    assert of("tasks", "models") == {"pages", "tasks"}


def test_a_module_is_found_in_its_package_without_an_import_of_its_own() -> None:
    """`periskope_async.errors` is there after `import periskope_async`; private modules and misspelt ones are not."""
    code = """
import periskope_async, periskope_sync
assert periskope_async.errors.ApiError is periskope_sync.ApiError
assert periskope_async.models.Ticket is periskope_sync.Ticket
assert periskope_sync.client.PeriskopeClient is periskope_sync.PeriskopeClient
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=30, check=True)
    for package in PACKAGES:
        for name in ("_codecs", "tickets_", "__wrapped__"):
            with pytest.raises(AttributeError, match=name):
                getattr(package, name)
    for package, name in ((periskope_sync, "errors"), (models, "__version__")):
        with pytest.raises(AttributeError, match=name):
            getattr(package, name)


@each_of("module", list(public_modules()))
def test_all_of_every_public_module(module: ModuleType) -> None:
    """Every public module says what is public in it, sorted, and has all of it."""
    names = module.__all__
    assert names == in_order(names)
    assert all(hasattr(module, name) for name in names)


@each_of("name", errors.__all__)
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
    """`__version__` is the installed version, loaded when somebody asks; other unknown names stay unknown."""
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
