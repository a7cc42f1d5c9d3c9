"""Parsing bodies: with both parsers the same comes out, and nothing that would break later."""

import json
import sys
from collections.abc import Iterator
from itertools import chain
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from periskope_async._codec import parser as _json
from periskope_async._codec.parser import _stdlib_loads, loads, parser
from tests.support import each_of

Json = Any


def same_json(one: Json, other: Json) -> bool:
    """Compare as JSON, where true is not 1 and the order of keys does not matter."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@pytest.fixture(params=[_stdlib_loads, parser()], ids=["json", "installed"], autouse=True)
def _parser(request: pytest.FixtureRequest) -> Iterator[None]:
    """Test with either parser."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_json, "parser", lambda: request.param)
        yield


@each_of(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{} x",
        b"{}\x0b",
        b"{}\xc2\xa0",
        b"null null",
        b"'a'",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\xef\xbb\xbf{}",
        b"{}\xef\xbb\xbf",
        b'"\xed\xa0\x80"',
        b'"\xff \\ud83d"',
        rb'{"a": "\ud83"}',
        rb'{"a": "\ud83d}',
        rb'{"a": \ud83d}',
        '"{}"'.encode("utf-16"),
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": -1e999}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b'"\x01"',
    ],
)
def test_what_is_not_json_or_would_break_later_is_refused(body: bytes) -> None:
    """Both parsers refuse what is not JSON, and JSON that nobody could print or send on."""
    with pytest.raises(ValueError):  # noqa: PT011  # the text is the parser's own
        loads(body)


@pytest.mark.parametrize("value", [{"a": [1, -1.5, "ü", "😀", "\\ud800", None, True]}, [], "x", 2**70, 1e300])
def test_good_json_arrives_unchanged(value: Json, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both parsers give the same values, from raw and from escaped text, and nothing is spent on mending."""
    monkeypatch.delattr(_json, "_mend")
    assert same_json(loads(json.dumps(value).encode()), value)
    assert same_json(loads(json.dumps(value, ensure_ascii=False).encode()), value)


@pytest.mark.parametrize(("before", "after"), [(b" ", b""), (b"\r\n", b"\t"), (b"", b" \n"), (b"", b"\n" * 9)])
def test_white_space_around_a_body_says_nothing(before: bytes, after: bytes) -> None:
    """As it stands around the JSON of many a service, such as a newline at the end."""
    assert loads(before + b'{"a": [1]}' + after) == {"a": [1]}


@each_of(
    ("body", "value"),
    [
        (rb'{"a": "\ud800"}', {"a": "\ufffd"}),
        (rb'{"\udfff": 1}', {"\ufffd": 1}),
        (rb'"\uDC00\uD800"', "\ufffd\ufffd"),
        (rb'"\ud83d\uD83D\uDE00\ude00"', "\ufffd😀\ufffd"),
        (rb'"\ud83d\u0041"', "\ufffdA"),
        (rb'"\ud83d\n"', "\ufffd\n"),
        (rb'"\\ud83d\ud83d"', "\\ud83d\ufffd"),
        (rb'"\\\ud83d"', "\\\ufffd"),
        (rb'"\ud83d\\ude00"', "\ufffd\\ude00"),
        ('"ü😀\\ud83d"'.encode(), "ü😀\ufffd"),
    ],
)
def test_half_an_emoji_costs_nothing_but_itself(body: bytes, value: Json) -> None:
    """U+FFFD takes the place of half a surrogate pair, in values and keys; pairs and escaped backslashes stay."""
    assert same_json(loads(body), value)


@given(st.dictionaries(*[st.text(st.sampled_from('\ud83d\ude00\udbff\\/"u😀a\ufffd\n'))] * 2, max_size=2))
def test_any_text_that_was_cut_comes(value: dict[str, str]) -> None:
    """Whatever halves stand wherever, what comes is what a lenient reader of UTF-16 makes of it."""
    whole = [text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace") for text in chain(*value.items())]
    assert loads(json.dumps(value).encode()) == dict(zip(whole[::2], whole[1::2], strict=True))


@pytest.mark.parametrize(("body", "value"), [(b'{"a": "\xc3\xbc"}', {"a": "ü"}), (rb'"\ud83d"', "\ufffd"), (b"1", 1)])
def test_a_byte_order_mark_is_ignored(body: bytes, value: Json) -> None:
    """A mark in front of a body changes nothing."""
    assert same_json(loads(b"\xef\xbb\xbf" + body), value)


@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000, b"\xef\xbb\xbf" + b"[" * 200_000])
def test_json_without_end_is_a_value_error(body: bytes) -> None:
    """Nesting deeper than the parser can go is refused like any bad JSON."""
    with pytest.raises(ValueError, match="too deep") as caught:
        loads(body)
    assert caught.value.__context__ is None


def test_msgspec_is_used_where_it_is_and_json_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """The `speed` extra changes who parses, and nothing else."""
    build = parser.__wrapped__
    monkeypatch.setitem(sys.modules, "msgspec", None)
    assert build() is _stdlib_loads
    monkeypatch.undo()
    msgspec = pytest.importorskip("msgspec")
    assert isinstance(build().__self__, msgspec.json.Decoder)
