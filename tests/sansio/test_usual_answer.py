"""The usual answer, read without a parser: what is read, what is left to the parser, and that both read the same."""

import asyncio
from typing import Any

from aiohttp.base_protocol import BaseProtocol
from aiohttp.http_parser import HttpResponseParser
from hypothesis import given, settings
from hypothesis import strategies as st

from periskope_async._sansio.rate_headers import read_rate
from periskope_async._sansio.response import Response
from periskope_async._sansio.usual_answer import MAX_HEAD, UsualAnswer, read_usual
from tests.support import each_of

HEAD = b"HTTP/1.1 200 OK\r\nDate: today\r\nX-Twice: 1\r\nx-twice:\t2 \r\nContent-Length: 2\r\n\r\n"


def read(data: bytes) -> UsualAnswer:
    """Return what is read, which must be an answer."""
    answer = read_usual(data)
    assert answer is not None
    return answer


def test_what_is_read() -> None:
    """Headers are found by their names in any case, the first of a name first; the body is all that follows."""
    headers, body, limit = read(HEAD + b"{}")
    assert (body, limit) == (b"{}", ())
    assert (headers.get("DATE"), headers.get("X-Twice"), headers.get("Dat"), headers.get("x")) == (
        "today",
        "1",
        None,
        None,
    )
    assert "content-length" in headers
    assert "Length" not in headers
    assert 1 not in headers
    assert headers.getall("X-Twice", []) == ["1", "2"]
    assert headers.getall("nothing", ["else"]) == ["else"]
    assert dict(headers.items()) == {"Date": "today", "X-Twice": "1", "x-twice": "2", "Content-Length": "2"}


LIMIT = b"X-RateLimit-Limit: 100\r\nX-RateLimit-Remaining: 7\r\nX-RateLimit-Reset: 43"
LIMITS = {
    "as usual": LIMIT,
    "in the smallest letters": LIMIT.lower(),
    "with a date in it, as express-rate-limit has it": LIMIT.replace(
        b"\r\nX-RateLimit-Reset: ", b"\r\nDate: x\r\nx-ratelimit-reset: "
    ),
}
OTHER_LIMITS = {
    "one of three": b"X-RateLimit-Limit: 1",
    "of a draft": b"ratelimit-policy: a",
    "with a suffix": LIMIT.replace(b"Limit:", b"Limit-short:"),
    "with another of a suffix": LIMIT + b"\r\nX-RATELIMIT-LIMIT-short: 1",
    "with a policy": b"RateLimit-Policy: 100;w=60\r\n" + LIMIT,
    "another of the same name": LIMIT + b"\r\nx-ratelimit-remaining: 6",
    "in another order": b"\r\n".join(reversed(LIMIT.split(b"\r\n"))),
    "with something in it": LIMIT.replace(b"\r\n", b"\r\nX: 1\r\n", 1),
    "a fraction": LIMIT + b".5",
    "nothing": LIMIT.replace(b"43", b""),
    "in a value": b"X: x-ratelimit-limit: 1",
}


@each_of("limit", LIMITS)
def test_the_usual_rate_limit(limit: str) -> None:
    """The three headers that nearly every service sends are read with the answer, and mean what they mean else."""
    headers, body, texts = read(with_line(LIMITS[limit]))
    assert texts == ("100", "7", "43")
    assert read_rate(Response(200, headers, body, limit=texts)) == read_rate(Response(200, headers, body)) is not None


@each_of("limit", OTHER_LIMITS)
def test_another_rate_limit_is_seen(limit: str) -> None:
    """Whatever else may speak of a rate limit is left to who reads all dialects."""
    assert read(with_line(OTHER_LIMITS[limit]))[2] is None


def test_no_rate_limit_needs_no_reading() -> None:
    """Where no header speaks of a rate limit, none is looked for."""
    headers, body, texts = read(HEAD + b"{}")
    assert texts == ()
    assert read_rate(Response(200, headers, body, limit=texts)) is None


def with_line(line: bytes) -> bytes:
    """Return an answer that has this header too."""
    return HEAD[:-2] + line + b"\r\n\r\n{}"


