"""A file inside a JSON body, in base64, made piece by piece: the body is the one place that holds it whole. Pure."""

from binascii import b2a_base64
from collections.abc import Iterable
from io import BytesIO
from typing import Final

__all__ = ["PIECE", "with_file"]

#: How much of a file is encoded at a time, bytes. A multiple of three, so that no padding stands between two pieces.
PIECE: Final = 3 * 64 * 1024

#: How a body ends whose last field is an object with an empty text in its last field.
_END: Final = b'""}}'


def with_file(body: bytes, pieces: Iterable[bytes]) -> bytes:
    """Return *body* with a file as the value of its very last text, which is empty.

    Args:
        body: JSON that ends with `""}}`.
        pieces: the file, each piece but the last of `PIECE` bytes.
    """
    whole = BytesIO()
    whole.write(body.removesuffix(_END))
    whole.write(b'"')
    for piece in pieces:
        whole.write(b2a_base64(piece, newline=False))
    whole.write(b'"}}')
    return whole.getvalue()  # not a copy: what it has written is what it gives away
