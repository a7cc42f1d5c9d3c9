"""Requests that carry a file of the caller's, and how far one is sent."""

import time
from collections.abc import Callable
from typing import TypeVar

from anyio import to_thread

from periskope_async._sansio.operation import Request
from periskope_async._sansio.upload import LARGE_BODY, FileBody, with_file
from periskope_async.bulk import Progress
from periskope_async.sending import Media

__all__ = ["Upload", "with_media"]

T = TypeVar("T")


class Upload:
    """Reports how far the file of one call is sent; of another attempt, from its beginning.

    Attributes:
        total: its size, bytes.
        failure: what the report raised, which ends the call; None so far.
    """

    def __init__(self, report: Callable[[Progress], None] | None) -> None:
        self._report = report
        self._began = time.monotonic()
        self._done = 0
        self.total = 0
        self.failure: Exception | None = None

    def sent(self, done: int) -> None:
        """Say that *done* bytes of the file were sent."""
        self._done = done
        if self._report is None:
            return
        elapsed = time.monotonic() - self._began
        eta = elapsed * (self.total - done) / done if done else None
        try:
            self._report(Progress(self.total, done, 0, 0, elapsed, eta, unit="bytes"))
        except Exception as exc:
            self.failure = exc
            raise

    def finish(self) -> None:
        """Say that all of it was sent, which nobody has of a small one."""
        if self._done < self.total:
            self.sent(self.total)


async def with_media(request: Request[T], media: Media | None, upload: Upload | None = None) -> Request[T]:
    """Return *request* with the file that its last field is for; *upload* reports how far it is sent.

    A small one is read now. A large one is read as it is sent, each time that it is.

    Raises:
        ConfigurationError: it cannot be read any more.
    """
    if media is not None and media.url is None and isinstance(request.body, bytes):
        request.body = await to_thread.run_sync(_body, request.body, media, upload or Upload(None))
    return request


def _body(body: bytes, media: Media, upload: Upload) -> bytes | FileBody:
    upload.total = media.size()
    made = FileBody(body, upload.total, media.pieces, upload.sent)
    return made if len(made) > LARGE_BODY else with_file(made)
