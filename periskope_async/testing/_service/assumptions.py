"""What nobody outside knows about the real service, as options. Nothing but options."""

from typing import Final, Literal, TypeAlias

import attrs

__all__ = ["Assumptions", "Envelope"]

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
ExistingContact: TypeAlias = Literal["changed", "422"]
NewWebhook: TypeAlias = Literal["array", "object"]
NullAccess: TypeAlias = Literal["all", "none"]
MemberDeleted: TypeAlias = Literal["204", "200"]
Documents: TypeAlias = Literal["array", "object"]
Queued: TypeAlias = Literal["404", "null", "empty"]
Envelope: TypeAlias = Literal["event_type", "event", "flat", "bare"]
Scope: TypeAlias = Literal["org", "phone"]
SocketRefusal: TypeAlias = Literal["packet", "http"]

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
_EXISTING_CONTACT: Final = attrs.validators.in_(("changed", "422"))
_NEW_WEBHOOK: Final = attrs.validators.in_(("array", "object"))
_NULL_ACCESS: Final = attrs.validators.in_(("all", "none"))
_MEMBER_DELETED: Final = attrs.validators.in_(("204", "200"))
_DOCUMENTS: Final = attrs.validators.in_(("array", "object"))
_QUEUED: Final = attrs.validators.in_(("404", "null", "empty"))
_SOCKET_REFUSAL: Final = attrs.validators.in_(("packet", "http"))
_ENVELOPE: Final = attrs.validators.in_(("event_type", "event", "flat", "bare"))
_SCOPE: Final = attrs.validators.in_(("org", "phone"))
_MISSING: Final = attrs.validators.in_(("404", "422", "null", "empty"))


@attrs.frozen(kw_only=True)
class Assumptions:
    """What nobody outside knows about the real service, as options. The defaults are the stricter or likelier answer.

    Attributes:
        max_limit: the largest `limit` of a list; more is a 422. The vendor says 2000 on every list but that of tickets.
        count: what `count` of a page says: the `total` of all rows, or the rows of this `page`.
        deleted_listed: whether deleted tickets are listed (with `is_deleted: true`).
        delivery_timeout: seconds after which a delivery to a webhook that is not answered has failed. Some were seen to
            come again after about five.
        documents: what the knowledge base answers about a document: an `array` of its chunks, and of what became of it,
            as the vendor's types say; or, as its pages show, one `object`, and 201 to a new one.
        empty_clears: PATCH with `""` or null clears a ticket's assignee, due date and labels, and a chat's
            `assigned_to` and labels, and those of a contact or a phone; False: leaves them.
        envelope: what a delivery to a webhook looks like: `event_type` beside `data`, `id`, `org_id` and
            `previous_attributes`, as in real traffic; `event` beside `data`, `org_id` and `timestamp`, as the vendor's
            pages say; `flat`, as in the vendor's log, where the data lies beside them; or `bare`, the data alone, as in
            the vendor's examples.
        existing_contact: POST of a contact that exists: it is `changed`, as on the vendor's page, or a `422`.
        group_flags: what becomes of the three flags of a group that new settings leave out: `kept`, or `reset` to the
            defaults that the vendor's types name.
        group_refusal: what a phone gets that asks for what it may not do in a group, such as to add people without
            being an admin: `403` or `422`. The vendor says no more than that it fails.
        lenient_priority: PATCH takes the priority as a number too; the vendor's types say string.
        member_deleted: DELETE of a member: `204`, as the vendor's types have it, or the `200` with a body of its page.
        new_webhook: POST of a webhook for one event: an `array` of one, as the vendor's types have it, or the `object`
            of its page.
        null_access: what null for a member's labels or phones opens, where it is changed: `all`, as in an invitation,
            or `none`. The vendor says both.
        once_more: a phone that joins a group it is in, or leaves one that it has left, is `refused`, or gets the `200`
            that it got the first time.
        phone_required: operations that list `x-phone` answer 422 without it; the vendor's types list it as optional.
        strangers: people who are added to a group and have no chat with the phone: `invited`, as the vendor says of
            those who are not among its contacts, or `added`.
        unknown_chat: POST of a ticket for an unknown chat: `404`, or `create` makes the chat.
        unknown_chats: PATCH of many chats, one of them unknown: `404` and nothing changes, or it is `skipped`.
        unknown_contacts: as `unknown_chats`, of contacts.
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
        qr_content_type: what the picture of a QR code is called. The vendor files it under `application/json`.
        queue_seconds: how long a message lies in the queue of its phone before it is in its chat.
        queued_message: GET of a message by the `queue_id` of one that is still queued: `404`, or a 200 with `null` or
            `empty` body. The vendor says that it returns nothing.
        redeliveries: seconds before each further attempt at a delivery to a webhook that was not answered with 2xx in
            time; `()` for none.
        scope: what a call with `x-phone` sees: all of the `org`, as if it had one phone, or that `phone`'s own chats,
            messages, queue, notes, notifications and reactions. Without `x-phone` it sees everything. The vendor
            says so of notes alone, and of chats and messages nothing.
        socket_envelope: what a live event holds: as `envelope`. The vendor's types have the bare object.
        socket_refusal: how a wrong key is refused where live events come from: by a `packet`, or by the 401 of `http`.
    """

    max_limit: int = 2000
    count: Count = attrs.field(default="total", validator=_COUNT)
    deleted_listed: bool = True
    delivery_timeout: float = 5.0
    documents: Documents = attrs.field(default="array", validator=_DOCUMENTS)
    empty_clears: bool = True
    envelope: Envelope = attrs.field(default="event_type", validator=_ENVELOPE)
    existing_contact: ExistingContact = attrs.field(default="changed", validator=_EXISTING_CONTACT)
    group_flags: LeftOut = attrs.field(default="kept", validator=_LEFT_OUT)
    group_refusal: GroupRefusal = attrs.field(default="403", validator=_GROUP_REFUSAL)
    lenient_priority: bool = False
    member_deleted: MemberDeleted = attrs.field(default="204", validator=_MEMBER_DELETED)
    new_webhook: NewWebhook = attrs.field(default="array", validator=_NEW_WEBHOOK)
    null_access: NullAccess = attrs.field(default="all", validator=_NULL_ACCESS)
    once_more: OnceMore = attrs.field(default="refused", validator=_ONCE_MORE)
    phone_required: bool = False
    strangers: Strangers = attrs.field(default="invited", validator=_STRANGERS)
    unknown_chat: Unknown = attrs.field(default="404", validator=_UNKNOWN)
    unknown_chats: UnknownChats = attrs.field(default="404", validator=_UNKNOWN_CHATS)
    unknown_contacts: UnknownChats = attrs.field(default="404", validator=_UNKNOWN_CHATS)
    unquoted: Unquoted = attrs.field(default="object", validator=_UNQUOTED)
    missing_ticket: Missing = attrs.field(default="404", validator=_MISSING)
    null_chat: bool = False
    queue_form: QueueForm = attrs.field(default="either", validator=_QUEUE_FORM)
    notifications_key: NotificationsKey = attrs.field(default="notifictions", validator=_NOTIFICATIONS_KEY)
    qr_content_type: str = "image/png"
    queue_seconds: float = 0.0
    queued_message: Queued = attrs.field(default="404", validator=_QUEUED)
    redeliveries: tuple[float, ...] = (1.0, 2.0, 4.0)
    scope: Scope = attrs.field(default="org", validator=_SCOPE)
    socket_envelope: Envelope = attrs.field(default="bare", validator=_ENVELOPE)
    socket_refusal: SocketRefusal = attrs.field(default="packet", validator=_SOCKET_REFUSAL)
