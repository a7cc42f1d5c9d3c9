"""Requests that carry a file of the caller's."""

from typing import TypeVar

from anyio import to_thread

from periskope_async._sansio.operation import Request
from periskope_async._sansio.upload import with_file
from periskope_async.sending import Media

__all__ = ["with_media"]

T = TypeVar("T")


async def with_media(request: Request[T], media: Media | None) -> Request[T]:
    """Return *request* with the file that its last field is for."""
    if media is not None and media.url is None and request.body is not None:
        request.body = await to_thread.run_sync(with_file, request.body, media.pieces())
    return request
