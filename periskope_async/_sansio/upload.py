"""A file inside a JSON body, in base64, made piece by piece as it is sent: nothing holds it whole. Pure."""

from binascii import b2a_base64
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from attrs import field

from periskope_async._deferred import frozen
from periskope_async.errors import ConfigurationError

__all__ = ["LARGE_BODY", "PIECE", "FileBody", "with_file"]

#: How much of a file is encoded at a time, bytes. A multiple of three, so that no padding stands between two pieces.
PIECE: Final = 3 * 64 * 1024

#: Larger bodies are written piece by piece, as the peer takes them, bytes. In one piece they would be copied twice.
LARGE_BODY: Final = 256 * 1024

#: How a body ends whose last field is an object with an empty text in its last field.
_END: Final = b'""}}'


@frozen(eq=False)
class FileBody:
    """A JSON body with a file as the value of its very last text. Each time it is looped over, it is made anew.

    Attributes:
        body: the JSON without the file; it ends with `""}}`.
        size: of the file, bytes.
        pieces: gives the file, each piece but the last of `PIECE` bytes.
        on_sent: called with how many bytes of the file were written so far, the last time with its size.
    """

    body: bytes = field(repr=False)
    size: int
    pieces: Callable[[], Iterable[bytes]] = field(repr=False)
    on_sent: Callable[[int], None] = field(repr=False)

    def __len__(self) -> int:
        return len(self.body) + 4 * ((self.size + 2) // 3)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the body: what comes before the file, the file, and how it ends.

        Raises:
            ConfigurationError: the file is of another size than it was.
        """
        yield self.body.removesuffix(_END) + b'"'
        size = 0
        for piece in self.pieces():
            size += len(piece)
            if size > self.size:
                break
            yield b2a_base64(piece, newline=False)
        if size != self.size:
            raise ConfigurationError("media: the file changed while it was sent")
        yield b'"}}'

    def sent(self, number: int) -> None:
        """Say that the first *number* of the values of a loop were written."""
        self.on_sent(min(max(number - 1, 0) * PIECE, self.size))


def with_file(body: FileBody) -> bytes:
    """Return a body in one piece."""
    return b"".join(body)
