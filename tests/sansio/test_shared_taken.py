"""What a process has had more than its share of a window, and less of the next ones."""

from periskope_async._sansio.shared_taken import Taken


def test_what_was_more_than_a_share_counts_later() -> None:
    """Half of the share of each window after it, until the others have caught up."""
    taken, counted = Taken(), list[int]()
    for generation, count in enumerate([30, 6, 6, 10, 12]):
        taken.settle(generation, share=12)
        counted.append(taken.count)
        taken.add(generation, count)
    assert counted == [0, 6, 6, 6, 4]


def test_a_share_is_taken_off_once_a_window() -> None:
    """However often one looks, and whether it looked before it took something or after."""
    taken = Taken()
    taken.add(1, 40)
    for _ in range(3):
        taken.settle(2, share=10)
    assert (taken.of(2), taken.of(1)) == (5, 0)
    taken.add(3, 1)  # a probe: the window is not open yet
    assert taken.of(3) == 1
    taken.settle(3, share=10)
    assert taken.of(3) == 1 + 5


def test_what_is_left_is_not_saved() -> None:
    """Who has had less than its share has no more than another later, and what is handed back was not taken."""
    taken = Taken()
    taken.settle(1, share=10)
    taken.add(1, 3)
    taken.add(1, -3)
    taken.settle(2, share=10)
    taken.add(2, 10)
    taken.settle(3, share=10)
    assert taken.of(3) == 0
