"""The forms of an export's files, and what is found where one is to be. Knows no network, options or progress."""

import csv
import io
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import reduce
from operator import attrgetter, getitem
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from periskope_async._codec.model import Model
from periskope_async.cli.outcome import Exit, Failure
from periskope_async.cli.text import from_line, named, to_line
from periskope_async.records import columns, to_record

__all__ = [
    "Form",
    "Kind",
    "check_beside",
    "csv_form",
    "csv_row",
    "followed",
    "growing",
    "holds_something",
    "is_stream",
    "jsonl_form",
    "open_stream",
    "recover",
    "rows_to_csv",
]


class Kind(NamedTuple):
    """What an export is of.

    Attributes:
        name: what several are called, such as `tickets`.
        model: what each is.
        id_path: where the id of one stands, in the model as in its JSON; the last part is also its column.
    """

    name: str
    model: type[Any]
    id_path: Sequence[str]

    @property
    def id_key(self) -> str:
        """What the id is called."""
        return self.id_path[-1]

    def id_of(self, value: Any) -> str:
        """Return the id of one."""
        found: str = attrgetter(".".join(self.id_path))(value)
        return found


class Form(NamedTuple):
    """A file format to which whole records are appended, so that whatever happens, only the last can be torn.

    Attributes:
        header: what the file begins with.
        record: the bytes of one value, ending in a newline.
        split: the whole records of a file, from where it stands; a torn one at the end is left out.
        id_of: whose record it is; ValueError, LookupError or TypeError if it is not a record.
    """

    header: bytes
    record: Callable[[Any], bytes]
    split: Callable[[BinaryIO], Iterator[bytes]]
    id_of: Callable[[bytes], str]


def followed(path: Path) -> Path:
    """Return the file that *path* is a symbolic link to, whether it is there yet or not; any other path as it is.

    Raises:
        Failure: it leads to something that an export cannot go into.
        OSError: it cannot be examined.
    """
    # A link such as /dev/stdout may lead to what has no other name.
    return Path(os.path.realpath(path)) if path.is_symlink() and not is_stream(path) else path


def is_stream(path: Path) -> bool:
    """Whether *path* is something to write into as it is, with nothing beside it, and never to be removed.

    That is a pipe, a character device, or a file that is open but has no name any more.

    Raises:
        Failure: it is something that an export cannot go into.
        OSError: it cannot be examined.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return False
    mode = found.st_mode
    if stat.S_ISREG(mode):
        return not found.st_nlink
    if stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
        return True
    kind = "a directory" if stat.S_ISDIR(mode) else "a block device" if stat.S_ISBLK(mode) else "a socket"
    raise Failure(Exit.USAGE, f"{named(path)} is {kind}: nothing to write an export into.")


def holds_something(path: Path) -> bool:
    """Whether there is a file at *path*, and it is not empty."""
    return path.exists() and path.stat().st_size > 0


def open_stream(path: Path) -> BinaryIO:
    """Open what `is_stream` as it is. A named pipe waits for its reader.

    Raises:
        OSError: it cannot be opened.
    """
    # Made and emptied by nobody: it is there, and Linux may refuse to "make" a pipe that belongs to somebody else.
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND), "wb")


def growing(out: Path) -> Path:
    """The file in which the Parquet file *out* is written until it is whole."""
    return out.with_name(f"{out.name}.part")


def check_beside(path: Path, begins: bytes) -> None:
    """Find out whether a file can be written at *path* in which everything that is there may be replaced.

    Args:
        path: the file.
        begins: what it begins with if an earlier export wrote it.

    Raises:
        Failure: something else is there. It is left as it is.
        OSError: nothing can be written there.
    """
    start = None
    if not path.is_symlink() and not is_stream(path):
        with path.open("a+b") as file:
            file.seek(0)
            start = file.read(len(begins))
    if start is None or not begins.startswith(start):
        raise Failure(Exit.USAGE, f"{named(path)} was not written by an export. Move it away; nothing was changed.")
    if not start:
        path.unlink()


def recover(path: Path, form: Form) -> set[str]:
    """Return the ids of what is in *path*, after cutting off a record that was torn in writing.

    Raises:
        Failure: the file is not an export of this form. It is left as it is.
        OSError: it cannot be read or written.
    """
    found = set[str]()
    with path.open("r+b") as file:
        # A file that does not even begin as ours do must not lose its end to us.
        begins = form.header or b"{"
        start = file.read(len(begins))
        if not begins.startswith(start):
            raise Failure(Exit.USAGE, f"{named(path)} is not an export of this form; nothing was changed.")
        end = file.seek(len(form.header) if start == begins else 0)
        for number, record in enumerate(form.split(file), 1):
            try:
                found.add(form.id_of(record))
            except (ValueError, LookupError, TypeError):
                problem = f"{named(path)}: record {number} is of something else; nothing was changed."
                raise Failure(Exit.USAGE, problem) from None
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


def jsonl_form(kind: Kind) -> Form:
    """Return the form of a file with one JSON object a line, as the API sends it."""

    def id_of(record: bytes) -> str:
        found = reduce(getitem, kind.id_path, from_line(record))
        if not isinstance(found, str):
            raise TypeError
        return found

    return Form(b"", _json_record, _lines, id_of)


def csv_form(kind: Kind) -> Form:
    """Return the form of a file with flat columns, and a header that names them."""
    names = columns(kind.model)

    def id_of(record: bytes) -> str:
        (row,) = csv.reader(io.StringIO(record.decode(), newline=""))
        return dict(zip(names, row, strict=True))[kind.id_key]

    return Form(csv_row(names), _csv_record, _rows, id_of)


def _json_record(value: Model) -> bytes:
    return to_line(value.to_dict())


def _csv_record(value: Model) -> bytes:
    return csv_row(map(_cell, to_record(value).values()))


def csv_row(cells: Iterable[Any]) -> bytes:
    """Return one row of CSV in UTF-8."""
    row: str = _write_row(cells)
    return row.encode("utf-8", "backslashreplace")


class _Echo:
    """A file to a CSV writer, which returns what its file's `write` does."""

    write = str


_write_row: Final = csv.writer(_Echo()).writerow

#: What a record holds that is not written as it is.
_CELLS: Final[Mapping[type, Callable[[Any], str]]] = {
    bool: lambda flag: "true" if flag else "false",
    datetime: datetime.isoformat,
    tuple: ", ".join,
}


def _cell(value: Any) -> Any:
    """Return a value as spreadsheets and data tools read it."""
    spell = _CELLS.get(value.__class__)
    return value if spell is None else spell(value)


def rows_to_csv(model: type[Model], rows: Iterable[Model]) -> bytes:
    """Return *rows*, which are of one model, as CSV, with a header."""
    return b"".join([csv_row(columns(model)), *map(_csv_record, rows)])
