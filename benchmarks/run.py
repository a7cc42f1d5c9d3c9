"""Measure periskope side by side with its peers on this machine: `python benchmarks/run.py`.

Prints every table and how each goal stands. With `--write` it also renews docs/explanation/performance.md. All of it
takes thirty-five minutes; with `--figures FILE` it may be had in parts, for what is in the file counts as measured:

    python benchmarks/run.py --figures all.json --only bulk --only sweep
    python benchmarks/run.py --figures all.json --only growth --rounds 5
    python benchmarks/run.py --figures all.json --none --write
"""

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Final

import bookkeeping
import calling
import decoding
import exporting
import fetching
import importing
from goals import GOALS, Verdict, classify
from harness import MODES, Key, Lab, Series, machine, pin, versions
from server import serve

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "explanation" / "performance.md"
MARK: Final = "<!-- Everything below is written by benchmarks/run.py. -->\n"

BENCHMARKS: Final[dict[str, Callable[[Lab], Series]]] = {
    "bulk": fetching.bulk,
    "sweep": fetching.sweep,
    "latency": fetching.latency,
    "growth": fetching.growth,
    "blocking-bulk": fetching.blocking_bulk,
    "blocking-call": calling.blocking_call,
    "shared-client": calling.shared_client,
    "decode": decoding.one_body,
    "decode-group": decoding.large_group,
    "bookkeeping": bookkeeping.overhead,
    "held": decoding.held,
    "import": importing.imports,
    "export": exporting.exports,
}

#: Tables that say nothing a reader needs.
DULL: Final = frozenset(
    f"{benchmark}, {unit}"
    for benchmark in ("bulk", "sweep", "20 ms latency", "blocking bulk")
    for unit in ("peak MB", fetching.COLLECTED)
)


def main() -> None:
    """Run what was asked for and report it."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", action="append", choices=BENCHMARKS, help="this benchmark; may be repeated")
    arguments.add_argument("--rows", default="", help="only rows that hold this regular expression")
    arguments.add_argument("--rounds", type=int, default=9, help="rounds of each benchmark (default 9)")
    arguments.add_argument("--smoke", action="store_true", help="one round of a few tickets: only see that all works")
    arguments.add_argument("--own-server", action="store_true", help="use the small server even where nginx is")
    arguments.add_argument("--write", action="store_true", help="renew docs/explanation/performance.md")
    arguments.add_argument("--figures", type=Path, help="keep every figure in this file, and report what it holds too")
    arguments.add_argument("--none", action="store_true", help="measure nothing: report what --figures holds")
    chosen = arguments.parse_args()

    series = _kept(chosen.figures)
    with serve(nginx=not chosen.own_server) as server:
        pinned = pin(server)
        lab = Lab(server, 1 if chosen.smoke else chosen.rounds, chosen.smoke, chosen.rows)
        for name in () if chosen.none else chosen.only or BENCHMARKS:
            series |= BENCHMARKS[name](lab)
            if chosen.figures:  # after each, for the next may fail
                chosen.figures.write_text(json.dumps([[*key, values] for key, values in series.items()]), "utf-8")
    setting = (
        f"{machine()}; server: {server.name}, "
        f"{'client and server each on a CPU of its own' if pinned else 'client and server not pinned'}; "
        f"medians of {_rounds(series)} interleaved rounds; "
        + versions(
            "aiohttp", "cattrs", "msgspec", "orjson", "uvloop", "httpx", "niquests", "requests", "urllib3", "pydantic"
        )
    )
    report = "\n".join([*_goals(classify(GOALS, series)), *_tables(series), f"Measured on {setting}.", ""])
    print(report)
    if chosen.write:
        PAGE.write_text(PAGE.read_text(encoding="utf-8").partition(MARK)[0] + MARK + "\n" + report, encoding="utf-8")


def _kept(figures: Path | None) -> Series:
    """Read what was measured before."""
    if figures is None or not figures.exists():
        return {}
    return {Key(*names): values for *names, values in json.loads(figures.read_text("utf-8"))}


def _rounds(series: Series) -> str:
    counts = sorted({len(values) for values in series.values()})
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else "no"


def _goals(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """Tell each goal as it stands, also where it is not reached."""
    yield "| goal | mode | bound | measured | quartiles of the rounds | |"
    yield "|---|---|---|---|---|---|"
    for text, mode, bound, measured, (low, high), met, short_by in verdicts:
        verdict = "met" if met else f"**short by {short_by:.0%}**"
        yield f"| {text} | {mode} | {bound} | {measured:.2f} | {low:.2f} - {high:.2f} | {verdict} |"
    yield ""


def _tables(series: Series) -> Iterator[str]:
    """Make one table for each benchmark and unit: peers down, modes or sizes across, medians inside."""
    for table in dict.fromkeys(key.table for key in series if key.table not in DULL):
        keys = [key for key in series if key.table == table]
        columns = [mode for mode in MODES if mode in {key.column for key in keys}] or _by_number(keys)
        rows = list(dict.fromkeys(key.row for key in keys))
        rows.sort(key=lambda row: min(median(series[key]) for key in keys if key.row == row))
        yield f"### {table[0].upper()}{table[1:]}"
        yield f"| | {' | '.join(columns)} |"
        yield "|---" * (len(columns) + 1) + "|"
        for row in rows:
            cells = [series.get(Key(table, row, column)) for column in columns]
            yield f"| {row} | {' | '.join(_number(median(cell)) if cell else '' for cell in cells)} |"
        yield ""


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def _by_number(keys: Sequence[Key]) -> list[str]:
    """Sort columns such as `1,000` and `50 in flight` by their number."""
    return sorted({key.column for key in keys}, key=lambda column: (len(column), column))


if __name__ == "__main__":
    main()
