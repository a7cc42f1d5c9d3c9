"""What nobody outside knows about the real service, as options. Nothing but options."""

from typing import Final, Literal, TypeAlias

import attrs

__all__ = ["Assumptions"]

Count: TypeAlias = Literal["total", "page"]
Unknown: TypeAlias = Literal["404", "create"]
Unquoted: TypeAlias = Literal["object", "null", "blank"]
LeftOut: TypeAlias = Literal["kept", "reset"]
GroupRefusal: TypeAlias = Literal["403", "422"]
OnceMore: TypeAlias = Literal["refused", "200"]
Strangers: TypeAlias = Literal["added", "invited"]
UnknownChats: TypeAlias = Literal["404", "skipped"]
QueueForm: TypeAlias = Literal["either", "newer", "older"]
NotificationsKey: TypeAlias = Literal["notifictions", "notifications", "messages"]
Missing: TypeAlias = Literal["404", "422", "null", "empty"]
Documents: TypeAlias = Literal["array", "object"]
Queued: TypeAlias = Literal["404", "null", "empty"]

_COUNT: Final = attrs.validators.in_(("total", "page"))
_UNKNOWN: Final = attrs.validators.in_(("404", "create"))
_UNQUOTED: Final = attrs.validators.in_(("object", "null", "blank"))
_LEFT_OUT: Final = attrs.validators.in_(("kept", "reset"))
_GROUP_REFUSAL: Final = attrs.validators.in_(("403", "422"))
_ONCE_MORE: Final = attrs.validators.in_(("refused", "200"))
_STRANGERS: Final = attrs.validators.in_(("added", "invited"))
_UNKNOWN_CHATS: Final = attrs.validators.in_(("404", "skipped"))
_QUEUE_FORM: Final = attrs.validators.in_(("either", "newer", "older"))
_NOTIFICATIONS_KEY: Final = attrs.validators.in_(("notifictions", "notifications", "messages"))
_DOCUMENTS: Final = attrs.validators.in_(("array", "object"))
_QUEUED: Final = attrs.validators.in_(("404", "null", "empty"))
_MISSING: Final = attrs.validators.in_(("404", "422", "null", "empty"))


@attrs.frozen(kw_only=True)
class Assumptions:
    """What nobody outside knows about the real service, as options. The defaults are the stricter or likelier answer.

    Attributes:
        max_limit: the largest `limit` of a list; more is a 422. The vendor says 2000 on every list but that of tickets.
        count: what `count` of a page says: the `total` of all rows, or the rows of this `page`.
        deleted_listed: whether deleted tickets are listed (with `is_deleted: true`).
        documents: what the knowledge base answers about a document: an `array` of its chunks, and of what became of it,
            as the vendor's types say; or, as its pages show, one `object`, and 201 to a new one.
        empty_clears: PATCH with `""` or null clears a ticket's assignee, due date and labels, and a chat's
            `assigned_to` and labels; False: leaves them.
        group_flags: what becomes of the three flags of a group that new settings leave out: `kept`, or `reset` to the
            defaults that the vendor's types name.
        group_refusal: what a phone gets that asks for what it may not do in a group, such as to add people without
            being an admin: `403` or `422`. The vendor says no more than that it fails.
        lenient_priority: PATCH takes the priority as a number too; the vendor's types say string.
        once_more: a phone that joins a group it is in, or leaves one that it has left, is `refused`, or gets the `200`
            that it got the first time.
        phone_required: operations that list `x-phone` answer 422 without it; the vendor's types list it as optional.
        strangers: people who are added to a group and have no chat with the phone: `invited`, as the vendor says of
            those who are not among its contacts, or `added`.
        unknown_chat: POST of a ticket for an unknown chat: `404`, or `create` makes the chat.
        unknown_chats: PATCH of many chats, one of them unknown: `404` and nothing changes, or it is `skipped`.
        unquoted: `message` of a ticket made without a quoted message: `object` ({}), `null`, or `blank` strings.
        missing_ticket: GET of an unknown ticket: `404`, `422`, or a 200 with `null` or `empty` body. Of an unknown chat
            the vendor shows the 404.
        null_chat: some made-up tickets (two of 61) have `"chat": null`; the vendor's type says that every one has its
            chat.
        queue_form: which of the vendor's two descriptions of the queue it follows. `newer`: jobs have a `queue_id`, a
            purge reads `queue_ids` and answers 200 with what it took out. `older`: jobs have an `id`, a purge reads
            `queue_id` and answers 204. `either` is as the newer one, and a purge reads both keys. A key that is not
            read selects nothing, and a purge that selects nothing takes everything: so the vendor documents it.
        notifications_key: the key of the rows in a list of notifications.
        queue_seconds: how long a message lies in the queue of its phone before it is in its chat.
        queued_message: GET of a message by the `queue_id` of one that is still queued: `404`, or a 200 with `null` or
            `empty` body. The vendor says that it returns nothing.
    """

    max_limit: int = 2000
    count: Count = attrs.field(default="total", validator=_COUNT)
    deleted_listed: bool = True
    documents: Documents = attrs.field(default="array", validator=_DOCUMENTS)
    empty_clears: bool = True
    group_flags: LeftOut = attrs.field(default="kept", validator=_LEFT_OUT)
    group_refusal: GroupRefusal = attrs.field(default="403", validator=_GROUP_REFUSAL)
    lenient_priority: bool = False
    once_more: OnceMore = attrs.field(default="refused", validator=_ONCE_MORE)
    phone_required: bool = False
    strangers: Strangers = attrs.field(default="invited", validator=_STRANGERS)
    unknown_chat: Unknown = attrs.field(default="404", validator=_UNKNOWN)
    unknown_chats: UnknownChats = attrs.field(default="404", validator=_UNKNOWN_CHATS)
    unquoted: Unquoted = attrs.field(default="object", validator=_UNQUOTED)
    missing_ticket: Missing = attrs.field(default="404", validator=_MISSING)
    null_chat: bool = False
    queue_form: QueueForm = attrs.field(default="either", validator=_QUEUE_FORM)
    notifications_key: NotificationsKey = attrs.field(default="notifictions", validator=_NOTIFICATIONS_KEY)
    queue_seconds: float = 0.0
    queued_message: Queued = attrs.field(default="404", validator=_QUEUED)
