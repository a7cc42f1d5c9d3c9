"""What a test does with the objects of one resource: `fake.tickets`, `fake.chats`."""

from typing import Any

from periskope_async.testing._json import Json
from periskope_async.testing._service.collection import Objects

__all__ = ["FakeObjects"]


class FakeObjects:
    """The objects of one resource of a fake; whatever is done to them, the service serves from then on.

    Ids are those that the service answers: of a chat, with `@c.us`.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def __repr__(self) -> str:
        return f"<{self.count} {self._objects.resource.plural} of a FakePeriskope>"

    @property
    def ids(self) -> tuple[str, ...]:
        """Every object's id, oldest first."""
        return self._objects.ids()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._objects.ids())

    def get(self, resource_id: str) -> Json:
        """The object as the service serves it: the parsed body of its GET.

        Raises:
            KeyError: it knows no such object.
        """
        return self._objects.get(resource_id)

    def put(self, body: Json) -> str:
        """Add an object in the form of the body of its GET, or replace one; its id.

        Raises:
            KeyError: *body* has no id.
        """
        return self._objects.put(body)

    def change(self, resource_id: str, **fields: Any) -> None:
        """Change fields of an object: `fake.chats.change(chat_id, chat_name="Parcels")`. Nothing is checked.

        Raises:
            KeyError: it knows no such object.
        """
        self._objects.change(resource_id, **fields)

    def remove(self, resource_id: str) -> None:
        """Forget an object: it answers as if it had never been."""
        self._objects.remove(resource_id)