USUAL = {
    "no body": HEAD.replace(b"th: 2", b"th: 0"),
    "keep-alive": with_line(b"Connection: keep-alive") + b"{}"[2:],
    "no reason": HEAD.replace(b" OK", b" ") + b"{}",
    "no UTF-8": with_line(b"X: \xff"),
}
ODD = {
    "nothing": b"",
    "half a head": HEAD[:20],
    "half a body": HEAD + b"{",
    "more than the body": HEAD + b"{}{",
    "two answers": (HEAD + b"{}") * 2,
    "another status": HEAD.replace(b"200", b"201") + b"{}",
    "http/1.1": b"http" + HEAD[4:] + b"{}",
    "HTTP/1.0": HEAD.replace(b"1.1", b"1.0") + b"{}",
    "no length": HEAD.replace(b"Content-Length", b"Content-Width") + b"{}",
    "two lengths": with_line(b"Content-Length: 2"),
    "a length that is none": HEAD.replace(b"th: 2", b"th: +2") + b"{}",
    "a length in pieces": HEAD.replace(b"th: 2", b"th: 2, 2") + b"{}",
    "a length with a space": HEAD.replace(b"Length:", b"Length :") + b"{}",
    "chunks": with_line(b"Transfer-Encoding: chunked"),
    "packed": with_line(b"Content-Encoding: gzip"),
    "the end": with_line(b"Connection: close"),
    "the end, to a proxy": with_line(b"Proxy-Connection: close"),
    "both": with_line(b"Connection: keep-alive\r\nConnection: close"),
    "a folded line": with_line(b"X: 1\r\n 2"),
    "a line without a colon": with_line(b"X"),
    "a name with a space": with_line(b"X Y: 1"),
    "no name": with_line(b": 1"),
    "a control character": with_line(b"X: \x00"),
    "a lone line feed": with_line(b"X: 1\nY: 2"),
    "a lone carriage return": with_line(b"X: 1\rY: 2"),
    "many lines": with_line(b"\r\n".join([b"X: 1"] * 64)),
    "a long head": with_line(b"X: " + b"1" * MAX_HEAD),
}


@each_of("answer", USUAL)
def test_usual_answers(answer: str) -> None:
    """What is beyond doubt is read at once."""
    assert read_usual(USUAL[answer]) is not None
    assert parsed(USUAL[answer]) is not None


@each_of("answer", ODD)
def test_odd_answers_are_for_the_parser(answer: str) -> None:
    """What has not come whole, or might mean something else than it seems to, is left to the parser."""
    assert read_usual(ODD[answer]) is None


# -- both read the same -----------------------------------------------------------------------------------------------


def parsed(data: bytes) -> tuple[list[tuple[str, str]], bytes] | None:
    """Return what aiohttp's parser makes of an answer that leaves its connection open, with nothing behind it."""
    loop: Any = asyncio.new_event_loop()
    try:
        protocol = BaseProtocol(loop)
        parser = HttpResponseParser(protocol, loop, 2**16, response_with_body=True, read_until_eof=True)
        protocol._parser = parser
        messages, upgraded, tail = parser.feed_data(data)
        ((message, body),) = messages
        assert (message.code, message.should_close, upgraded, tail, body.is_eof()) == (200, False, False, b"", True)
        headers = [(name.lower(), value) for name, value in message.headers.items()]  # it has spellings of its own
        return headers, body.read_nowait() if body._size else b""
    finally:
        loop.close()


NAMES = st.sampled_from(
    [b"X", b"Content-Length", b"content-type", b"Connection", b"Transfer-Encoding", b"Upgrade", b"X Y", b"", b"\xc3"]
)
VALUES = st.sampled_from(
    [b"1", b"2", b" 2", b"close", b"keep-alive", b"chunked", b"", b"a\tb ", b"\xff", b"\x01", b"\r", b"\n"]
)
LINES = st.builds(
    lambda name, between, value: name + between + value, NAMES, st.sampled_from([b":", b": ", b" :", b""]), VALUES
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\n "])
ANSWERS = st.builds(
    lambda start, lines, length, body: (
        start + b"".join(line + end for line, end in lines) + length + b"\r\n\r\n" + body
    ),
    st.sampled_from([b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 \r\n", b"HTTP/1.1 200\r\n", b"http/1.1 200 OK\r\n"]),
    st.lists(st.tuples(LINES, ENDS), max_size=3),
    st.sampled_from([b"Content-Length: 2", b"content-length: 2", b"Content-Length: 0", b"Content-Length: 02"]),
    st.sampled_from([b"{}", b"", b"{}{}"]),
)


# Not in batches as elsewhere: those of the oldest Hypothesis drew for a minute, until no two answers were the same.
@given(data=ANSWERS)
@settings(max_examples=200)
def test_the_parser_reads_the_same(data: bytes) -> None:
    """Whatever is read without the parser is what aiohttp's parser reads too: headers, body, and an open connection."""
    usual = read_usual(data)
    if usual is not None:
        headers, body, _ = usual
        assert parsed(data) == ([(name.lower(), value) for name, value in headers.items()], body)
