import math
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from periskope_async._sansio.rate_headers import MAX_LIMITS, _parameters, rate_suffixes, read_rate, read_retry_after
from periskope_async._sansio.response import Response
from tests.sansio.answers import NOW, answer
from tests.support import any_text, cases, each_of, many

DAY = 86_400.0

# -- Retry-After ------------------------------------------------------------------------------------------------------


def http_date(moment: float) -> str:
    """Format a moment as HTTP does, in whole seconds."""
    return formatdate(moment, usegmt=True)


@each_of(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("12.345", 12.345),
        ("0.30000000000000004", 0.30000000000000004),
        ("86401", 86_400.0),
        ("999999999999999", 86_400.0),
        (http_date(NOW + 90), 90.0),
        (http_date(NOW - 90), 0.0),
        ("Monday, 23-Nov-26 12:01:30 GMT", 90.0),
        ("Mon Nov 23 12:01:30 2026", 90.0),
        ("2026-11-23T12:01:30Z", 90.0),
        ("2026-11-23T12:01:30.500+00:00", 90.5),
        ("Mon Nov 23 2026 12:01:30 GMT+0000 (Coordinated Universal Time)", 90.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 86_400.0),
        ("Mon, 01 Jan 0001 00:00:00 GMT", 0.0),
    ],
)
def test_retry_after_is_understood(text: str, seconds: float) -> None:
    """Seconds, fractions and dates are understood, from 0 to a day."""
    assert read_retry_after(answer(429, retry_after=text)) == seconds


@each_of(
    "text",
    [
        *(
            "",
            "-1",
            "+5",
            "nan",
            "inf",
            "1e400",
            "1e3",
            "0x10",
            "٣",
            "²",
            "9" * 5_000,
            "1" * 16,
            "1.",
            ".5",
            "1,5",
            "5 s",
        ),
        *("soon, we hope", "Fri, 31 Dec 99999 23:59:59 GMT", "Mon, 99 Nov 2026 12:00:00 GMT", "\ud800", "x" * 8_000),
    ],
)
def test_retry_after_that_is_none(text: str) -> None:
    """What is no time is as if it were not there."""
    assert read_retry_after(answer(429, retry_after=text)) is None


def test_no_retry_after() -> None:
    """An answer without the header asks for nothing."""
    assert read_retry_after(answer(429)) is None


@given(st.floats(-DAY, DAY), st.integers(0, int(DAY)))
def test_retry_after_date_survives_wrong_clocks(skew: float, seconds: int) -> None:
    """A date counts from the server's Date: a clock that is a day off, on either side, changes nothing."""
    server = math.floor(NOW + skew)
    response = answer(429, retry_after=http_date(server + seconds), date=http_date(server))
    assert read_retry_after(response) == seconds


def test_retry_after_date_without_date() -> None:
    """Without a readable Date, a date counts from when the answer came."""
    for date in ({}, {"date": "yesterday"}):
        assert read_retry_after(answer(429, retry_after=http_date(NOW + 5), **date)) == 5.0


# -- rate limits ------------------------------------------------------------------------------------------------------


def legacy(reset: str, *, limit: str = "100", remaining: str = "40", **more: str) -> dict[str, str]:
    """Return the headers of the older dialect."""
    return {"x_ratelimit_limit": limit, "x_ratelimit_remaining": remaining, "x_ratelimit_reset": reset, **more}


def javascript_date(moment: float) -> str:
    """Format a moment as `String(new Date(moment))` does."""
    return datetime.fromtimestamp(moment, UTC).strftime("%a %b %d %Y %H:%M:%S GMT+0000 (Coordinated Universal Time)")


#: How a service whose clock shows `start` says that a window ends at `end`: rounded up, as Express's middleware does.
RESET_DIALECTS: dict[str, Callable[[float, float], str]] = {
    "seconds from now": lambda start, end: str(math.ceil(end - start)),
    "epoch seconds": lambda _, end: str(math.ceil(end)),
    "epoch milliseconds": lambda _, end: str(math.ceil(end * 1000)),
    "HTTP date": lambda _, end: http_date(math.ceil(end)),
    "ISO date": lambda _, end: datetime.fromtimestamp(math.ceil(end), UTC).isoformat(),
    "JavaScript date": lambda _, end: javascript_date(math.ceil(end)),
}


@pytest.mark.parametrize("dialect", RESET_DIALECTS)
@given(st.floats(-DAY, DAY), st.floats(0.0, 3_590.0), st.floats(0.0, 0.999))
def test_reset_is_understood_on_any_clock(dialect: str, skew: float, seconds: float, fraction: float) -> None:
    """Whatever way Reset is told, and however wrong a clock, the window lasts as long as it does, and never shorter."""
    server = math.floor(NOW + skew) + fraction
    reset = RESET_DIALECTS[dialect](server, server + seconds)
    reading = read_rate(answer(200, **legacy(reset, date=http_date(math.floor(server)))))
    assert reading is not None
    assert (reading.limit, reading.remaining) == (100, 40)
    assert seconds - 0.001 <= reading.resets_in <= seconds + reading.slack + 0.001
    assert not reading.length_reported


