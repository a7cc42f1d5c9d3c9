import importlib
import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from tests.support import each_of

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

#: Each benchmark, with the rows that need nothing but the package and its base dependencies.
NEEDED = {
    "bulk": {"periskope get_many", "periskope stream", "periskope_sync get_many", "aiohttp pool, dicts"},
    "sweep": {"periskope get_many", "aiohttp gather + json()"},
    "latency": {"periskope get_many", "aiohttp pool, dicts"},
    "growth": {"periskope get_many", "periskope stream", "periskope get_many, collector off"},
    "blocking-bulk": {"periskope get_many", "periskope_sync get_many"},
    "blocking-call": {"periskope_sync get", "http.client (floor)"},
    "shared-client": {"periskope_sync get"},
    "decode": {"periskope models", "json.loads, dicts"},
    "decode-group": {"periskope models", "json.loads, dicts"},
    "bookkeeping": {"as the client does it", "built, sent once, judged, decoded", "kept, with max_age"},
    "held": {"periskope models", "json.loads, dicts"},
    "import": {"periskope_async", "aiohttp"},
    "export": {"periskope tickets export, jsonl", "periskope tickets export, csv", "periskope tickets export, parquet"},
}


@pytest.fixture
def benchmark_module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the module that fetches in bulk; its neighbours are found beside it."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("fetching")


@pytest.fixture
def soak(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Give the module of the long run."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("soak")


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", NEEDED)
def test_every_peer_does_what_it_claims(name: str, tmp_path: Path) -> None:
    """One short round of each benchmark ends well: its own checks of ids, counts and requests served hold."""
    out = tmp_path / "figures.json"
    command = [sys.executable, BENCHMARKS / "run.py", "--smoke", "--own-server", "--only", name, "--figures", out]
    run = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert run.returncode == 0, run.stderr
    rows = Counter(row for _, row, _, figures in json.loads(out.read_text()) if figures)
    assert rows.keys() >= NEEDED[name]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_short_soak() -> None:
    """Both clients make all their calls while the service fails, and nothing but memory, which settles later, grows."""
    command = [sys.executable, BENCHMARKS / "soak.py", "--calls", "1600", "--pause", "6", "--minutes", "1"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=110, check=False)
    assert run.returncode in {0, 1}, run.stderr
    said = run.stdout.splitlines()
    assert re.match(r"1,600 calls in \d+ s: 1,5\d\d found, ", said[0])
    requests, faults = (int(each.replace(",", "")) for each in re.findall(r"[\d,]+\d", said[1])[:2])
    assert requests > 1_500
    assert 0.03 < faults / requests < 0.07
    verdicts = {line.split("|")[1].strip(): line.split("|")[-2].strip() for line in said if line.startswith("| ")}
    assert verdicts.keys() == {"", "memory, MB", "objects", "tasks", "descriptors", "threads"}
    assert [verdicts[name] for name in ("tasks", "descriptors", "threads")] == ["flat"] * 3


@each_of(
    "first, last, grown",
    [
        ((60.0, 1_000, 2, 19, 10), (61.9, 1_029, 2, 19, 10), set()),
        ((100.0, 1_000, 2, 19, 10), (102.9, 900, 1, 12, 9), set()),
        (
            (60.0, 1_000, 2, 19, 10),
            (62.1, 1_031, 3, 20, 11),
            {"memory_mb", "objects", "tasks", "descriptors", "threads"},
        ),
    ],
)
def test_what_a_soak_calls_growth(
    soak: ModuleType, first: tuple[float, ...], last: tuple[float, ...], grown: set[str]
) -> None:
    """What is open or at work may not grow at all, memory by what allocators keep; what was before the run is apart."""
    readings = [soak.Reading(30.0, 10, 1, 5, 1), soak.Reading(*first), soak.Reading(*last)]
    assert {verdict.name for verdict in soak.judge(readings) if not verdict.flat} == grown


@pytest.mark.parametrize(
    "results",
    [
        [],
        [{"ticket": {"ticket_id": "BKT-000000"}}],
        [{"ticket": {"ticket_id": "BKT-000000"}}] * 2,
        ["BKT-000001", "BKT-000002"],
        [2342],
        [2342, 17],
    ],
)
def test_a_peer_that_fetched_something_else_is_found_out(benchmark_module: ModuleType, results: list[object]) -> None:
    """Missing, repeated and foreign tickets, and bodies of the wrong length, fail a benchmark."""
    with pytest.raises(AssertionError):
        benchmark_module.check(results, ["BKT-000000", "BKT-000001"])


def test_whole_bodies_and_right_ids_pass(benchmark_module: ModuleType) -> None:
    """Tickets may arrive in any order; a dropped body counts by its length."""
    benchmark_module.check(["BKT-000001", "BKT-000000"], ["BKT-000000", "BKT-000001"])
    benchmark_module.check([2342, 2342], ["BKT-000000", "BKT-000001"])
    benchmark_module.check([2342, 17], ["BKT-000000", "BKT-000001"], varied=True)


def test_a_goal_tells_by_how_much_it_is_missed(benchmark_module: ModuleType) -> None:
    """Ratios are of medians; `short_by` is a share of the bound, whichever way the goal points."""
    goals = importlib.import_module("goals")
    table = goals.BULK
    series = {
        (table, benchmark_module.OURS, "plain"): [110.0, 115.0, 190.0],
        (table, benchmark_module.DICTS, "plain"): [100.0, 100.0, 100.0],
        (table, benchmark_module.HTTPX, "plain"): [500.0, 460.0, 400.0],
    }
    told = {
        verdict.text: (verdict.measured, verdict.met, verdict.short_by)
        for verdict in goals.classify(goals.GOALS, series)
    }
    assert told == {
        "get_many / aiohttp pool to dicts": (1.15, False, pytest.approx(0.15)),
        "httpx / get_many": (4.0, False, pytest.approx(0.2)),
    }
