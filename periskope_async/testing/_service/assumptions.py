"""What nobody outside knows about the real service, as options. Nothing but options."""

from typing import Final, Literal, TypeAlias

import attrs

__all__ = ["Assumptions"]

Count: TypeAlias = Literal["total", "page"]
Unknown: TypeAlias = Literal["404", "create"]
Unquoted: TypeAlias = Literal["object", "null", "blank"]
Missing: TypeAlias = Literal["404", "422", "null", "empty"]
Queued: TypeAlias = Literal["404", "null", "empty"]

_COUNT: Final = attrs.validators.in_(("total", "page"))
_UNKNOWN: Final = attrs.validators.in_(("404", "create"))
_UNQUOTED: Final = attrs.validators.in_(("object", "null", "blank"))
_QUEUED: Final = attrs.validators.in_(("404", "null", "empty"))
_MISSING: Final = attrs.validators.in_(("404", "422", "null", "empty"))


@attrs.frozen(kw_only=True)
class Assumptions:
    """What nobody outside knows about the real service, as options. The defaults are the stricter or likelier answer.

    Attributes:
        max_limit: the largest `limit` of a list; more is a 422. The vendor says 2000 on every list but that of tickets.
        count: what `count` of a page says: the `total` of all rows, or the rows of this `page`.
        deleted_listed: whether deleted tickets are listed (with `is_deleted: true`).
        empty_clears: PATCH with `""` or null clears a ticket's assignee, due date and labels, and a chat's
            `assigned_to` and labels; False: leaves them.
        lenient_priority: PATCH takes the priority as a number too; the vendor's types say string.
        phone_required: operations that list `x-phone` answer 422 without it; the vendor's types list it as optional.
        unknown_chat: POST of a ticket for an unknown chat: `404`, or `create` makes the chat.
        unquoted: `message` of a ticket made without a quoted message: `object` ({}), `null`, or `blank` strings.
        missing_ticket: GET of an unknown ticket: `404`, `422`, or a 200 with `null` or `empty` body. Of an unknown chat
            the vendor shows the 404.
        null_chat: some made-up tickets (two of 61) have `"chat": null`; the vendor's type says that every one has its
            chat.
        queue_seconds: how long a message lies in the queue of its phone before it is in its chat.
        queued_message: GET of a message by the `queue_id` of one that is still queued: `404`, or a 200 with `null` or
            `empty` body. The vendor says that it returns nothing.
    """

    max_limit: int = 2000
    count: Count = attrs.field(default="total", validator=_COUNT)
    deleted_listed: bool = True
    empty_clears: bool = True
    lenient_priority: bool = False
    phone_required: bool = False
    unknown_chat: Unknown = attrs.field(default="404", validator=_UNKNOWN)
    unquoted: Unquoted = attrs.field(default="object", validator=_UNQUOTED)
    missing_ticket: Missing = attrs.field(default="404", validator=_MISSING)
    null_chat: bool = False
    queue_seconds: float = 0.0
    queued_message: Queued = attrs.field(default="404", validator=_QUEUED)
