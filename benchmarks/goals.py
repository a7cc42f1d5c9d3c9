"""What the package promises to cost, and whether a run's figures keep the promise. Pure: measures nothing."""

import operator
from collections.abc import Callable, Mapping
from statistics import median
from typing import Final, NamedTuple

import attrs
import bookkeeping
import calling
import decoding
import fetching
import importing
from harness import PLAIN, SPEED, Key, Series


class Cell(NamedTuple):
    """Two figures of one run that are compared, and how they should stand."""

    over: Key
    under: Key
    bound: float


@attrs.frozen
class Goal:
    """A promise, by mode."""

    text: str
    cells: Mapping[str, Cell]
    at_least: bool = False
    combine: Callable[[float, float], float] = operator.truediv


class Verdict(NamedTuple):
    """How one goal stands in one mode."""

    text: str
    mode: str
    bound: str
    measured: float
    quartiles: tuple[float, float]  # of the same, round by round: a drifting machine moves these less
    met: bool
    short_by: float  # of the bound; 0.1 is ten per cent


def classify(goals: tuple[Goal, ...], series: Series) -> list[Verdict]:
    """Compare what was measured with each goal; goals without figures are left out."""
    return [
        _verdict(goal, mode, cell, series)
        for goal in goals
        for mode, cell in goal.cells.items()
        if cell.over in series and cell.under in series
    ]


def _verdict(goal: Goal, mode: str, cell: Cell, series: Series) -> Verdict:
    over, under = series[cell.over], series[cell.under]
    measured = goal.combine(median(over), median(under))
    rounds = sorted(map(goal.combine, over, under))
    short = (cell.bound - measured if goal.at_least else measured - cell.bound) / cell.bound
    sign = "≥" if goal.at_least else "≤"
    quartiles = rounds[len(rounds) // 4], rounds[-1 - len(rounds) // 4]
    return Verdict(goal.text, mode, f"{sign} {cell.bound:g}", measured, quartiles, short <= 0, max(0.0, short))


def _both(table: str, over: str, under: str, plain: float, speed: float) -> dict[str, Cell]:
    return {
        mode: Cell(Key(table, over, mode), Key(table, under, mode), bound)
        for mode, bound in ((PLAIN, plain), (SPEED, speed))
    }


def _grown(unit: str, row: str, bound: float) -> dict[str, Cell]:
    return {SPEED: Cell(Key(f"growth, {unit}", row, "50,000"), Key(f"growth, {unit}", row, "1,000"), bound)}


BULK: Final = "bulk, µs per ticket"
CALL: Final = "blocking call, µs per call"
GET_MANY: Final = fetching.OURS

GOALS: Final = (
    Goal("get_many / aiohttp pool to dicts", _both(BULK, GET_MANY, fetching.DICTS, 1.0, 1.0)),
    Goal("get_many / aiohttp pool, body dropped", _both(BULK, GET_MANY, fetching.DROPPED, 1.15, 1.15)),
    Goal("get_many / aiohttp gather + json()", _both(BULK, GET_MANY, fetching.NAIVE, 0.95, 0.85)),
    Goal("httpx / get_many", _both(BULK, fetching.HTTPX, GET_MANY, 5, 5), at_least=True),
    Goal("requests + threads / get_many", _both(BULK, fetching.REQUESTS, GET_MANY, 4, 4), at_least=True),
    Goal("decode to models / json.loads", _both("decode, µs per body", decoding.OURS, decoding.JSON, 2.0, 1.0)),
    Goal("blocking get / urllib3 PoolManager", _both(CALL, calling.OURS, calling.URLLIB3, 1.0, 0.95)),
    Goal("blocking get / requests Session", _both(CALL, calling.OURS, calling.REQUESTS, 0.4, 0.4)),
    Goal(
        "blocking bulk / async bulk",
        _both("blocking bulk, µs per ticket", fetching.BLOCKING, GET_MANY, 1.05, 1.05),
    ),
    Goal(
        "import periskope_async / import aiohttp",
        {
            PLAIN: Cell(
                Key("import, ms", importing.OURS, importing.COLUMN),
                Key("import, ms", importing.AIOHTTP, importing.COLUMN),
                1.0,
            )
        },
    ),
    Goal(
        "retries, pacing and deadline on the success path, µs",
        _both("bookkeeping, µs of CPU per call", bookkeeping.CALLED, bookkeeping.STRAIGHT, 3, 3),
        combine=operator.sub,
    ),
    Goal("time per ticket, 50,000 / 1,000", _grown("µs per ticket", GET_MANY, 1.3)),
    Goal("the same, collector off", _grown("µs per ticket", f"{GET_MANY}{fetching.COLLECTOR_OFF}", 1.05)),
    Goal("stream's peak, 50,000 - 1,000, MB", _grown("peak MB", fetching.STREAM, 20), combine=operator.sub),
    Goal(
        "10,000 tickets held / as dicts",
        {
            PLAIN: Cell(
                Key("10,000 tickets held, MB", decoding.OURS, PLAIN),
                Key("10,000 tickets held, MB", decoding.JSON, PLAIN),
                0.7,
            ),
            SPEED: Cell(
                Key("10,000 tickets held, MB", decoding.OURS, SPEED),
                Key("10,000 tickets held, MB", decoding.ORJSON, SPEED),
                0.7,
            ),
        },
    ),
)
