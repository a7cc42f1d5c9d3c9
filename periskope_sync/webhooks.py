"""`periskope_async.webhooks`, which waits for nothing: the same objects."""

from periskope_async.webhooks import (
    MAX_BODY,
    SIGNATURE_HEADER,
    Seen,
    SignatureError,
    parse,
    sign,
    signing_keys,
    verify,
)

__all__ = [
    "MAX_BODY",
    "SIGNATURE_HEADER",
    "Seen",
    "SignatureError",
    "parse",
    "sign",
    "signing_keys",
    "verify",
]
