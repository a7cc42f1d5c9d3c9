import math
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from periskope_async import TicketStatus
from periskope_async._sansio.arguments import (
    as_count,
    as_flag,
    as_flags_by_name,
    as_future,
    as_labels,
    as_moment,
    as_one_of,
    as_seconds,
    as_text,
    as_texts,
)
from periskope_async._sansio.ids import (
    as_chat_id,
    as_chat_ids,
    as_group_id,
    as_id,
    as_ids,
    as_numbers,
    as_phone,
    as_recipients,
    path_segment,
)
from periskope_async._sansio.unset import UNSET
from periskope_async._spelling import suggest
from periskope_async.errors import ConfigurationError
from tests.support import any_text, cases, each_of, many

#: What stands around an id in a line or a cell.
AROUND = [(" ", ""), ("", "\n"), ("\t", "\r\n"), ("\u00a0", "\u00a0")]


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
            assert unquote(segment, errors="strict") == ticket_id.strip()


@each_of(
    ("ticket_id", "reason"),
    [
        ("", "is empty"),
        (" \u00a0\u2003", "is empty"),
        (".", "another resource"),
        ("..", "another resource"),
        ("BKT\r\n-001", "control character"),
        ("BKT\x00", "control character"),
        ("BKT\x85-001", "control character"),
        ("BKT-\ud800", "lone surrogate"),
        ("B" * 257, "longer than 256"),
        (None, "expected text, got NoneType"),
        (1, "expected text, got int"),
        (b"BKT-001", "expected text, got bytes"),
        (["BKT-001"], "expected one id as text, got list; for many ids use get_many or stream"),
    ],
)
def test_bad_id_says_why(ticket_id: object, reason: str) -> None:
    """The refusal of an id names the argument and the reason, and can be printed."""
    with pytest.raises(ConfigurationError, match=rf"^ticket_id: .*{reason}") as caught:
        path_segment("ticket_id", ticket_id)
    assert str(caught.value).isprintable()


