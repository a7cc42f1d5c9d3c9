"""The files that an export writes, and what of one is whole after a crash. Knows no network, options or progress."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, cast

from periskope_async._converter import structure
from periskope_async.cli._outcome import Exit, Failure
from periskope_async.cli._text import to_json
from periskope_async.models import TicketInfo, TicketRow
from periskope_async.records import COLUMNS, ROW_COLUMNS, to_record

__all__ = ["CSV", "JSONL", "Form", "recover", "rows_to_csv", "write_parquet"]

#: Tickets in memory at once while a Parquet file is written.
_ROW_GROUP: Final = 10_000


class Form(NamedTuple):
    """A file format to which whole records are appended, so that whatever happens, only the last can be torn.

    Attributes:
        header: what the file begins with.
        record: the bytes of one ticket, ending in a newline.
        split: the whole records of a file, from where it stands; a torn one at the end is left out.
        ticket_id: which ticket a record holds; ValueError or LookupError if it holds none.
    """

    header: bytes
    record: Callable[[TicketInfo], bytes]
    split: Callable[[BinaryIO], Iterator[bytes]]
    ticket_id: Callable[[bytes], str]


def recover(path: Path, form: Form) -> set[str]:
    """Return the ids of the tickets in *path*, after cutting off a record that was torn in writing.

    Raises:
        Failure: the file is no export of this form. It is left as it is.
        OSError: it cannot be read or written.
    """
    found = set[str]()
    with path.open("r+b") as file:
        # A file that does not even begin as ours do must not lose its end to us.
        begins = form.header or b"{"
        start = file.read(len(begins))
        if not begins.startswith(start):
            raise Failure(Exit.USAGE, f"{path} is no export of this form; nothing was changed.")
        end = file.seek(len(form.header) if start == begins else 0)
        for number, record in enumerate(form.split(file), 1):
            try:
                found.add(form.ticket_id(record))
            except (ValueError, LookupError, TypeError):
                raise Failure(Exit.USAGE, f"{path}: record {number} is not a ticket; nothing was changed.") from None
            end += len(record)
        file.truncate(end)
    return found


def _lines(file: BinaryIO) -> Iterator[bytes]:
    return (line for line in file if line.endswith(b"\n"))


def _rows(file: BinaryIO) -> Iterator[bytes]:
    """CSV rows: a newline ends one, except inside quotes, where it belongs to a value."""
    row, quoted = bytearray(), False
    for line in file:
        row += line
        quoted ^= line.count(b'"') % 2 == 1
        if not quoted and line.endswith(b"\n"):
            yield bytes(row)
            row.clear()


def _json_id(record: bytes) -> str:
    ticket_id = json.loads(record)["ticket"]["ticket_id"]
    if not isinstance(ticket_id, str):
        raise TypeError
    return ticket_id


def _csv_id(record: bytes) -> str:
    (row,) = csv.reader(io.StringIO(record.decode(), newline=""))
    return dict(zip(COLUMNS, row, strict=True))["ticket_id"]


def _json_record(info: TicketInfo) -> bytes:
    return to_json(info.to_dict())


def _csv_record(ticket: TicketInfo | TicketRow) -> bytes:
    return _csv_row(map(_cell, to_record(ticket).values()))


def _csv_row(cells: Iterable[Any]) -> bytes:
    row = io.StringIO(newline="")
    csv.writer(row).writerow(cells)
    return row.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> Any:
    """A value as spreadsheets and data tools read it."""
    match value:
        case datetime():
            return value.isoformat()
        case tuple():
            return ", ".join(cast("tuple[str, ...]", value))
        case _:
            return value


def _storable(value: Any) -> Any:
    """A value without lone surrogates, which Parquet cannot hold any more than UTF-8 can."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def rows_to_csv(rows: Iterable[TicketRow]) -> bytes:
    """Return rows of the list of tickets as CSV, with a header."""
    return b"".join([_csv_row(ROW_COLUMNS), *map(_csv_record, rows)])


def write_parquet(log: Path, out: Path) -> None:
    """Turn the JSONL file *log* into the Parquet file *out*, which appears when it is whole.

    Raises:
        OSError: one of them cannot be read or written.
    """
    # pyarrow brings no types along, and is imported only where it is needed.
    pa: Any = import_module("pyarrow")
    types = {
        "text": pa.string(),
        "integer": pa.int64(),
        "number": pa.float64(),
        "boolean": pa.bool_(),
        "timestamp": pa.timestamp("us", tz="UTC"),
        "labels": pa.list_(pa.string()),
        "json": pa.string(),
    }
    schema = pa.schema([(name, types[kind]) for name, kind in COLUMNS.items()])
    growing = out.with_name(f"{out.name}.part")
    with log.open("rb") as lines, import_module("pyarrow.parquet").ParquetWriter(growing, schema) as writer:
        while group := list(islice(lines, _ROW_GROUP)):
            records = [
                {name: _storable(value) for name, value in to_record(structure(json.loads(line), TicketInfo)).items()}
                for line in group
            ]
            writer.write_table(pa.Table.from_pylist(records, schema))
    growing.replace(out)


JSONL: Final = Form(b"", _json_record, _lines, _json_id)
CSV: Final = Form(_csv_row(COLUMNS), _csv_record, _rows, _csv_id)
