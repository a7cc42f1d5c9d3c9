"""The phones of the organisation, and the codes by which they are connected."""

from datetime import datetime
from typing import Any

from periskope_async._codec.enums import OpenStrEnum
from periskope_async._codec.marks import Labels
from periskope_async._codec.model import Model, identity, sparse
from periskope_async._deferred import frozen

__all__ = ["Phone", "PhoneRow", "PhoneState"]


class PhoneState(OpenStrEnum):
    """Whether WhatsApp is connected. The vendor's pages show these two; there may be more."""

    CONNECTED = "CONNECTED"
    DISCONNECTED = "DISCONNECTED"


@frozen(kw_only=True, field_transformer=identity)
class Phone(Model):
    """A phone of the organisation.

    Attributes:
        phone_id: such as `phone-bqzvyibhmwkaergr`.
        org_phone: its number, with `@c.us`; None before it is connected.
        phone_name: the name shown.
        phone_image: a URL.
        wa_state: whether it is connected.
        is_ready: whether it can send and receive.
        qr_code: the text of the code to be scanned; None when it is connected. Whoever scans it takes over the phone's
            place, so no repr shows it.
        labels: names of its labels.
        label_ids: any JSON: which label ids are set.
        first_connected_at: when it was connected for the first time.
        created_at: when it was made.
        updated_at: when it last changed.
        org_id: the organisation it belongs to.
    """

    phone_id: str
    org_phone: str | None = None
    phone_name: str | None = None
    phone_image: str | None = None
    wa_state: PhoneState | None = None
    is_ready: bool | None = None
    qr_code: str | None = None
    labels: Labels = ()
    label_ids: Any = None
    first_connected_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    org_id: str | None = None

    @property
    def is_connected(self) -> bool:
        """Whether its state is CONNECTED."""
        return self.wa_state is PhoneState.CONNECTED


@frozen(kw_only=True, field_transformer=sparse)
class PhoneRow(Model):
    """A phone as it is stored: what making one answers. No sample of it is published.

    Attributes:
        phone_id: such as `phone-bqzvyibhmwkaergr`.
        org_phone: its number, with `@c.us`; None before it is connected.
        phone_name: the name shown.
        phone_image: a URL.
        wa_state: whether it is connected.
        is_ready: whether it can send and receive.
        is_browser_open: whether its session runs on the server; if not, restart it.
        qr_code: the text of the code to be scanned, as of a `Phone`.
        label_ids: any JSON: which label ids are set.
        last_disconnect: any JSON, not documented.
        phone_state: any JSON, not documented.
        queue_status: any JSON, not documented.
        library: not documented.
        server_image: not documented.
        server_ip: not documented.
        server_name: not documented.
        server_zone: not documented.
        wa_version: the version of WhatsApp.
        first_connected_at: when it was connected for the first time.
        created_at: when it was made.
        updated_at: when it last changed.
        org_id: the organisation it belongs to.
    """

    phone_id: str
    org_phone: str | None = None
    phone_name: str | None = None
    phone_image: str | None = None
    wa_state: PhoneState | None = None
    is_ready: bool | None = None
    is_browser_open: bool | None = None
    qr_code: str | None = None
    label_ids: Any = None
    last_disconnect: Any = None
    phone_state: Any = None
    queue_status: Any = None
    library: str | None = None
    server_image: str | None = None
    server_ip: str | None = None
    server_name: str | None = None
    server_zone: str | None = None
    wa_version: str | None = None
    first_connected_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    org_id: str | None = None
