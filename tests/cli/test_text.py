"""What the command line says: text made safe, errors explained, exit codes chosen."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from periskope_async import errors
from periskope_async.cli.outcome import MEANING, Exit, Outcome, exit_of, explain
from periskope_async.cli.text import _encode, from_line, print_error, to_json, to_line, visible, write
from periskope_async.errors import ValidationError
from tests.support import each_of

KINDS = {
    "AuthenticationError": Exit.KEY_REFUSED,
    "BadRequestError": Exit.VALUE_REFUSED,
    "ConfigurationError": Exit.USAGE,
    "ConnectError": Exit.NO_ANSWER,
    "DeadlineExceeded": Exit.NO_ANSWER,
    "NotFoundError": Exit.NOT_FOUND,
    "PermissionDeniedError": Exit.KEY_REFUSED,
    "ProtocolError": Exit.NO_ANSWER,
    "RateLimitError": Exit.RATE_LIMITED,
    "RequestTimeout": Exit.NO_ANSWER,
    "TlsError": Exit.NO_ANSWER,
    "TransportError": Exit.NO_ANSWER,
    "ValidationError": Exit.VALUE_REFUSED,
}


@given(st.text(st.characters(exclude_categories=[])))
def test_nothing_a_customer_writes_reaches_the_terminal_as_control(text: str) -> None:
    """Shown text holds no control character but newline and tab, and can be encoded."""
    shown = visible(text)
    assert all(
        character in "\n\t" or not ("\0" <= character < " " or "\x7f" <= character < "\xa0") for character in shown
    )
    shown.encode()


def test_text_without_control_characters_is_shown_as_it_is() -> None:
    """Every script, emoji and mark of direction stays; a Windows newline becomes a plain one."""
    assert visible("नमस्ते, שלום\u200f 🎫\tá\r\nb") == "नमस्ते, שלום\u200f 🎫\tá\nb"
    assert visible("\x1b]0;title\x07") == "�]0;title�"


@given(st.text(st.characters(exclude_categories=[])))
def test_json_of_any_text_is_utf_8_and_reads_back(text: str) -> None:
    """Whatever a ticket holds is written as JSON that gives the same back, on one line."""
    written = to_json({"text": text})
    assert json.loads(written) == {"text": text}
    assert written.count(b"\n") == 1


def test_bytes_come_after_what_was_printed_before(capfd: pytest.CaptureFixture[str]) -> None:
    """JSON and words for standard output keep their order, although they take two ways."""
    print("words")  # noqa: T201  # the other way
    write(b"bytes\n")
    print("words")  # noqa: T201  # the other way
    assert capfd.readouterr().out == "words\nbytes\nwords\n"


def test_a_failure_is_told_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    """What went wrong comes first, what may help after it, and nothing on standard output."""
    print_error(Outcome(Exit.USAGE, "It \x1b[31mbroke.", "Mend it."))
    print_error(Outcome(Exit.USAGE, "It broke."))
    assert capsys.readouterr() == ("", "Error: It �[31mbroke.\nMend it.\nError: It broke.\n")


@each_of("name", errors.__all__)
def test_every_error_has_an_exit_code_and_words(name: str) -> None:
    """Each error ends with the code of its kind, in words a person understands, and is never taken for a success."""
    outcome = explain(getattr(errors, name)("the details"))
    assert outcome.exit is KINDS.get(name, Exit.SERVICE_FAILED)
    assert outcome.message.endswith("the details")


def test_a_refused_value_is_told_by_field() -> None:
    """Each field that the service names stands on a line of its own, whatever form its reason has."""
    error = ValidationError("Request validation failed")
    error.fields = {"body.priority": {"message": "must be one of 1, 2, 3, 4"}, "body.subject": "missing"}
    assert explain(error).message.splitlines()[1:] == [
        "[0] Request validation failed",
        "  body.priority: must be one of 1, 2, 3, 4",
        "  body.subject: missing",
    ]


@pytest.mark.parametrize(
    ("failures", "succeeded", "expected"),
    [
        ([], 0, Exit.OK),
        ([], 5, Exit.OK),
        ([Exit.NOT_FOUND, Exit.NOT_FOUND], 0, Exit.NOT_FOUND),
        ([Exit.NOT_FOUND], 1, Exit.SOME_FAILED),
        ([Exit.NOT_FOUND, Exit.NO_ANSWER], 0, Exit.SOME_FAILED),
    ],
)
def test_a_run_over_many_ends_with_the_code_of_all(failures: list[Exit], succeeded: int, expected: Exit) -> None:
    """A run ends with a kind's own code only if nothing came and everything failed in that way."""
    assert exit_of(failures, succeeded=succeeded) is expected


def test_every_exit_code_is_documented() -> None:
    """The help and the page tell the meaning of each code there is, in order and in the same words."""
    assert list(MEANING) == sorted(Exit)
    page = (Path(__file__).parents[2] / "docs" / "guides" / "cli.md").read_text("utf-8")
    assert "\n".join(f"| {code:d} | {meaning} |" for code, meaning in MEANING.items()) in page


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(st.characters(exclude_categories=()))
        | st.floats(-1e9, 1e9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    )
)
def test_a_line_holds_what_was_put_into_it(value: Any) -> None:
    """A line of JSON is one line, whatever the texts in it are, and gives back what was put in."""
    line = to_line(value)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert from_line(line) == json.loads(line) == value


def test_json_holds_half_a_surrogate_pair() -> None:
    """What UTF-8 cannot hold stands in JSON as an escape."""
    assert to_json({"d": "half a \ud83d"}) == b'{"d": "half a \\ud83d"}\n'


def test_a_line_is_the_same_without_msgspec(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is installed, a line has the same bytes, so that any may go on with a file."""
    value = {"a": [1, 2.5, None, True], "b": 'नमस्ते 🎫 "/\\\x1f\x7f', "c": {}, "d": "half a \ud83d"}
    line = to_line(value)
    short = to_line({**value, "d": ""})
    _encode.cache_clear()
    try:
        monkeypatch.setitem(sys.modules, "msgspec", None)
        assert (to_line(value), to_line({**value, "d": ""})) == (line, short)
    finally:
        _encode.cache_clear()
