"""A file of many tickets: what the whole command takes, beside the writing alone of what is at hand.

The floors fetch nothing: they turn bodies that are in memory into lines with orjson, or into a table with pyarrow. So
their time is what no export can do without, and their memory what one takes that holds everything at once.
"""

import csv
import json
import os
import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from harness import SPEED, Case, Lab, Series
from server import body, ids

COMMAND: Final = "periskope tickets export, {}"
ORJSON: Final = "orjson lines (floor)"
PYARROW: Final = "pyarrow alone (floor)"
FORMS: Final = ("jsonl", "csv", "parquet")
COUNTS: Final = (1_000, 10_000, 100_000)


def exports(lab: Lab) -> Series:
    """1,000, 10,000 and 100,000 tickets into each kind of file: time, and peak memory, which is to stay flat."""
    rows = {COMMAND.format(form): ("command", form) for form in FORMS}
    rows |= {ORJSON: ("lines", "jsonl"), PYARROW: ("table", "parquet")}
    cases = [
        Case(
            row, f"{count:,}", f"exporting:{function}", SPEED, {"form": form, "count": lab.size(count), "url": lab.url}
        )
        for row, (function, form) in rows.items()
        for count in COUNTS
    ]
    return lab.measure("export", cases, fresh=True)


def command(form: str, count: int, url: str) -> dict[str, float]:
    """Export that many tickets by the command, in a worker."""
    from periskope_async.cli import main

    os.environ |= {"PERISKOPE_API_KEY": "key-of-a-benchmark", "PERISKOPE_BASE_URL": url}
    with TemporaryDirectory() as folder:
        wanted, out = Path(folder, "ids"), Path(folder, f"tickets.{form}")
        wanted.write_text("\n".join(ids(count)), "utf-8")
        started = time.perf_counter()
        code = main(["tickets", "export", "--ids-file", str(wanted), "--out", str(out)])
        seconds = time.perf_counter() - started
        figures = _figures(seconds, count)  # before the file is read to check it
        assert code == 0
        assert _rows(out) == count
    return figures | {"requests": count}


def lines(form: str, count: int, url: str) -> dict[str, float]:
    """Write a line for each body with orjson, in a worker."""
    del form, url
    import orjson

    bodies = (body(ticket_id) for ticket_id in ids(count))
    with TemporaryDirectory() as folder:
        out = Path(folder, "tickets.jsonl")
        started = time.perf_counter()
        with out.open("wb") as file:
            for each in bodies:
                file.write(orjson.dumps(orjson.loads(each), option=orjson.OPT_APPEND_NEWLINE))
        figures = _figures(time.perf_counter() - started, count)
        assert _rows(out) == count
    return figures


def table(form: str, count: int, url: str) -> dict[str, float]:
    """Write a table of the bodies with pyarrow, a column for each of their keys with JSON in it, in a worker."""
    del form, url
    import orjson
    import pyarrow as pa
    import pyarrow.parquet as pq

    bodies = (body(ticket_id) for ticket_id in ids(count))
    with TemporaryDirectory() as folder:
        out = Path(folder, "tickets.parquet")
        started = time.perf_counter()
        rows = [{key: orjson.dumps(value) for key, value in orjson.loads(each).items()} for each in bodies]
        pq.write_table(pa.Table.from_pylist(rows), out)
        figures = _figures(time.perf_counter() - started, count)
        assert _rows(out) == count
    return figures


def _figures(seconds: float, count: int) -> dict[str, float]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
    return {"µs per ticket": seconds / count * 1e6, "peak MB": peak}


def _rows(out: Path) -> int:
    if out.suffix == ".parquet":
        import pyarrow.parquet as pq

        parquet: Any = pq.ParquetFile(out)
        return int(parquet.metadata.num_rows)
    if out.suffix == ".csv":
        with out.open(encoding="utf-8", newline="") as rows:
            return sum(1 for _ in csv.DictReader(rows))
    with out.open("rb") as file:
        return sum(1 for line in file if json.loads(line))
