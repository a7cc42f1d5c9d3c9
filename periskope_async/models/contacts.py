"""Contacts, pages of them, and whether numbers are on WhatsApp."""

from datetime import datetime
from typing import Any

from attrs import field

from periskope_async._codec.marks import LEFT_OUT, ROWS, Labels
from periskope_async._codec.model import Model, identity
from periskope_async._deferred import frozen
from periskope_async.models.chats import Chat
from periskope_async.models.pages import Page, rows_first, show_count

__all__ = ["Contact", "ContactCheck", "ContactPage"]


@frozen(kw_only=True, field_transformer=identity)
class Contact(Model):
    """A contact of the organisation.

    The service sends the first fourteen attributes, of a list without `chat_ids`; the others are in its types.

    Attributes:
        contact_id: such as `918527184400@c.us`.
        contact_name: the name it has in Periskope.
        contact_type: user, business.
        contact_image: a URL.
        contact_color: such as `#FA6533`.
        labels: names of its labels.
        label_ids: any JSON: which label ids are set.
        chat_ids: its own chat and the groups shared with it. Not in lists.
        is_internal: whether it is a colleague, whose messages are not flagged.
        is_imported: whether it was imported.
        is_my_contact: whether it is in the phone's address book.
        is_wa_contact: whether it has WhatsApp.
        org_id: the organisation it belongs to.
        updated_at: when it last changed.
        contact_lid: WhatsApp's id of it that is not its number, with `@lid`.
        name: the name in the phone's address book.
        short_name: the short form of it.
        pushname: the name they gave themselves.
        periskope_name: the name set in Periskope.
        verified_name: the verified name of a business.
        verified_level: how far the business is verified.
        number: its number, digits only.
        is_me: whether it is the phone itself.
        is_user: whether it is a person.
        is_group: whether it is a group.
        is_business: whether it is a business account.
        is_enterprise: whether it is an enterprise account.
        is_blocked: whether it is blocked.
        business_profile: any JSON: what a business says of itself.
        chats: the chats in full that it is in.
        id: any JSON: WhatsApp's id; its keys differ from place to place.
    """

    contact_id: str
    contact_name: str | None = None
    contact_type: str | None = None
    contact_image: str | None = None
    contact_color: str | None = None
    labels: Labels = ()
    label_ids: Any = None
    chat_ids: tuple[str, ...] = field(default=(), metadata=LEFT_OUT)
    is_internal: bool | None = None
    is_imported: bool | None = None
    is_my_contact: bool | None = None
    is_wa_contact: bool | None = None
    org_id: str | None = None
    updated_at: datetime | None = None
    contact_lid: str | None = field(default=None, metadata=LEFT_OUT)
    name: str | None = field(default=None, metadata=LEFT_OUT)
    short_name: str | None = field(default=None, metadata=LEFT_OUT)
    pushname: str | None = field(default=None, metadata=LEFT_OUT)
    periskope_name: str | None = field(default=None, metadata=LEFT_OUT)
    verified_name: str | None = field(default=None, metadata=LEFT_OUT)
    verified_level: int | None = field(default=None, metadata=LEFT_OUT)
    number: str | None = field(default=None, metadata=LEFT_OUT)
    is_me: bool | None = field(default=None, metadata=LEFT_OUT)
    is_user: bool | None = field(default=None, metadata=LEFT_OUT)
    is_group: bool | None = field(default=None, metadata=LEFT_OUT)
    is_business: bool | None = field(default=None, metadata=LEFT_OUT)
    is_enterprise: bool | None = field(default=None, metadata=LEFT_OUT)
    is_blocked: bool | None = field(default=None, metadata=LEFT_OUT)
    business_profile: Any = field(default=None, metadata=LEFT_OUT)
    chats: tuple[Chat, ...] = field(default=(), metadata=LEFT_OUT)
    id: Any = field(default=None, metadata=LEFT_OUT)


@frozen(kw_only=True, field_transformer=rows_first)
class ContactPage(Page[Contact]):
    """One page of the list of contacts.

    Attributes:
        contacts: its rows, in the order of the service.
    """

    contacts: tuple[Contact, ...] = field(default=(), metadata=ROWS, repr=show_count)


@frozen(kw_only=True, field_transformer=identity)
class ContactCheck(Model):
    """Whether a number is on WhatsApp.

    Attributes:
        contact_id: the number, as the service has it: it may end in `@c.us`.
        exists: whether it is; None where the service does not say.
    """

    contact_id: str
    exists: bool | None = None
