from contextlib import suppress
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from periskope_async._sansio.arguments import path_segment
from periskope_async.errors import ConfigurationError
from tests.support import any_text, cases, many


@pytest.mark.slow
@cases(2_000)  # and 20,000 on the wire, in test_transport.py
@given(many(any_text | st.text(st.sampled_from("./\\%2eEfF?#;&=@: \t\r\n\0~é\ud800"), max_size=8)))
@example([".", "..", "...", "//evil.example", "a" * 257])
def test_id_is_one_segment_or_refused(ticket_ids: list[str]) -> None:
    """Any text is quoted into exactly one path segment that says the same text, or refused."""
    for ticket_id in ticket_ids:
        with suppress(ConfigurationError):
            segment = path_segment("ticket_id", ticket_id)
            assert segment.isascii()
            assert not set(segment) & set("/\\?#;@: ")
            assert segment not in {"", ".", ".."}
            assert unquote(segment, errors="strict") == ticket_id


@pytest.mark.parametrize(
    ("ticket_id", "reason"),
    [
        ("", "is empty"),
        (" \u00a0\u2003", "is empty"),
        (".", "another resource"),
        ("..", "another resource"),
        ("BKT\r\n-001", "control character"),
        ("BKT\x00", "control character"),
        ("BKT\x85", "control character"),
        ("BKT-\ud800", "lone surrogate"),
        ("B" * 257, "longer than 256"),
        (None, "expected text, got NoneType"),
        (1, "expected text, got int"),
        (b"BKT-001", "expected text, got bytes"),
        (["BKT-001"], "expected text, got list"),
    ],
)
def test_bad_id_says_why(ticket_id: object, reason: str) -> None:
    """The refusal of an id names the argument and the reason, and can be printed."""
    with pytest.raises(ConfigurationError, match=rf"^ticket_id: .*{reason}") as caught:
        path_segment("ticket_id", ticket_id)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("ticket_id", "segment"),
    [
        ("BKT-001", "BKT-001"),
        ("../chats", "..%2Fchats"),
        ("a/b", "a%2Fb"),
        ("?x=1", "%3Fx%3D1"),
        ("x#f", "x%23f"),
        ("%2F", "%252F"),
        (";x", "%3Bx"),
        ("//evil", "%2F%2Fevil"),
        ("Ä 1", "%C3%84%201"),
        (".hidden", ".hidden"),
        ("a" * 256, "a" * 256),
    ],
)
def test_id_is_quoted(ticket_id: str, segment: str) -> None:
    """Characters that mean something in a URL lose their meaning."""
    assert path_segment("ticket_id", ticket_id) == segment
