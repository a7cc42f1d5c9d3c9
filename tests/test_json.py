"""Parsing bodies: both parsers take the same, and nothing that would break later."""

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from periskope_async import _json
from periskope_async._json import _stdlib_loads, loads, parser

Json = Any
PARSERS = [_stdlib_loads, parser()]


def same_json(one: Json, other: Json) -> bool:
    """Compare as JSON, where true is not 1 and the order of keys does not matter."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b"{} x",
        b"'a'",
        b"\xff",
        b"\xef\xbb\xbf{}",
        b'"\xed\xa0\x80"',
        '"{}"'.encode("utf-16"),
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": -1e999}',
        rb'{"a": "\ud800"}',
        rb'{"a": "\uDC00\uD800"}',
        rb'{"\udfff": 1}',
        b'{"a": ' + b"1" * 5000 + b"}",
        b'"\x01"',
    ],
    ids=repr,
)
def test_what_is_no_json_or_would_break_later_is_refused(parse: Callable[[bytes], Json], body: bytes) -> None:
    """Both parsers refuse what is no JSON, and JSON that nobody could print or send on."""
    with pytest.raises(ValueError):  # noqa: PT011  # the text is the parser's own
        parse(body)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("value", [{"a": [1, -1.5, "ü", "😀", "\\ud800", None, True]}, [], "x", 2**70, 1e300])
def test_good_json_arrives_unchanged(parse: Callable[[bytes], Json], value: Json) -> None:
    """Both parsers give the same values, from raw and from escaped text."""
    assert same_json(parse(json.dumps(value).encode()), value)
    assert same_json(parse(json.dumps(value, ensure_ascii=False).encode()), value)


@pytest.mark.parametrize("parse", PARSERS)
@pytest.mark.parametrize("body", [b"[" * 200_000, b'{"a":' * 200_000])
def test_json_without_end_is_a_value_error(
    parse: Callable[[bytes], Json], body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nesting deeper than the parser can go is told like any bad JSON."""
    monkeypatch.setattr(_json, "parser", lambda: parse)
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
