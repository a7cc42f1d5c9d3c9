"""The names by which the objects of a resource are kept apart and found in a body. Nothing but data."""

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from periskope_async.testing._json import Json

__all__ = ["Resource"]


@attrs.frozen(kw_only=True)
class Resource:
    """The names of one resource.

    Attributes:
        name: of one of its objects: `ticket`.
        plural: of many of them.
        rows_key: the key under which a page holds its rows; the plural, unless said otherwise.
        id_key: the key of an object that holds the id.
        parameter: of a path, that holds the id; named as the key, unless said otherwise.
        object_key: where the object stands in the body of its own page; `""` where it is the body.
        text_key: a key of the object that holds free text.
        example_id: of an object that is there from the start.
        unknown_values: keys of an object whose values are out of few, each with one that nobody knows.
        open_keys: keys whose values are taken as they come, though the vendor's type of an answer lists some.
        other_id: of an object that is never there.
        full_id: from an id as a path has it to the id in full.
        row_of: from the body of an object's own page, and the time of its last change, to its row in a list.
    """

    name: str
    plural: str
    id_key: str
    text_key: str
    example_id: str
    other_id: str
    unknown_values: Mapping[str, Any] = attrs.field(hash=False)
    row_of: Callable[[Json, str | None], Json]
    object_key: str = ""
    open_keys: tuple[str, ...] = ()
    rows_key: str = attrs.Factory(lambda self: self.plural, takes_self=True)
    parameter: str = attrs.Factory(lambda self: self.id_key, takes_self=True)
    full_id: Callable[[str], str] = str

    def object_in(self, body: Json) -> Json:
        """The object in the body of its own page."""
        found: Json = body[self.object_key] if self.object_key else body
        return found
