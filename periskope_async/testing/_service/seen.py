"""The objects of a resource as one phone sees them: its own, and those it shares. It must not know resources."""

from typing import Any, cast

from periskope_async.testing._json import Json
from periskope_async.testing._service.collection import Objects

__all__ = ["Seen", "is_of"]


def is_of(phone: str, item: Json) -> bool:
    """Whether an object is a phone's: it is the chat's only one, or one of them. Every one is where *phone* is `""`."""
    phones = item.get("chat_org_phones")
    return not phone or (phone in cast("list[str]", phones) if phones else item.get("org_phone") == phone)


class Seen(Objects):
    """What a phone sees of *whole*; what is put goes there.

    Args:
        whole: the objects of all phones.
        phone: as `<digits>@c.us`.
    """

    def __init__(self, whole: Objects, phone: str) -> None:
        self.resource = whole.resource
        self._lock = whole._lock  # noqa: SLF001  # of the same class
        self._whole = whole
        self._phone = phone

    def ids(self) -> tuple[str, ...]:
        """The id of every object of the phone, oldest first."""
        return tuple(name for name in self._whole.ids() if is_of(self._phone, self._whole.get(name)))

    def body(self, name: str) -> bytes | None:
        """What the object's own page answers; None if the phone has no such object."""
        body = self._whole.body(name)
        return body if body is not None and is_of(self._phone, self._whole.get(name)) else None

    def stored(self, name: str) -> bytes | None:
        """The object as it is kept, whoever's it is."""
        return self._whole.stored(name)

    def row(self, name: str) -> bytes:
        """What a list shows of an object that there is."""
        return self._whole.row(name)

    def put(self, item: Json) -> str:
        """Add an object, or replace the one of the same id; its id."""
        return self._whole.put(item)

    def put_ids(self) -> Any:
        """The ids of all that was put or changed, whoever's it is."""
        return self._whole.put_ids()
