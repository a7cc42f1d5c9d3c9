"""A page of a list is decoded in slices, between which others have their turn."""

import json
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from periskope_async._codec import parts
from periskope_async._codec.converter import ROWS_AT_ONCE, decode, decode_in_slices
from periskope_async.errors import DecodeError
from periskope_async.models import NotificationPage, TicketInfo, TicketPage
from tests.support import each_of

ROW = {"ticket_id": "BKT-001", "subject": None, "new_key": [1], "ticket_labels": "a, b"}


def drained(slices: Generator[None, None, Any]) -> tuple[int, Any]:
    """How often others had a turn, and what came out in the end."""
    turns = 0
    while True:
        try:
            next(slices)
        except StopIteration as end:
            return turns, end.value
        turns += 1


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.sampled_from([ROW, {"ticket_id": "BKT-002", "due_date": ""}, {**ROW, "status": "new"}]), max_size=250),
    st.dictionaries(st.sampled_from(["count", "from", "to", "new_key", "other"]), st.none() | st.integers(0, 9)),
    st.sampled_from([None, "data"]),
    st.sampled_from([1, 1_000, parts.PART_BYTES]),
)
def test_a_page_in_slices_is_the_page(rows: list[Any], others: dict[str, Any], key: str | None, size: int) -> None:
    """Slices make the same page as one go does, odd spellings too, with a turn after each part and each slice of it."""
    page = {**others, "tickets": rows}
    body = json.dumps(page if key is None else {key: page}).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PART_BYTES", size)
        turns, sliced = drained(decode_in_slices(body, TicketPage, key))
    whole = decode(body, TicketPage, key)
    if size == 1:  # every row is a part, and a slice
        assert turns == 2 * max(1, len(rows)) - (not rows)
    elif len(body) < size:
        assert turns == 1 + -(-len(rows) // ROWS_AT_ONCE)
    assert sliced == whole
    assert sliced.to_dict() == whole.to_dict() == page


@each_of("before", [True, False])
def test_a_page_beside_another_array(before: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """Where the array of rows cannot be found without parsing, the page is parsed whole, and read in slices."""
    rows, labels = {"tickets": [ROW] * 250}, {"labels": ["a"]}
    page = labels | rows if before else rows | labels
    body = json.dumps(page).encode()
    turns, sliced = drained(decode_in_slices(body, TicketPage))
    assert turns == 4
    assert sliced == decode(body, TicketPage)
    assert sliced.to_dict() == page


@each_of("key", ["notifications", "notifictions"])
def test_rows_may_stand_under_another_key(key: str) -> None:
    """Rows under the key that the service spells wrongly are read, and go back out under it."""
    page = {key: [{"notification_id": "one"}, {"notification_id": "two"}]}
    body = json.dumps(page).encode()
    turns, sliced = drained(decode_in_slices(body, NotificationPage))
    assert turns == 2
    assert sliced == decode(body, NotificationPage)
    assert sliced.to_dict() == decode(body, NotificationPage).to_dict()


@each_of(
    "body, cls",
    [
        (b'{"ticket": {"ticket_id": "BKT-001"}}', TicketInfo),
        (b'{"tickets": [{"ticket_id": "BKT-001"}, {"ticket_id": 5}]}', TicketPage),
        (b'{"tickets": "none"}', TicketPage),
        (b'{"labels": [1], "tickets": "none"}', TicketPage),
        (b'{"count": 1}', TicketPage),
        (b"[", TicketPage),
    ],
)
def test_what_is_no_page_is_left_to_the_one_way(body: bytes, cls: type[Any]) -> None:
    """Whatever else comes is decoded, or refused with its problems, in one go."""
    assert drained(decode_in_slices(body, cls))[1] is None


def test_the_problems_of_a_large_page_are_named() -> None:
    """A row that is wrong is named by its place in the page, however far down it stands."""
    body = json.dumps({"tickets": [ROW] * 150 + [{}]}).encode()
    assert drained(decode_in_slices(body, TicketPage)) == (4, None)
    with pytest.raises(DecodeError, match=r"required field missing @ \$\.tickets\[150\]\.ticket_id"):
        decode(body, TicketPage)