@each_of(
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


@each_of(
    ("check", "value", "spelled"),
    [
        *((check, f"{before}BKT-001{after}", "BKT-001") for check in (path_segment, as_id) for before, after in AROUND),
        *((as_ids, [f"{before}a-1{after}"], ["a-1"]) for before, after in AROUND),
        *((as_chat_id, f"{before}9198765-1612@g.us{after}", "9198765-1612@g.us") for before, after in AROUND),
        *((as_group_id, f"{before}120363000@g.us{after}", "120363000@g.us") for before, after in AROUND),
        *((as_phone, f"{before}phone-abc{after}", "phone-abc") for before, after in AROUND),
    ],
)
def test_white_space_around_an_id(check: Callable[[str, Any], object], value: object, spelled: object) -> None:
    """A line of a file, or a cell of a table, is the id in it, of whatever it is."""
    assert check("id", value) == spelled


# -- other arguments --------------------------------------------------------------------------------------------------

Check = Callable[[str, Any], object]


def count(name: str, value: Any) -> object:
    """Check a count of at least one."""
    return as_count(name, value, least=1)


@each_of(
    ("check", "value", "spelled"),
    [
        (as_text, " a ", " a "),
        (as_text, TicketStatus.OPEN, "open"),
        (as_texts, ("a", "b"), ["a", "b"]),
        (as_texts, iter([TicketStatus.OPEN]), ["open"]),
        (as_texts, [], []),
        (as_labels, "a, b", "a, b"),
        (as_labels, "", ""),
        (as_labels, ("a", "b c"), "a, b c"),
        (as_labels, iter(["a"]), "a"),
        (as_labels, [], ""),
        (as_moment, date(2026, 12, 1), "2026-12-01"),
        (as_moment, datetime(2026, 12, 1, 9, tzinfo=UTC), "2026-12-01T09:00:00+00:00"),
        (as_moment, datetime(2026, 12, 1, 9), "2026-12-01T09:00:00+00:00"),  # noqa: DTZ001  # the point
        (as_moment, datetime(2026, 12, 1, 9, tzinfo=timezone(timedelta(hours=5.5))), "2026-12-01T09:00:00+05:30"),
        (as_moment, "tomorrow", "tomorrow"),
        (as_phone, " +91 98765-432.10 ", "919876543210"),
        (as_phone, "(0049) 30 1234", "0049301234"),
        (as_phone, "919876543210@c.us", "919876543210"),
        (as_phone, " phone-a_B-9 ", "phone-a_B-9"),
        (as_numbers, ["+91 98765-432.10", "919876543210@c.us", "1"], ["919876543210", "1"]),
        (
            as_chat_ids,
            iter(["1234567", "1234567@c.us", "1-2@g.us", "7@lid"]),
            ["1234567", "1234567@c.us", "1-2@g.us", "7@lid"],
        ),
        (as_group_id, "1-2@g.us", "1-2@g.us"),
        (as_flags_by_name, {"a": True, "b": False}, {"a": True, "b": False}),
        (as_flags_by_name, {}, {}),
        (as_flag, True, True),
        (as_flag, False, False),
        (count, 1, 1),
        (as_seconds, 2, 2.0),
        (as_seconds, 0.001, 0.001),
    ],
)
def test_argument_is_spelled(check: Check, value: object, spelled: object) -> None:
    """What callers may pass comes out as the API reads it, in plain types."""
    found = check("name", value)
    assert (found, type(found)) == (spelled, type(spelled))


@pytest.mark.parametrize("check", [as_text, as_texts, as_labels, as_moment, as_flag])
def test_what_is_not_given_stays_so(check: Check) -> None:
    """A field that is left as it is passes every check."""
    assert check("name", UNSET) is UNSET


@each_of(
    ("check", "value", "reason"),
    [
        (as_text, "", "is empty"),
        (as_text, " \n", "is empty"),
        (as_text, None, "expected text, got NoneType"),
        (as_text, 5, "expected text, got int"),
        (as_texts, "ab", "expected several texts, got str"),
        (as_texts, 5, "expected several texts, got int"),
        (as_texts, ["a", ""], "is empty"),
        (as_texts, ["a", 5], "expected text, got int"),
        (as_labels, 5, "expected names, got int"),
        (as_labels, [""], "is empty"),
        (as_labels, ["a,b"], "a name may not hold a comma"),
        (as_moment, 5, "expected text, got int"),
        (as_moment, "", "is empty"),
        (as_numbers, [], "is empty"),
        (as_numbers, UNSET, "is empty"),
        (as_numbers, "1", "expected several texts, got str"),
        (as_numbers, ["1", "phone-a"], "expected of each a number"),
        (as_numbers, ["1@g.us"], "expected of each a number"),
        (as_numbers, ["٣"], "expected of each a number"),
        (as_numbers, ["+"], "expected of each a number"),
        (as_numbers, [1], "expected text, got int"),
        (as_chat_ids, [], "is empty"),
        (as_chat_ids, "1@c.us", "expected several chat ids, got str"),
        (as_chat_ids, ["1"], "expected a number with"),
        (as_chat_ids, ["12@c.us"], "expected a number with"),
        (as_chat_ids, ["1234567", "+1"], "expected a number with"),
        (as_chat_ids, ["1 @c.us"], "expected a number with"),
        (as_chat_ids, ["1@c.us\n"], "expected a number with"),
        (as_chat_ids, ["1@c.us@c.us"], "expected a number with"),
        (as_chat_ids, ["1" * 257], "expected a number with"),
        (as_group_id, "1@c.us", "expected the id of a group"),
        (as_group_id, "@g.us", "expected the id of a group"),
        (as_group_id, UNSET, "expected the id of a group"),
        (as_group_id, 5, "expected text, got int"),
        (as_flags_by_name, ["a"], "expected True or False by name, got list"),
        (as_phone, 919876543210, "expected text, got int"),
        (as_phone, "", "expected a number with country code"),
        (as_phone, "phone-", "expected a number with country code"),
        (as_phone, "12\r\n34", "expected a number with country code"),
        (as_phone, "٣٤", "expected a number with country code"),
        (as_flag, 1, "expected True or False, got int"),
        (as_flag, None, "expected True or False, got NoneType"),
        (count, 0, "expected at least 1"),
        (count, True, "expected a whole number, got bool"),
        (count, 1.0, "expected a whole number, got float"),
        (as_seconds, 0, "expected a positive, finite number of seconds"),
        (as_seconds, math.inf, "expected a positive, finite number of seconds"),
        (as_seconds, math.nan, "expected a positive, finite number of seconds"),
        (as_seconds, True, "expected seconds as a number, got bool"),
        (as_seconds, "5", "expected seconds as a number, got str"),
    ],
)
def test_bad_argument_says_why(check: Check, value: object, reason: str) -> None:
    """A refusal names the argument and the reason."""
    with pytest.raises(ConfigurationError, match=rf"^name: {reason}"):
        check("name", value)


@each_of(
    ("value", "reason"),
    [
        ("opne", "expected one of open, inprogress, closed, archived, got 'opne'; did you mean 'open'[?]"),
        ("Closed", ".*, got 'Closed'; did you mean 'closed'[?]"),
        ("in-progress", ".*; did you mean 'inprogress'[?]"),
        ("arch", ".*; did you mean 'archived'[?]"),
        ("done", ".*, got 'done'$"),
        ("", "is empty"),
        (1, "expected text, got int"),
    ],
)
def test_a_mistyped_word(value: object, reason: str) -> None:
    """What is none of the words there are is refused before anything is sent, with the nearest of them."""
    with pytest.raises(ConfigurationError, match=rf"^status: {reason}"):
        as_one_of("status", value, TicketStatus)


def test_words_of_an_open_list() -> None:
    """The words there are go through, and what the service may have added, if somebody says that it is no slip."""
    assert [as_one_of("status", word, TicketStatus) for word in ("open", TicketStatus.CLOSED)] == ["open", "closed"]
    assert as_one_of("status", TicketStatus("paused"), TicketStatus) == "paused"
    assert as_one_of("status", UNSET, TicketStatus) is UNSET


@each_of(
    ("word", "words", "suggestion"),
    [
        ("ab", ["ba"], "; did you mean 'ba'?"),
        ("abc", ["abd", "abe", "abf", "abg"], "; did you mean 'abd' or 'abe' or 'abf'?"),
        ("abc", ["xbz", ""], ""),
        ("a", ["b"], "; did you mean 'b'?"),
        ("", ["b", "longer"], "; did you mean 'b'?"),
        ("reset", ["reset-before", "reset-during", "stale"], "; did you mean 'reset-before' or 'reset-during'?"),
        ("x", [], ""),
    ],
)
def test_the_nearest_word(word: str, words: list[str], suggestion: str) -> None:
    """Of words that differ in few letters, the nearest are named; else those of which it is the beginning."""
    assert suggest(word, words) == suggestion


@pytest.mark.parametrize(
    "chat_id",
    [
        "919876500001",
        "919876500001@c.us",
        "120363000000000001@g.us",
        "919876500001-1612345678@g.us",
        "123456789012345@lid",
    ],
)
def test_chat_ids(chat_id: str) -> None:
    """What the API has for a chat id goes through as it is."""
    assert as_chat_id("chat_id", chat_id) == chat_id
    assert as_chat_ids("chat_ids", iter([chat_id])) == as_recipients("chat_ids", iter([chat_id])) == [chat_id]


@pytest.mark.parametrize(
    ("spelling", "chat_id"),
    [
        ("+91 98765 00001", "919876500001"),
        (" (91) 98765-00001 ", "919876500001"),
        ("+919876500001@c.us", "919876500001@c.us"),
        ("919876500001@c.us ", "919876500001@c.us"),
    ],
)
def test_a_number_is_a_chat_however_it_is_spelled(spelling: str, chat_id: str) -> None:
    """A chat id takes the spellings that a phone takes, so that no call knows its own; a chat is in a list once."""
    assert as_chat_id("chat_id", spelling) == chat_id
    assert as_phone("phone", spelling) == as_numbers("participants", [spelling])[0] == chat_id.removesuffix("@c.us")
    with pytest.raises(ConfigurationError, match="one chat is in it twice"):
        as_recipients("chat_ids", [spelling, chat_id.removesuffix("@c.us")])


@each_of(
    "chat_id",
    [
        *("", " ", "home", "@c.us", "919876500001@", "+91 98765 00001@g.us", "+12345", "٣٤٥"),
        *("120363000000000001", "919876500001-1612345678", "919876500001@c.us/edit", 919876500001, None),
    ],
)
def test_no_chat_has_such_an_id(chat_id: object) -> None:
    """What no chat can have is refused by name, and not repeated in the message: it may be a number."""
    with pytest.raises(ConfigurationError, match=r"^to: ") as caught:
        as_chat_id("to", chat_id)
    assert "00001" not in str(caught.value)
    with pytest.raises(ConfigurationError, match=r"^to: "):
        as_chat_ids("to", [chat_id])


def test_a_chat_is_in_a_list_once() -> None:
    """With its suffix or without, a chat is the same one."""
    with pytest.raises(ConfigurationError, match="one chat is in it twice"):
        as_recipients("to", ["919876500001", "919876500002@c.us", "919876500001@c.us"])


NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (NOW + timedelta(seconds=1), "2026-11-26T12:00:01+00:00"),
        (datetime(2026, 11, 26, 12, 0, 1), "2026-11-26T12:00:01+00:00"),  # noqa: DTZ001  # it is about one
        (datetime(2026, 11, 26, 17, 31, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-11-26T12:01:00+00:00"),
        (date(2026, 11, 27), "2026-11-27T00:00:00+00:00"),
        ("2026-11-26T12:00:01Z", "2026-11-26T12:00:01+00:00"),
        ("next Monday", "next Monday"),
        (UNSET, UNSET),
    ],
)
def test_a_time_to_come(value: object, sent: object) -> None:
    """A time to come goes out in UTC; text that Python cannot read is left to the service."""
    assert as_future("scheduled_at", value, NOW) == sent


@pytest.mark.parametrize("value", [NOW, NOW - timedelta(days=1), date(2026, 11, 26), "2026-11-26T17:30:00+05:30"])
def test_a_time_in_the_past(value: object) -> None:
    """A time that has passed, in whatever zone, is refused by name."""
    with pytest.raises(ConfigurationError, match="scheduled_at: is in the past"):
        as_future("scheduled_at", value, NOW)
