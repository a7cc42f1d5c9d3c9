"""Nothing of the async package is without its twin, and no twin says anything of its own."""

import importlib.metadata
import inspect
import pkgutil
import re
from collections.abc import Callable
from importlib import import_module
from types import FunctionType

import pytest

import periskope_async
import periskope_async.resources
import periskope_sync
import periskope_sync.client
import periskope_sync.resources
from periskope_sync._bridge import Facade
from tests.support import each_of

#: What a twin is called where the async name says that it is awaited.
RENAMED = {"aclose": "close", "__aenter__": "__enter__", "__aexit__": "__exit__"}
#: Arguments that a blocking client cannot have: they belong to an event loop of the caller's.
ASYNC_ONLY = {"session"}


def resources() -> dict[str, type]:
    """Return the resource classes that the async package has, by name."""
    found: dict[str, type] = {}
    for module in pkgutil.iter_modules(periskope_async.resources.__path__, "periskope_async.resources."):
        if "._" not in module.name:
            members = vars(import_module(module.name))
            found |= {name: members[name] for name in members["__all__"] if isinstance(members[name], type)}
    return found


RESOURCES = resources()
ORIGINALS = RESOURCES | {"PeriskopeClient": periskope_async.PeriskopeClient}


def twin_of(name: str) -> type:
    """Return the twin of an async class."""
    return getattr(periskope_sync.resources if name in RESOURCES else periskope_sync, name)


def public(cls: type) -> dict[str, object]:
    """Return the members that *cls* shows to its users, under the name the blocking twin has for them."""
    shown = {name: value for name, value in vars(cls).items() if not name.startswith("_") or name in RENAMED}
    named = {name for base in cls.__mro__ for name in getattr(base, "__annotations__", {}) if not name.startswith("_")}
    return {RENAMED.get(name, name): value for name, value in (dict.fromkeys(named) | shown).items()}


METHODS = [
    (name, method, original)
    for name, cls in ORIGINALS.items()
    for method, original in public(cls).items()
    if isinstance(original, FunctionType) and not method.startswith("_")
]


def test_resources_are_found() -> None:
    """What these tests go by is there: at least the tickets and their seven methods."""
    assert {"get", "get_many", "stream", "list_page", "create", "update", "list"} <= set(public(RESOURCES["Tickets"]))


def test_same_public_names() -> None:
    """Both packages export the same names, and all but the client and its resources are the same objects."""
    assert periskope_sync.__all__ == periskope_async.__all__
    for name in periskope_async.__all__:
        same = getattr(periskope_sync, name) is getattr(periskope_async, name)
        assert same != (name in ORIGINALS), name


def test_version() -> None:
    """The version is the distribution's; other unknown names stay unknown."""
    assert periskope_sync.__version__ == importlib.metadata.version("periskope")
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = periskope_sync.no_such_name


def test_every_resource_has_its_twin() -> None:
    """The page of twins has a class for each resource of the async package, and no other."""
    page = [name for name, value in vars(periskope_sync.resources).items() if isinstance(value, type)]
    own = [name for name in page if getattr(periskope_sync.resources, name).__module__ == "periskope_sync.resources"]
    assert sorted(own) == sorted(RESOURCES)
    assert sorted(periskope_sync.resources.__all__) == sorted(RESOURCES)
    assert all(issubclass(twin_of(name), Facade) for name in RESOURCES)


@each_of("name", ORIGINALS)
def test_same_members(name: str) -> None:
    """A twin has every public member of its original and no other."""
    entered = {"__enter__", "__exit__"}
    original, twin = ORIGINALS[name], twin_of(name)
    assert set(public(twin)) - entered == set(public(original)) - entered
    assert entered & set(vars(twin)) == entered & set(public(original))


@each_of(("name", "method", "original"), METHODS)
def test_each_twin_wraps_its_own_original(name: str, method: str, original: Callable[..., object]) -> None:
    """Each method is made of the async method of the same name, with its signature, its docstring and its own name."""
    twin = vars(twin_of(name))[method]
    assert method in RENAMED.values() or twin.__wrapped__ is original
    assert inspect.signature(twin) == inspect.signature(original)
    assert inspect.getdoc(twin) == inspect.getdoc(original) != ""
    assert (twin.__module__, twin.__qualname__) == (twin_of(name).__module__, f"{name}.{method}")
    assert not inspect.iscoroutinefunction(twin)


def test_client_reaches_the_twin_of_each_resource() -> None:
    """Where the async client has a resource, the blocking one has its twin, made when it is first touched, once."""
    async_, blocking = periskope_async.PeriskopeClient("key"), periskope_sync.PeriskopeClient("key")
    reached = {name: type(getattr(async_, name, None)) for name in public(periskope_async.PeriskopeClient)}
    reached = {name: cls for name, cls in reached.items() if cls in RESOURCES.values()}
    assert {cls.__name__ for cls in reached.values()} == set(RESOURCES)
    for name, cls in reached.items():
        for package in (periskope_async, periskope_sync):  # what `help()` shows
            assert getattr(package.PeriskopeClient, name).__doc__.endswith(".")
        assert name not in vars(blocking)
        assert type(getattr(blocking, name)) is twin_of(cls.__name__)
        assert getattr(blocking, name) is getattr(blocking, name)


def test_same_constructor() -> None:
    """The clients are made alike, but for what belongs to an event loop of the caller's."""
    async_ = inspect.signature(periskope_async.PeriskopeClient).parameters
    shared = {name: parameter for name, parameter in async_.items() if name not in ASYNC_ONLY}
    sync = inspect.signature(periskope_sync.PeriskopeClient).parameters
    assert sync == shared
    assert list(sync) == list(shared)


def arguments(doc: str) -> dict[str, str]:
    """Return what the `Args:` of a docstring say, by argument."""
    (section,) = re.findall(r"^Args:\n((?: .*\n|\n)*)", inspect.cleandoc(doc) + "\n", re.MULTILINE)
    entries: list[tuple[str, str]] = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE)
    return {name: " ".join(text.split()) for name, text in entries}


def test_constructor_is_described_alike() -> None:
    """Each argument is described, in the words of the async client as far as they hold here."""
    original = arguments(periskope_async.PeriskopeClient.__doc__ or "")
    blocking = arguments(periskope_sync.PeriskopeClient.__doc__ or "")
    assert list(blocking) == list(inspect.signature(periskope_sync.PeriskopeClient).parameters)
    for name, text in blocking.items():
        assert original[name].startswith(text.removesuffix("."))


def test_constructor_passes_all_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every argument reaches the async client under its own name, the key concealed."""
    seen: dict[str, object] = {}

    def record(api_key: object, **settings: object) -> None:
        seen.update(settings, api_key=api_key)

    monkeypatch.setattr(periskope_sync.client, "_Blocked", record)
    wanted = {name: object() for name in inspect.signature(periskope_sync.PeriskopeClient).parameters}
    wanted["proxy"] = "http://proxy:1"  # concealed too, for it may hold a password
    periskope_sync.PeriskopeClient(**wanted | {"api_key": "key"})  # type: ignore[arg-type]  # they are only passed on
    key = seen.pop("api_key")
    del wanted["api_key"]
    assert seen == wanted
    assert key == "key"
    assert "key" not in repr(key)
