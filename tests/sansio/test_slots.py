"""What processes that share a file say of themselves, and what it means to one of them."""

from random import Random

from periskope_async._sansio.slots import (
    ASK,
    LAPSE,
    NO_SLOT,
    NOBODY,
    ON_ITS_WAY,
    SLOT_SIZE,
    Others,
    Slot,
    pack_slot,
    see_others,
)

NOW = 1000.0


def slots(*said: Slot) -> bytes:
    """The end of a file with these."""
    return b"".join(map(pack_slot, said))


def test_what_the_others_do() -> None:
    """What is in flight elsewhere is added up, and who wants more is known by what it has taken; not one's own."""
    found = see_others(
        slots(Slot(NOW, NOW + 0.2, 3, 7, 5), Slot(NOW, NOW + 0.2, 9, 7, 9), Slot(NOW, NOW - 1, 2, 7, 4)), 1, NOW, 7
    )
    assert found == Others(5, ((7, 5),), (), NOW + 0.2)
    assert see_others(slots(Slot(NOW, NOW - 1)) + NO_SLOT, 5, NOW, 7) == see_others(b"", 0, NOW, 7) == NOBODY


def test_who_is_silent() -> None:
    """Who is silent may have ended, and what it took ahead goes with its window; after a while nothing of it counts."""
    silent = slots(Slot(NOW, NOW + 0.2, 8, 6, 8, 7))
    later = NOW + ON_ITS_WAY + 0.1
    assert see_others(silent, 1, later, 6) == Others(8, (), (0,), later + ASK)
    assert see_others(silent, 1, later, 7).in_flight == 1
    assert see_others(silent, 1, NOW + LAPSE + 0.1, 6) == NOBODY


def test_noise_means_nothing() -> None:
    """What no process wrote, and half a slot at the end, count for nobody."""
    dice = Random(1)  # noqa: S311  # repeatable
    for size in (SLOT_SIZE - 1, SLOT_SIZE, 20 * SLOT_SIZE + 5):
        assert see_others(dice.randbytes(size), 0, NOW, 7) == NOBODY
