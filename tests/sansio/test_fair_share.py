from hypothesis import given, settings
from hypothesis import strategies as st

from periskope_async._sansio.fair_share import may_take


def test_equal_shares() -> None:
    """A window of 100 is 25 for each of four; who has had them leaves what is left to the others."""
    assert may_take(100, 75, 24, (25, 0, 0))
    assert not may_take(100, 75, 25, (0, 0, 0))
    assert not may_take(100, 50, 25, (25, 0, 0))


def test_what_nobody_else_wants_is_free() -> None:
    """Beyond its share a process takes what the shares of the others leave, and all of it where there are none."""
    assert may_take(100, 25, 25, (25, 25, 25))
    assert may_take(100, 1, 99, ())
    assert may_take(10, 2, 3, (3, 3))


def test_a_small_window_is_for_who_comes_first() -> None:
    """Where there are more processes than requests, each may have one."""
    assert may_take(2, 1, 0, (1, 0, 0))
    assert not may_take(2, 1, 1, (0, 0, 0))


@settings(deadline=None)  # it measures nothing
@given(st.integers(1, 200), st.integers(1, 20), st.data())
def test_nothing_is_left_for_ever(limit: int, processes: int, data: st.DataObject) -> None:
    """While something is left of a window, one of those who want it may take it."""
    taken = [0] * processes
    for _ in range(limit):
        left = limit - sum(taken)
        able = [one for one in range(processes) if may_take(limit, left, taken[one], [*taken[:one], *taken[one + 1 :]])]
        assert able
        taken[data.draw(st.sampled_from(able)) if limit < 20 else able[-1]] += 1
    assert max(taken) - min(taken) <= max(1, limit % processes)
