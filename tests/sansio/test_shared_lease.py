"""How much of a window others may lease while a process takes its own lease."""

from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.shared_lease import spare_room
from periskope_async._sansio.window import Window


def room(taken: int, *theirs: int, limit: int = 100, crowded: bool = False) -> int:
    """The spare room of a window, of which all has been taken that the processes have."""
    window = Window(limit, taken + sum(theirs), 5.0, 5.0, None)
    return spare_room(Ledger(window=window, crowded=crowded), window, taken, theirs)


def test_who_takes_its_share_leaves_all_that_is_left() -> None:
    """What the others lease meanwhile takes nothing from a share."""
    assert room(25, 0, 0, 0) == 75


def test_who_takes_more_leaves_the_others_their_shares() -> None:
    """Beyond its share a process has what the others' shares leave: what one of them takes of that too is not there."""
    assert room(26, 25, 25, 20, limit=103) == 2
    assert room(30, 25, 25, 0, limit=103) == 0


def test_where_others_use_the_key_too_nothing_is_left() -> None:
    """What is in flight may be in the way there: each lease is planned on the one before."""
    assert room(25, 0, 0, 0, crowded=True) == 0
