"""A file inside a JSON body: the same as if it had been put in as one text."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from periskope_async import ConfigurationError
from periskope_async._sansio.upload import PIECE, FileBody, with_file

BODY = b'{"media": {"filedata": ""}}'


@given(st.binary(max_size=50), st.integers(0, 2), st.text(max_size=5))
def test_the_body_is_that_of_one_text(tail: bytes, whole: int, caption: str) -> None:
    """Whatever the file and its length, the body reads back as its base64, and all else as it was."""
    pieces = [bytes(PIECE)] * whole + [tail] * bool(tail)
    fields = {"message": caption, "media": {"type": "image", "filedata": ""}}
    made = FileBody(json.dumps(fields, ensure_ascii=False).encode(), len(b"".join(pieces)), lambda: pieces, print)
    assert len(made) == len(with_file(made))
    body = json.loads(b"".join(made))
    assert base64.b64decode(body["media"].pop("filedata"), validate=True) == b"".join(pieces)
    assert body == {"message": caption, "media": {"type": "image"}}


def test_pieces_need_no_padding() -> None:
    """A piece that is not the last is encoded without padding, which may stand at the end only."""
    assert PIECE % 3 == 0


@pytest.mark.parametrize("size", [PIECE - 1, PIECE + 1, 2 * PIECE])
def test_a_file_that_changes_is_not_sent(size: int) -> None:
    """A file that has become longer or shorter since its length was said cannot be sent to its end."""
    made = FileBody(BODY, PIECE, lambda: [bytes(PIECE)[:size], bytes(max(0, size - PIECE))], print)
    with pytest.raises(ConfigurationError, match="changed while it was sent"):
        b"".join(made)


def test_what_was_sent_is_counted_in_bytes_of_the_file() -> None:
    """What stands before the file, and after it, counts for nothing; the last piece as long as it is."""
    counted = list[int]()
    made = FileBody(BODY, PIECE + 7, lambda: [bytes(PIECE), bytes(7)], counted.append)
    for number in range(len([*made]) + 1):
        made.sent(number)
    assert counted == [0, 0, PIECE, PIECE + 7, PIECE + 7]
