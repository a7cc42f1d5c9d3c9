"""Parquet files of an export, in bounded memory. Knows no network, options or progress."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Final

from periskope_async._codec.converter import structure
from periskope_async._codec.frames import arrow_schema
from periskope_async._codec.model import Model
from periskope_async.cli.files import growing
from periskope_async.cli.text import from_line
from periskope_async.records import columns, to_record

__all__ = ["ROW_GROUP", "schema_of", "tables", "write_parquet"]

#: Rows of a group: a reader takes a whole one into memory, and so do we.
ROW_GROUP: Final = 10_000
#: Rows that are Python objects at once, which take ten times the room of arrow's.
ROWS_AT_ONCE: Final = 1_000


def schema_of(model: type[Any]) -> Any:
    """Return the `pyarrow.Schema` of a file of a *model*."""
    return arrow_schema(columns(model))


def tables(values: Iterable[Model], schema: Any) -> Iterator[Any]:
    """Yield `pyarrow.Table`s of the *values*, a row group each."""
    pa: Any = import_module("pyarrow")  # it brings no types along
    records = map(to_record, values)
    while batches := [
        _batch(pa, some, schema)
        for _ in range(ROW_GROUP // ROWS_AT_ONCE)
        if (some := list(islice(records, ROWS_AT_ONCE)))
    ]:
        yield pa.Table.from_batches(batches, schema)


def _batch(pa: Any, records: Sequence[Mapping[str, Any]], schema: Any) -> Any:
    try:
        return pa.RecordBatch.from_pylist(records, schema)
    except UnicodeEncodeError:  # a lone surrogate, which Parquet cannot hold any more than UTF-8 can
        return pa.RecordBatch.from_pylist(list(map(_storable, records)), schema)


def _storable(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record without lone surrogates."""
    return {
        name: value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value
        for name, value in record.items()
    }


def write_parquet(log: Path, out: Path, model: type[Any]) -> None:
    """Turn the JSONL file *log* of a *model* into the Parquet file *out*, which appears when it is whole.

    If that fails, *out* is as it was, and nothing of the attempt takes room any longer.

    Raises:
        OSError: one of them cannot be read or written.
    """
    schema, part = schema_of(model), growing(out)
    part.unlink(missing_ok=True)  # of one who was killed
    file = part.open("xb")
    try:
        # Written by Python, whose errors describe what happened in a person's words; pyarrow's are in its own.
        with file:
            with log.open("rb") as lines, import_module("pyarrow.parquet").ParquetWriter(file, schema) as writer:
                for table in tables((structure(from_line(line), model) for line in lines), schema):
                    writer.write_table(table)
            file.flush()
            os.fsync(file.fileno())  # some disks report only now that they are full; and the log goes after this
        part.replace(out)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
