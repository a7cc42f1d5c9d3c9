import math
from random import Random

import pytest
from attrs import asdict
from hypothesis import given
from hypothesis import strategies as st

from periskope_async._sansio.circuit import Health
from periskope_async._sansio.ledger import Ledger
from periskope_async._sansio.ledger_image import (
    LAYOUT,
    MAX_IMAGE,
    NAME_BYTES,
    STALE,
    load_image,
    save_image,
    size_of,
)
from periskope_async._sansio.permit import Permit
from periskope_async._sansio.rate_headers import MAX_LIMITS, RateReading

NOISE = Random(1).randbytes(5000)  # noqa: S311  # repeatable
#: What a process has to itself.
OWN = {"circuit", "_round_trip", "_failures", "_now", "last_reading", "in_flight"}


def used(*names: str, now: float = 100.0, reset: float | None = None) -> Ledger:
    """Return a ledger that has sent two requests and heard of one, of a service with limits by these names."""
    ledger = Ledger()
    permit = ledger.admit(now)
    assert isinstance(permit, Permit)
    readings = [RateReading(10 + n, 9 + n, 5.0, 1.0, reset, 5.0, name=name) for n, name in enumerate(names)]
    readings[0].further = tuple(readings[1:])
    ledger.answer(permit, now + 0.1, readings[0], Health.GOOD)
    assert isinstance(ledger.admit(now + 0.2), Permit)
    return ledger


def shared(ledger: Ledger) -> dict[str, object]:
    """What processes share of a ledger."""
    found = asdict(ledger)
    return {name: value for name, value in found.items() if name not in OWN and "_round_trip" not in str(name)}


@pytest.mark.parametrize("names", [("",), ("short", "long"), tuple(f"n{n}" for n in range(MAX_LIMITS))])
@pytest.mark.parametrize("reset", [None, 1_740_000_000.5])
def test_there_and_back(names: tuple[str, ...], reset: float | None) -> None:
    """What one process saves another loads, with every limit of the service, and goes on from it."""
    ledger = used(*names, reset=reset)
    image = save_image(ledger, 100.3)
    assert image is not None
    assert size_of(image) == len(image) <= MAX_IMAGE
    other = Ledger()
    assert load_image(image + b"of another time", other, 100.4)
    for limit in (*ledger.further, *other.further):
        limit._round_trip = math.inf
    assert shared(other) == shared(ledger)
    assert other.rate_limit(101.0) == ledger.rate_limit(101.0)
    assert save_image(other, 100.3) == image


def test_fewer_limits_and_no_window() -> None:
    """Whoever knew more than the image, limits or a window, knows what is in the image."""
    image = save_image(Ledger(), 100.0)
    assert image is not None
    ledger = used("short", "long")
    assert load_image(image, ledger, 100.0)
    assert (ledger.further, ledger.window, ledger.last_reading, ledger.name) == ((), None, None, "")


@given(st.integers(0, 300), st.integers(1, 255))
def test_a_damaged_image_is_none(position: int, flips: int) -> None:
    """Whatever byte is another one, the image is refused, and the ledger stays what it was."""
    image = save_image(used(""), 100.3)
    assert image is not None
    damaged = bytearray(image)
    position %= len(image)
    damaged[position] ^= flips
    ledger = Ledger()
    if position not in {2, 3}:  # padding
        assert not load_image(bytes(damaged), ledger, 100.4)
    assert not load_image(image[:position], ledger, 100.4)
    assert shared(ledger) == shared(Ledger())


@pytest.mark.parametrize("image", [b"", bytes(5000), b"\xff" * 5000, NOISE])
def test_anything_else_is_none(image: bytes) -> None:
    """An empty file, zeros, ones and noise are no image."""
    assert not load_image(image, Ledger(), 100.0)


def test_what_is_stale_is_forgotten() -> None:
    """What nobody wrote for a minute is not believed, unless its window or its pause goes on."""
    plain, paused, open_ = Ledger(), Ledger(), used("")
    paused.paused_until = 400.0
    assert open_.window is not None
    open_.window.closes_at = 300.0
    for ledger, until in ((plain, 100.0 + STALE), (paused, 400.0 + STALE), (open_, 300.0 + STALE)):
        image = save_image(ledger, 100.0)
        assert image is not None
        assert load_image(image, Ledger(), until)
        assert not load_image(image, Ledger(), until + 0.1)


def test_a_time_to_come_is_of_another_clock() -> None:
    """What was written far in the future is not believed."""
    image = save_image(Ledger(), 1000.0)
    assert image is not None
    assert load_image(image, Ledger(), 999.0)
    assert not load_image(image, Ledger(), 900.0)


@pytest.mark.parametrize("name", ["x" * (NAME_BYTES + 1), "nul\0"])
def test_a_name_that_does_not_fit(name: str) -> None:
    """A limit whose name the image cannot hold is not shared by halves: there is no image."""
    assert save_image(used(name), 100.0) is None
    assert save_image(used("short", name), 100.0) is None
    assert save_image(used("\udcff" * 20), 100.0) is not None


def test_the_layout_has_a_number() -> None:
    """A change of the layout's size is a change of its number: processes of two versions do not share a file."""
    assert (LAYOUT, MAX_IMAGE) == (3, 1870)
