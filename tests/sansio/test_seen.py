"""Ids that there were: as exact as a set, and small where they are many."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from periskope_async._sansio import seen
from periskope_async._sansio.seen import Seen

#: Ids that begin and end alike, hold what stands between ids, or are none.
KEYS = st.one_of(st.text("ab\n\U0001f3ab\ud83d", max_size=3), st.sampled_from([1, 2.5, None, True, b"a", ("a", "b")]))


@settings(deadline=None)
@given(st.lists(KEYS, max_size=40), st.integers(1, 6), st.integers(1, 3))
def test_it_is_as_exact_as_a_set(keys: list[Any], few: int, buckets: int) -> None:
    """Whatever the ids are, and whenever it changes how it keeps them, it says of each what a set does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen, "FEW_IDS", few)
        patch.setattr(seen, "BUCKETS", buckets)
        found, expected = Seen(), set[Any]()
        for key in keys:
            assert found.add(key) is (key not in expected)
            expected.add(key)
            assert len(found) == len(expected)


@pytest.mark.slow
def test_many_take_little_room() -> None:
    """Of 300,000 ids that nobody else holds, 30 bytes each are kept; in a set they took 100."""
    count = 300_000
    tracemalloc.start()
    try:
        found = Seen()
        for number in range(count):
            assert found.add(f"BKT-{number:07}")
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(found) == count
    assert taken < 30 * count