@pytest.mark.parametrize("date", [{}, {"date": "nonsense"}])
def test_reset_without_date_counts_from_our_clock(date: dict[str, str]) -> None:
    """Where the server tells no time of its own, ours has to do."""
    reading = read_rate(answer(200, **legacy(str(int(NOW) + 30), **date)))
    assert reading is not None
    assert (reading.resets_in, reading.slack, reading.reset, reading.clock) == (30.0, 1.0, NOW + 30, "ours")


@pytest.mark.parametrize(
    ("shown", "length"), [(30, 30.0), (30.9, 30.0), (29.95, 30.0), (1.95, 1.0), (29, None), (360, None), (-240, None)]
)
def test_our_clock_is_believed_where_it_shows_a_usual_length(shown: float, length: float | None) -> None:
    """Without a Date a window's length is taken from our clock only if it is one that people set."""
    reading = read_rate(answer(200, **legacy(str(int((NOW + shown) * 1000)))))
    assert reading is not None
    assert reading.length == length


def test_a_refusal_tells_the_end_of_its_window_without_a_date() -> None:
    """Retry-After ends with the window, whatever the clocks show."""
    reading = read_rate(answer(429, **legacy(str(int(NOW) + 360), retry_after="60")))
    assert reading is not None
    assert (reading.resets_in, reading.clock, reading.length) == (60.0, "refusal", None)


@each_of(
    ("reset", "resets_in"),
    [
        ("0", 0.0),
        ("3600", 3_600.0),
        ("7200", 3_600.0),
        ("999999", 3_600.0),
        ("1000000", 0.0),
        (str(int(NOW) - 5), 0.0),
        (str(int(NOW) + 7_200), 3_600.0),
        (str((int(NOW) + 7) * 1_000), 7.0),
        ("999999999999999", 3_600.0),
        ("0001-01-01T00:00:00+14:00", 0.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 3_600.0),
    ],
)
def test_reset_is_clamped(reset: str, resets_in: float) -> None:
    """A window ends between now and an hour from now, whatever it says."""
    reading = read_rate(answer(200, **legacy(reset, date=http_date(NOW))))
    assert reading is not None
    assert reading.resets_in == resets_in


DIALECTS: dict[str, tuple[dict[str, str], tuple[Any, ...]]] = {
    "draft 6": (
        {
            "ratelimit_limit": "100, 100;w=60",
            "ratelimit_remaining": "40",
            "ratelimit_reset": "30",
            "ratelimit_policy": "100;w=60",
        },
        (100, 40, 30.0, 60.0, True),
    ),
    "draft 6 without policy": (
        {"ratelimit_limit": "100", "ratelimit_remaining": "40", "ratelimit_reset": "30"},
        (100, 40, 30.0, 30.0, False),
    ),
    "draft 7": (
        {"ratelimit": "limit=100, remaining=40, reset=30", "ratelimit_policy": "100;w=60"},
        (100, 40, 30.0, 60.0, True),
    ),
    "draft 7 without policy": ({"ratelimit": "limit=100, remaining=40, reset=30"}, (100, 40, 30.0, 30.0, False)),
    "draft 8": (
        {"ratelimit": '"default";r=40;t=30', "ratelimit_policy": '"default";q=100;w=60'},
        (100, 40, 30.0, 60.0, True),
    ),
    "legacy beside draft 6: the one that tells the window": (
        {
            **legacy("1795435230"),
            "ratelimit_limit": "50",
            "ratelimit_remaining": "20",
            "ratelimit_reset": "10",
            "ratelimit_policy": "50;w=20",
        },
        (50, 20, 10.0, 20.0, True),
    ),
    "a window of endless length": (
        {"ratelimit": "limit=100, remaining=40, reset=30", "ratelimit_policy": "100;w=999999999999999"},
        (100, 40, 30.0, 86_400.0, True),
    ),
    "a window of no length": (
        {"ratelimit": "limit=100, remaining=40, reset=30", "ratelimit_policy": "100;w=0"},
        (100, 40, 30.0, 30.0, False),
    ),
}


NESTJS = {
    **{f"x_ratelimit_{what}_short": text for what, text in (("limit", "3"), ("remaining", "2"), ("reset", "1"))},
    **{f"x_ratelimit_{what}_long": text for what, text in (("limit", "20"), ("remaining", "19"), ("reset", "10"))},
}

