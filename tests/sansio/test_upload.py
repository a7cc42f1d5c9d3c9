"""A file inside a JSON body: the same as if it had been put in as one text."""

import base64
import json

from hypothesis import given
from hypothesis import strategies as st

from periskope_async._sansio.upload import PIECE, with_file


@given(st.binary(max_size=50), st.integers(0, 2), st.text(max_size=5))
def test_the_body_is_that_of_one_text(tail: bytes, whole: int, caption: str) -> None:
    """Whatever the file and its length, the body reads back as its base64, and all else as it was."""
    pieces = [bytes(PIECE)] * whole + [tail] * bool(tail)
    fields = {"message": caption, "media": {"type": "image", "filedata": ""}}
    body = json.loads(with_file(json.dumps(fields, ensure_ascii=False).encode(), pieces))
    assert base64.b64decode(body["media"].pop("filedata"), validate=True) == b"".join(pieces)
    assert body == {"message": caption, "media": {"type": "image"}}


def test_pieces_need_no_padding() -> None:
    """A piece that is not the last is encoded without padding, which may stand at the end only."""
    assert PIECE % 3 == 0
