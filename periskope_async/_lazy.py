"""Packages whose names are imported when they are first asked for."""

from collections.abc import Callable, Mapping
from importlib import import_module

__all__ = ["Lazy", "lazy"]

Lazy = tuple[list[str], Callable[[str], object], Callable[[], list[str]]]


def lazy(package: str, where: Mapping[str, str]) -> Lazy:
    """Return the `__all__`, `__getattr__` and `__dir__` of a package that imports a name when it is first asked for.

    So nobody waits for the models and resources that they do not use. Checkers must not see these: they would take the
    one for an empty list, and by the other every misspelt name for one that is there.

    Args:
        package: its name.
        where: the module of each name.
    """
    inside = len(package) + 1
    public = {module[inside:].partition(".")[0] for module in where.values() if module.startswith(f"{package}.")}
    exported = import_module(package)

    def load(name: str) -> object:
        if name in where:
            value = getattr(import_module(where[name]), name)
        elif name in public and not name.startswith("_"):  # a module of ours, as `periskope_async.errors`
            value = import_module(f"{package}.{name}")
        elif name == "__version__" and "." not in package:
            from periskope_async._version import VERSION

            return VERSION
        else:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        setattr(exported, name, value)
        return value

    def listed() -> list[str]:
        return sorted({*vars(exported), *where})

    return sorted(where, key=lambda name: (name[0].islower(), name)), load, listed
