"""Answers that are too much. Pure."""

import base64
import zlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Final

import attrs

from periskope_async.testing._faults.context import MIB, FaultAnswer, FaultContext, chunk, chunked, encoded
from periskope_async.testing._faults.names import Fault
from periskope_async.testing._http import Step

__all__ = ["FLOODS"]


@cache
def _packed(window_bits: int) -> tuple[bytes, bytes]:
    """A block of zeros as the beginning of a deflate stream, and as any later part of it."""
    packer = zlib.compressobj(9, zlib.DEFLATED, window_bits)
    first = packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)
    # What follows a full flush stands alone, so one packed block can be sent many times.
    return first, packer.compress(bytes(MIB)) + packer.flush(zlib.Z_FULL_FLUSH)


def _bomb(coding: str, window_bits: int) -> FaultAnswer:
    def steps(context: FaultContext) -> Iterator[Step]:
        first, again = _packed(window_bits)
        blocks = max(1, context.giant // MIB)
        reply = attrs.evolve(context.reply, headers=encoded(context.reply, coding))
        yield reply.head(("Content-Length", str(len(first) + len(again) * (blocks - 1))))
        yield first
        for _ in range(blocks - 1):
            yield again

    return steps


def _brotli_bomb(context: FaultContext) -> Iterable[Step]:
    reply = attrs.evolve(context.reply, body=_BROTLI, headers=encoded(context.reply, "br"))
    return (reply.encode(),)


#: One GiB of zeros as brotli, whose packing deflate packs again.
_BROTLI: Final = zlib.decompress(
    base64.b64decode(
        "eNo7//9//Q91hkcbHRS+/5v/////D/4MRxIZG979tf/////D+Qwdh5UY7v6u//f//2F7RoF2VoZd3///+f+/vZ5JgY+boeT9/5//"
        "//P/Z3GQEWN4ce//5///5f9xNljoMFzY+//5///2f4QZCiMYFlT/Pw+1aAODAy6LmEYtGrVo6FgEMhtuET8AWCjmoA=="
    )
)


def _giant_body(context: FaultContext) -> Iterator[Step]:
    blocks = max(1, context.giant // MIB)
    yield context.reply.head(("Content-Length", str(blocks * MIB)))
    for _ in range(blocks):
        yield b" " * MIB


def _endless_chunks(context: FaultContext) -> Iterator[Step]:
    yield chunked(context)
    while True:
        yield chunk(b" " * MIB)


FLOODS: Final[Mapping[Fault, FaultAnswer]] = MappingProxyType(
    {
        Fault.GZIP_BOMB: _bomb("gzip", 31),
        Fault.DEFLATE_BOMB: _bomb("deflate", 15),
        Fault.BROTLI_BOMB: _brotli_bomb,
        Fault.GIANT_BODY: _giant_body,
        Fault.ENDLESS_CHUNKS: _endless_chunks,
    }
)
