"""The code that is scanned to connect a phone: a picture, as bytes."""

from os import PathLike
from pathlib import Path
from typing import Final

from attrs import field

from periskope_async._codec.png import NotACodeError, squares
from periskope_async._deferred import frozen

__all__ = ["QrImage"]

#: The light edge that scanners need, squares. Four by the standard; in terminals two do, as other programs have it.
_MARGIN: Final = 2
#: A character for each pair of squares, the upper and the lower one: whether each is filled.
_HALVES: Final = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}


@frozen(kw_only=True)
class QrImage:
    """The code that is scanned to connect a phone. Whoever scans it is connected, so no repr shows it.

    Attributes:
        content: the picture, as it came.
        content_type: its `Content-Type`; the service does not document which it is.
    """

    content: bytes = field(repr=False)
    content_type: str = ""

    def save(self, path: str | PathLike[str]) -> None:
        """Write the picture to a file, in place of one that is there.

        Raises:
            OSError: it cannot be written.
        """
        Path(path).write_bytes(self.content)

    def to_text(self, *, inverted: bool = False) -> str:
        """Return the code as lines of text with half blocks, to be printed.

        Args:
            inverted: False fills what is light, for light letters on a dark ground, as most terminals have them; True
                fills what is dark.

        Raises:
            ValueError: the picture is not a PNG of a code. `save` it, and open the file.
        """
        try:
            code = squares(self.content)
        except NotACodeError as error:
            kind = self.content_type or "no content type"
            raise ValueError(f"the code cannot be shown as text ({error}; the service says {kind}): save it") from None
        edge, blank = [False] * _MARGIN, [False] * (len(code) + 2 * _MARGIN)
        rows = [blank] * _MARGIN + [edge + row + edge for row in code] + [blank] * (_MARGIN + 1)
        filled = [[square is inverted for square in row] for row in rows]
        pairs = zip(filled[::2], filled[1::2], strict=False)
        return "\n".join("".join(_HALVES[pair] for pair in zip(*two, strict=True)) for two in pairs)
