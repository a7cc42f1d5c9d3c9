"""How a blocking client has its resources: the twin of `periskope_async.resources._attribute`."""

from importlib import import_module
from typing import Any, TypeVar

from periskope_async.resources._attribute import Resource
from periskope_sync._refusals import unless_exiting

__all__ = ["Twin"]

R = TypeVar("R")


class Twin(Resource[R]):
    """A resource as an attribute of the blocking client: the class of the same name, around the async client's own."""

    def _made(self, client: Any, name: str) -> R:
        with unless_exiting():
            original = getattr(client._async, name)  # noqa: SLF001  # what it is the face of
            twins = import_module("periskope_sync.resources")
            made: R = getattr(twins, type(original).__name__)(original)
            return made
