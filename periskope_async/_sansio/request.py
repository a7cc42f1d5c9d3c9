"""One request to the API, as a value."""

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

__all__ = ["Request"]


@define
class Request:
    """One request to the API: what is sent, and which ticket it is about."""

    operation: str
    method: str
    path: str
    ticket_id: str | None = None
    query: Mapping[str, int] | None = None
    body: bytes | None = field(default=None, repr=False)
    #: Tells by a decoded result that it cannot be the answer to this request; None where it can.
    mismatch: "Callable[[Request, Any], str | None] | None" = field(default=None, repr=False)

    @property
    def repeatable(self) -> bool:
        """Whether sending it twice does what sending it once does. A create has no idempotency key."""
        return self.method != "POST"