SEVERAL: dict[str, tuple[dict[str, str], list[tuple[Any, ...]]]] = {
    "@nestjs/throttler": (NESTJS, [("-short", 3, 2, 1.0, 1.0), ("-long", 20, 19, 10.0, 10.0)]),
    "one of them without a name": (
        {**legacy("60"), **NESTJS},
        [("", 100, 40, 60.0, 60.0), ("-short", 3, 2, 1.0, 1.0), ("-long", 20, 19, 10.0, 10.0)],
    ),
    "one that cannot be read": (
        {**NESTJS, "x_ratelimit_reset_short": "soon"},
        [("-long", 20, 19, 10.0, 10.0)],
    ),
    "draft 8": (
        {
            "ratelimit": '"day";r=900;t=4000, "second"; r=40; t=1',
            "ratelimit_policy": '"day";q=1000;w=86400, "second"; q=100; w=1',
        },
        [('"day"', 1000, 900, 3_600.0, 86_400.0), ('"second"', 100, 40, 1.0, 1.0)],
    ),
}


@pytest.mark.parametrize("dialect", SEVERAL)
def test_several_limits(dialect: str) -> None:
    """Where an answer tells several limits, each is read by its name."""
    headers, told = SEVERAL[dialect]
    response = answer(200, **headers)
    reading = read_rate(response)
    assert reading is not None
    assert [
        (each.name, each.limit, each.remaining, each.resets_in, each.length) for each in (reading, *reading.further)
    ] == told
    assert read_rate(response, rate_suffixes(response.headers)) == reading


def test_suffixes_that_are_known_are_not_searched_for() -> None:
    """Where it is known what a service sends, no other header is looked at."""
    response = answer(200, **NESTJS)
    assert rate_suffixes(response.headers) == ("-short", "-long")
    assert read_rate(response, ()) is None
    reading = read_rate(response, ("-long",))
    assert reading is not None
    assert (reading.name, reading.further) == ("-long", ())


def test_suffixes_without_end() -> None:
    """A service that makes suffixes up is read as far as any honest one goes."""
    headers = {f"x_ratelimit_{what}_{number}": "5" for number in range(99) for what in ("limit", "remaining", "reset")}
    response = answer(200, **headers)
    assert len(rate_suffixes(response.headers)) == MAX_LIMITS
    reading = read_rate(response)
    assert reading is not None
    assert len(reading.further) == MAX_LIMITS - 1


def test_retry_after_with_a_suffix() -> None:
    """A refusal may name the limit in the header's name; of several the longest wait counts."""
    headers = {"retry_after_short": "1", "retry_after_long": "7", "retry_after_odd": "soon"}
    assert read_retry_after(answer(429, **headers)) == 7.0
    assert read_retry_after(answer(503, **headers)) is None
    assert read_retry_after(answer(429, retry_after_odd="soon")) is None


@each_of("dialect", DIALECTS)
def test_rate_limit_dialects(dialect: str) -> None:
    """Every dialect tells limit, remaining, the window's end and, where it says so, the window's length."""
    headers, told = DIALECTS[dialect]
    reading = read_rate(answer(200, **headers))
    assert reading is not None
    assert (reading.limit, reading.remaining, reading.resets_in, reading.length, reading.length_reported) == told


def test_epoch_resets_name_their_window_and_learn_its_length() -> None:
    """An absolute Reset names its window, whose first answer shows its length, less the coarseness of the header."""
    seconds = read_rate(answer(200, **legacy("1795435262", date=http_date(NOW))))
    millis = read_rate(answer(200, **legacy("1795435260500", date=http_date(NOW))))
    assert seconds is not None
    assert millis is not None
    assert (seconds.reset, seconds.length, seconds.slack) == (NOW + 62, 61.0, 2.0)
    assert (millis.reset, millis.length, millis.slack) == (NOW + 60.5, 60.0, 1.0)


@each_of(
    ("shown", "length"), [(61, 60), (60, 60), (2, 1), (3, 2), (1, 1), (16, 15), (15, 15), (8, 7), (45, 44), (0, 1)]
)
@each_of("unit", [1, 1_000])
def test_a_window_that_starts_on_a_full_second(shown: int, length: float, unit: int) -> None:
    """Reset less Date is a second more than the window, unless it is a usual length as it stands and not otherwise."""
    reading = read_rate(answer(200, **legacy(str((int(NOW) + shown) * unit), date=http_date(NOW))))
    assert reading is not None
    assert reading.length == length


