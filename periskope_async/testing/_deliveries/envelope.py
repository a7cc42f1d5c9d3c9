"""A delivery as it is posted: its body, in each form that was documented or seen, and its header fields. Pure."""

import hmac
from typing import Final

from periskope_async.testing._json import Json, dumps
from periskope_async.testing._service.account import ORG_ID
from periskope_async.testing._service.assumptions import Envelope
from periskope_async.testing._service.happenings import Happening

__all__ = ["SIGNATURE", "body_of", "head", "signature"]

SIGNATURE: Final = "x-periskope-signature"


def body_of(happening: Happening, delivery_id: str, envelope: Envelope) -> bytes:
    """The body that says that something happened."""
    name, data = happening.type, happening.data
    more: Json = {"org_id": ORG_ID, "previous_attributes": happening.previous}
    match envelope:
        case "event_type":
            return dumps({"event_type": name, "data": data, "id": delivery_id, **more})
        case "event":
            return dumps({"event": name, "data": data, "org_id": ORG_ID, "timestamp": happening.timestamp})
        case "flat":
            return dumps({**data, "event_type": name, **more})
        case _:
            return dumps(data)


def signature(body: bytes, key: str) -> str:
    """The signature of a body: HMAC-SHA256 of its bytes, in lower case."""
    return hmac.new(key.encode(), body, "sha256").hexdigest()


def head(target: str, host: str, length: int, signed: str) -> bytes:
    """The request line and the header fields; *signed* is the signature, `""` for none."""
    fields = {
        "Host": host,
        "User-Agent": "FakePeriskope",
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Content-Length": str(length),
        "Connection": "close",
        **({SIGNATURE: signed} if signed else {}),
    }
    lines = [f"POST {target} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode()
