"""A file to send: what it is, found by its name or its MIME type, and its bytes, read piece by piece."""

import mimetypes
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePath
from typing import IO, Any, Final, Literal, Self, cast
from urllib.parse import unquote, urlsplit

from attrs import field

from periskope_async._deferred import frozen
from periskope_async._sansio.arguments import as_one_of, as_text
from periskope_async._sansio.upload import PIECE
from periskope_async.errors import ConfigurationError

__all__ = ["Media", "MediaType"]

MediaType = Literal["document", "image", "video", "audio"]

_TYPES: Final = ("document", "image", "video", "audio")

#: Endings that Python's own table does not have in every version.
_MORE_TYPES: Final = {
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".m4a": "audio/mp4",
    ".ogg": "audio/ogg",
    ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ".webp": "image/webp",
    ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


@cache
def _types() -> mimetypes.MimeTypes:
    """Return Python's own table, not the machine's: a name has the same type everywhere."""
    table = mimetypes.MimeTypes()
    for ending, mimetype in _MORE_TYPES.items():
        table.add_type(mimetype, ending)
    return table


@frozen(kw_only=True)
class Media:
    """A file to send: made by `from_path`, `from_bytes`, `from_file` or `from_url`.

    Whichever of type, name and MIME type is left out is found by the others. The largest file, and which MIME types
    there are, the service does not document. In base64, as a file of yours is sent, it is a third larger: prefer
    `from_url` for large ones.

    Attributes:
        type: document, image, video or audio.
        filename: its name.
        mimetype: its MIME type.
        url: where the service fetches it; None for a file of yours.
        content: its bytes; None if it is fetched or read from `path`.
        path: where it is read from when it is sent; None otherwise.
    """

    type: MediaType
    filename: str
    mimetype: str
    url: str | None = field(default=None, repr=False)
    content: bytes | None = field(default=None, repr=False)
    path: Path | None = field(default=None, repr=False)

    @classmethod
    def from_url(
        cls,
        url: str,
        type: MediaType | None = None,  # noqa: A002  # the API's word
        filename: str | None = None,
        mimetype: str | None = None,
    ) -> Self:
        """Return the file at a public URL, which the service fetches.

        Raises:
            ConfigurationError: it is not an http or https URL, or what it is cannot be found out.
        """
        as_text("url", url)
        try:
            parts = urlsplit(url)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ConfigurationError("url: expected one that begins with 'http://' or 'https://'")
        return cls(**_described(type, filename, mimetype, PurePath(unquote(parts.path)).name), url=url)

    @classmethod
    def from_bytes(
        cls,
        content: bytes,
        type: MediaType | None = None,  # noqa: A002  # the API's word
        filename: str | None = None,
        mimetype: str | None = None,
    ) -> Self:
        """Return a file of these bytes. Its name or its MIME type has to be said.

        Raises:
            ConfigurationError: they are not bytes, or there are none, or what they are cannot be found out.
        """
        if not isinstance(cast("object", content), bytes | bytearray):
            raise ConfigurationError(f"content: expected bytes, got {content.__class__.__name__}")
        if not content:
            raise ConfigurationError("content: is empty")
        return cls(**_described(type, filename, mimetype, ""), content=bytes(content))

    @classmethod
    def from_file(
        cls,
        file: IO[bytes],
        type: MediaType | None = None,  # noqa: A002  # the API's word
        filename: str | None = None,
        mimetype: str | None = None,
    ) -> Self:
        """Return what an open binary file holds from where it stands; all of it is read now.

        Raises:
            ConfigurationError: as for `from_bytes`.
        """
        name = getattr(file, "name", None)  # of a descriptor, a number
        if filename is None and isinstance(name, str):
            filename = PurePath(name).name
        return cls.from_bytes(file.read(), type, filename, mimetype)

    @classmethod
    def from_path(
        cls,
        path: str | os.PathLike[str],
        type: MediaType | None = None,  # noqa: A002  # the API's word
        filename: str | None = None,
        mimetype: str | None = None,
    ) -> Self:
        """Return a file on disk. It is read, piece by piece, each time it is sent.

        Raises:
            ConfigurationError: it cannot be read, is empty, or what it is cannot be found out.
        """
        where = Path(path)
        try:
            with where.open("rb") as file:
                empty = not file.read(1)
        except OSError as exc:
            raise ConfigurationError(f"path: cannot read {where.name!r}: {exc.strerror}") from None
        if empty:
            raise ConfigurationError(f"path: {where.name!r} is empty")
        return cls(**_described(type, filename, mimetype, where.name), path=where)

    def fields(self) -> dict[str, str]:
        """Return its fields in JSON; `filedata`, the last, without the file."""
        source = {"filedata": ""} if self.url is None else {"url": self.url}
        return {"type": self.type, "filename": self.filename, "mimetype": self.mimetype, **source}

    def size(self) -> int:
        """Return how large the file is now, bytes; of one by URL, 0.

        Raises:
            ConfigurationError: it cannot be read any more.
        """
        if self.path is None:
            return len(self.content or b"")
        try:
            return self.path.stat().st_size
        except OSError as exc:
            raise self._unreadable(exc) from None

    def pieces(self) -> Iterator[bytes]:
        """Yield the file, `PIECE` bytes at a time.

        Raises:
            ConfigurationError: it cannot be read any more.
        """
        if self.path is None:
            content = memoryview(self.content or b"")
            yield from (bytes(content[start : start + PIECE]) for start in range(0, len(content), PIECE))
            return
        try:
            with self.path.open("rb") as file:
                while piece := file.read(PIECE):
                    yield piece
        except OSError as exc:
            raise self._unreadable(exc) from None

    def _unreadable(self, exc: OSError) -> ConfigurationError:
        return ConfigurationError(f"media: cannot read {PurePath(self.path or '').name!r}: {exc.strerror}")


def _described(
    type: str | None,  # noqa: A002  # the API's word
    filename: str | None,
    mimetype: str | None,
    name: str,
) -> dict[str, Any]:
    """Return type, name and MIME type of a file, whatever of them is known."""
    named = filename if filename is not None else name
    if mimetype is None:
        mimetype = _types().guess_type(named)[0]
    if mimetype is None:
        raise ConfigurationError("mimetype: it cannot be found by the file's name; pass it")
    as_text("mimetype", mimetype)
    if type is None:
        kind = mimetype.partition("/")[0]
        type = kind if kind in _TYPES else "document"  # noqa: A001  # likewise
    as_one_of("type", type, _TYPES)
    if not named and filename is None:
        named = f"{type}{_types().guess_extension(mimetype) or ''}"
    as_text("filename", named)
    return {"type": type, "filename": named, "mimetype": mimetype}