@each_of(
    "headers",
    [
        {},
        {"x_ratelimit_limit": "100"},
        legacy("soon"),
        legacy("", remaining="4"),
        legacy("30", limit="0"),
        legacy("30", limit="-1"),
        legacy("30", limit="many"),
        legacy("30", remaining="-1"),
        legacy("30", remaining="nan"),
        legacy("30", remaining="٣"),
        {"ratelimit": "nonsense"},
        {"ratelimit": '"a";r=1;t=1', "ratelimit_policy": '"b";q=1;w=1'},
        {"ratelimit": "limit=1, remaining=1, reset=1", "ratelimit_policy": "x" * 2_000},
        {"ratelimit": "a," * 2_000},
    ],
)
def test_rate_limit_that_is_none(headers: dict[str, str]) -> None:
    """Headers that cannot be read are as if they were not there."""
    assert read_rate(answer(200, **headers)) is None


#: What servers write where a number belongs, and what they should not.
odd_values = st.sampled_from(
    [
        *(
            "0",
            "1",
            "100",
            "3600",
            "999999",
            "1000000",
            "1795435230",
            "1795435230500",
            "999999999999999",
            "1.5",
            "0.001",
        ),
        *("-1", "-0.0", "nan", "inf", "1e3", "1e400", "0x10", "٣", "9" * 400, " 7 ", "7;w=60", "1.2.3", "\ud800", ""),
        *(
            http_date(NOW),
            http_date(NOW + DAY),
            http_date(0),
            "Fri, 31 Dec 9999 23:59:59 -2359",
            "0001-01-01T00:00:00+14:00",
        ),
        *(
            "9999-12-31T23:59:59-14:00",
            "20261123",
            "2026-W48",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994",
            "1 2 3",
        ),
    ]
)
values = odd_values | st.integers(-10, 10**16).map(str) | any_text


@pytest.mark.slow
@cases(20_000)
@given(many(values), odd_values)
def test_retry_after_reader_is_total(texts: list[str], date: str) -> None:
    """No Retry-After and no Date make the reader fail, or return anything but a wait from 0 to a day."""
    for text in texts:
        seconds = read_retry_after(answer(429, retry_after=text, date=date))
        assert seconds is None or 0.0 <= seconds <= 86_400.0


#: How each dialect says limit, remaining, reset and window.
SPELLINGS: list[Callable[[str, str, str, str], dict[str, str]]] = [
    lambda limit, remaining, reset, _: legacy(reset, limit=limit, remaining=remaining),
    lambda limit, remaining, reset, window: {
        "ratelimit_limit": limit,
        "ratelimit_remaining": remaining,
        "ratelimit_reset": reset,
        "ratelimit_policy": f"{limit};w={window}",
    },
    lambda limit, remaining, reset, window: {
        "ratelimit": f"limit={limit}, remaining={remaining}, reset={reset}",
        "ratelimit_policy": f"{limit};w={window}",
    },
    lambda limit, remaining, reset, window: {
        "ratelimit": f'"a";r={remaining};t={reset}, "b";r=1;t={reset}',
        "ratelimit_policy": f'"a";q={limit};w={window}, "b";q={limit}',
    },
    lambda limit, remaining, reset, _: {
        "x_ratelimit_limit_short": limit,
        "x_ratelimit_remaining_short": remaining,
        "x_ratelimit_reset_short": reset,
        "x_ratelimit_limit_long": limit,
        "retry_after_long": reset,
    },
]


@pytest.mark.slow
@cases(20_000 // len(SPELLINGS))
@given(many(st.tuples(values, values, values, values)), odd_values)
def test_rate_limit_reader_is_total(seen: list[tuple[str, str, str, str]], date: str) -> None:
    """In no dialect do any values make the reader fail, or tell a window that ends outside of the next hour."""
    for spell in SPELLINGS:
        for each in seen:
            reading = read_rate(answer(429, **spell(*each), date=date))
            if reading is not None:
                assert reading.limit >= 1
                assert reading.remaining >= 0
                assert 0.0 <= reading.resets_in <= 3_600.0
                assert reading.length is not None or reading.clock != "theirs"
                assert 0.0 <= (reading.length or 0.0) <= 86_400.0


@pytest.mark.parametrize("text", ["a" * 8_000, "a=" * 4_000, "a " * 4_000, "=" * 8_000, "1" * 8_000, " " * 8_000, "a,"])
def test_long_headers_are_read_in_no_time(text: str) -> None:
    """The readers take time in proportion to the header: none of them can be made to hold up the event loop."""
    names = [f"{prefix}RateLimit-{what}" for prefix in ("", "X-") for what in ("Limit", "Remaining", "Reset")]
    names += ["RateLimit", "RateLimit-Policy", "Date", "Retry-After", "X-RateLimit-Limit-short"]
    response = Response(429, CIMultiDict((name, text) for name in names * 12), b"", NOW)
    before = time.process_time()
    assert read_rate(response) is None
    assert read_retry_after(response) is None
    assert _parameters(text * 10) is not None
    # The quadratic readers that this rules out took seconds.
    assert time.process_time() - before < 0.5
