"""A page's JSON in parts is the page, or it does not parse."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from periskope_async._codec import parts
from periskope_async._codec.parser import _stdlib_loads, parser
from periskope_async._codec.parts import apart
from tests.support import each_of, repeated

Json = Any
Parse = Callable[[bytes], Json]

PARSERS = [_stdlib_loads, parser()]
#: Keys and texts that look like what is between two rows, and rows whose own arrays and objects look like more rows.
TEXTS = st.sampled_from(["a", '},{"a":', "]", "[", "\\", '"', ",", "é\ud83d", "\U0001f600", " "])
VALUES = st.recursive(
    st.none() | st.integers(0, 9) | st.floats(0, 1e300) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
#: Most begin alike, as those of a page do; some of those who do are no objects, or stand in another row.
ROWS = st.lists(
    st.builds(lambda value, more: {"a": value, **more}, VALUES, st.dictionaries(TEXTS, VALUES, max_size=1)) | VALUES
)
ALIKE = st.lists(st.builds(lambda value: {"a": value}, VALUES), min_size=2)
OTHERS = st.dictionaries(st.sampled_from(["count", "a"]), st.none() | st.integers(0, 9) | TEXTS | VALUES, max_size=1)
PAGES = st.tuples(OTHERS, ALIKE | ROWS, OTHERS)
#: What may come to stand anywhere in a body.
ODD = [
    "",
    ",",
    "[",
    "]",
    "{",
    "}",
    ":",
    '"',
    "\\",
    " \n",
    ",{",
    '},{"a":1},',
    '{"a"',
    "NaN",
    '"rows":[',
    "\ufeff",
    "1e999",
    "\v",
]
SPLICES = st.just([]) | st.lists(st.tuples(st.integers(0, 400), st.integers(0, 3), st.sampled_from(ODD)), max_size=2)


def joined(body: bytes, parse: Parse) -> Json:
    """What the parts of a page come to.

    Raises:
        ValueError: they do not parse, or are not its rows.
    """
    envelope, arrays = apart(body)
    value = parse(envelope)
    if arrays is None or not isinstance(value, dict) or value.get("rows") != []:
        raise ValueError
    return {**value, "rows": [row for array in arrays for row in parse(array)]}


@repeated
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    page=PAGES,
    style=st.sampled_from([(None, (",", ":")), (None, (", ", ": ")), (2, (",", ": "))]),
    size=st.integers(1, 40),
    splices=SPLICES,
)
def test_parts_that_parse_are_the_page(
    batch: int, page: tuple[Json, Json, Json], style: Any, size: int, splices: list[tuple[int, int, str]]
) -> None:
    """Whatever is spelled how, and whatever is broken in it: what parses in parts parses whole, and is the same."""
    del batch
    before, rows, after = page
    text = json.dumps({**before, "rows": rows, **after}, indent=style[0], separators=style[1])
    for at, dropped, odd in splices:
        start = at % len(text)
        text = text[:start] + odd + text[start + dropped :]
    body = text.encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PART_BYTES", size)
        for parse in PARSERS:
            try:
                value = joined(body, parse)
            except ValueError:
                continue
            assert repr(value) == repr(parse(body))


@each_of("space", [(",", ":"), (", ", ": "), (",\r\n\t", ":")])
def test_a_usual_page_comes_apart(space: tuple[str, str]) -> None:
    """Rows that begin alike are parsed a few at a time, also where their texts and objects look like rows."""
    rows = [
        {"id": number, "text": '}, {"id": 1}, {"id": [', "inner": {"id": [{"x": 1}, {"x": 2}]}}
        for number in range(5_000)
    ]
    body = json.dumps({"from": 1, "rows": rows, "to": 5_000}, separators=space).encode()
    envelope, arrays = apart(body)
    assert arrays is not None
    sizes = list(map(len, arrays))
    assert len(envelope) < 100
    assert len(sizes) == sum(sizes) // parts.PART_BYTES + 1
    assert max(sizes) < parts.PART_BYTES + 200
    for parse in PARSERS:
        assert joined(body, parse) == parse(body)


@each_of(
    "body",
    [
        b"",
        b"{}",
        b'{"rows":[',
        b'"]["',
        b'{"a":["b"],"rows":[{"a":1}]}',
        b'{"rows":[{"a":1}],"b":[]}',
        b'{"rows":[{"a":1},]}',
    ],
)
def test_what_has_no_one_array_does_not_come_apart(body: bytes) -> None:
    """Where the array cannot be found without parsing, the parts do not parse."""
    for parse in PARSERS:
        with pytest.raises(ValueError):  # noqa: PT011  # of two parsers and ours, each with words of its own
            joined(body, parse)


def test_a_row_is_not_looked_at_again_and_again() -> None:
    """To cut up one row full of objects that begin as it does takes no longer than to parse it ten times."""
    inner = b",".join(b'"k%d":{"a":0}' % number for number in range(40_000))
    body = b'{"rows":[{"a":0},{"b":0,%b}]}' % inner
    start = time.perf_counter()
    for _ in range(10):
        json.loads(body)
    parsed = time.perf_counter()
    _, arrays = apart(body)
    assert arrays is not None
    assert len([*arrays]) == 1
    assert time.perf_counter() - parsed < parsed - start
