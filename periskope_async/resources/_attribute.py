"""How a client has its resources: each is imported and made when it is first asked for."""

from importlib import import_module
from typing import Any, Generic, Self, TypeVar, overload

from periskope_async._io.shortage import importing

__all__ = ["Resource"]

R = TypeVar("R")


class Resource(Generic[R]):
    """A resource as an attribute of the client's class: who wants tickets does not pay for forty models.

    An attribute `knowledge_base` is the class `KnowledgeBase` of `resources/knowledge_base.py`.
    """

    _name: str

    def __init__(self, doc: str) -> None:
        self.__doc__ = doc

    def __set_name__(self, owner: type[object], name: str) -> None:
        self._name = name

    @overload
    def __get__(self, client: None, owner: type[object], /) -> Self: ...

    @overload
    def __get__(self, client: object, owner: type[object], /) -> R: ...

    def __get__(self, client: Any, owner: type[object], /) -> Self | R:
        if client is None:
            return self
        made: dict[str, Any] = client.__dict__
        # Threads that ask at once are handed the same one, and from then on the client has it without asking here.
        with importing():
            resource: R = made.setdefault(self._name, self._made(client, self._name))
        return resource

    def _made(self, client: Any, name: str) -> R:
        module = import_module(f"periskope_async.resources.{name}")
        made: R = getattr(module, name.title().replace("_", ""))(client._caller)  # noqa: SLF001  # what it needs
        return made
