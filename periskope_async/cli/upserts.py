"""A file that is brought up to date, and the state of the list that it is of. Knows no network, options or progress.

Beside the state there grows a file of what was fetched, each under the stamp that its row had. It survives being
killed, and what is in it is fetched no second time while the row still has that stamp. Its lock is the whole run's.
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from functools import reduce
from hashlib import file_digest
from importlib import import_module
from operator import getitem
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from periskope_async._codec.converter import structure
from periskope_async._codec.model import Model
from periskope_async.cli.files import (
    Form,
    Kind,
    check_beside,
    growing,
    holds_something,
    jsonl_form,
    recover,
)
from periskope_async.cli.held import Held, remove
from periskope_async.cli.outcome import Exit, Failure
from periskope_async.cli.parquet import ROW_GROUP, schema_of, tables
from periskope_async.cli.text import from_line, named, to_json, to_line

__all__ = [
    "Line",
    "Upsert",
    "bring_up_to_date",
    "digest",
    "fetched_beside",
    "fetched_form",
    "fetched_line",
    "known",
    "stamps_in",
]

#: What a state begins with.
_STATE: Final = b'{"file": "'


class Upsert(NamedTuple):
    """What a file becomes.

    Attributes:
        out: the file.
        form: of its records; None if it is Parquet.
        kind: of what it holds.
        fetched: the file of what was fetched.
        stamps: of what is to be taken from there, by id.
        removed: the ids of what is to go.
        anew: whether nothing of what is in the file stays.
    """

    out: Path
    form: Form | None
    kind: Kind
    fetched: Path
    stamps: Mapping[str, str]
    removed: frozenset[str]
    anew: bool


# --- what was fetched


def fetched_beside(state: Path) -> Path:
    """The file in which what is fetched is kept until the file that it is for is brought up to date."""
    return state.with_name(f"{state.name}.part.jsonl")


def fetched_form(kind: Kind, stamps: Mapping[str, str]) -> Form:
    """Return the form of that file; what is appended has these *stamps*, by id."""
    plain = jsonl_form(kind)

    def record(value: Model) -> bytes:
        return fetched_line(value, stamps.get(kind.id_of(value), ""))

    def id_of(line: bytes) -> str:
        return _line(kind, line).id

    return Form(b"", record, plain.split, id_of)


def fetched_line(value: Model, stamp: str) -> bytes:
    """Return the line that holds what was fetched."""
    return to_line({"stamp": stamp, "value": value.to_dict()})


class Line(NamedTuple):
    """What a line of it holds."""

    id: str
    stamp: str
    value: Any


def _line(kind: Kind, line: bytes) -> Line:
    found = from_line(line)
    name, stamp = reduce(getitem, kind.id_path, found["value"]), found["stamp"]
    if not (isinstance(name, str) and isinstance(stamp, str)):
        raise TypeError
    return Line(name, stamp, found["value"])


def stamps_in(fetched: Path, kind: Kind) -> dict[str, str]:
    """Return the stamps of what was fetched, by id, after cutting off what was torn in writing.

    Raises:
        Failure: the file holds something else. It is left as it is.
        OSError: it cannot be read or written.
    """
    recover(fetched, fetched_form(kind, {}))
    with fetched.open("rb") as lines:
        found = (_line(kind, line) for line in lines)
        return {name: stamp for name, stamp, _ in found}


# --- the file and its state

# The file and its state never disagree, although no two files can be replaced in one step. A state names the digest of
# the file it is of. Both are written beside what they replace and put on the disk, then the file is replaced, and then
# the state. Whoever is killed between the two leaves a new file, and beside the old state the new one, which names that
# file: the next run completes the step, and whatever else lies there is thrown away. A file that neither of them names
# was changed by somebody else: what the state says is not true of it, and nothing is built on that.


def known(out: Path, state: Path, *, overwrite: bool) -> dict[str, Any] | None:
    """Return the state that *out* is of, for the client; None to begin with everything.

    Raises:
        Failure: *out* and *state* are not of each other, unless *overwrite* says that it does not matter; or something
            else lies where they are.
        OSError: they cannot be read.
    """
    growing_state = growing(state)
    for file in (state, growing_state):
        check_beside(file, _STATE)
    of = digest(out)
    if (found := _read(growing_state)) is not None and found["file"] == of:
        growing_state.replace(state)
    growing_state.unlink(missing_ok=True)
    found = _read(state)
    if overwrite:
        return None
    if found is None and state.exists():
        raise Failure(Exit.USAGE, f"{named(state)} was damaged; nothing was changed.", _ANEW)
    if found is None and holds_something(out):
        raise Failure(Exit.USAGE, f"{named(out)} is there, and its state is not; nothing was changed.", _ANEW)
    if found is not None and found["file"] != of:
        raise Failure(Exit.USAGE, f"{named(out)} is not what {named(state)} is of; nothing was changed.", _ANEW)
    return None if found is None else found["state"]


_ANEW: Final = "--overwrite fetches everything again."


def bring_up_to_date(upsert: Upsert, state_file: Path, state: Mapping[str, Any], fetched: Held) -> None:
    """Bring a file up to date, replace its state, and remove the file of what was fetched.

    Raises:
        OSError: something cannot be written. File and state are as they were, or the next run completes them.
    """
    out, grown = upsert.out, growing(upsert.out)
    fetched.file.flush()
    replaced = bool(upsert.anew or upsert.stamps or upsert.removed)
    if replaced:
        _write(grown, lambda file: _upsert(upsert, file))
    text = {"file": digest(grown if replaced else out), "state": state}
    _write(growing(state_file), lambda file: file.write(to_json(text)))
    if replaced:
        grown.replace(out)
    growing(state_file).replace(state_file)
    remove(fetched)


def _write(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Write a file that is wholly on the disk, or not there at all."""
    path.unlink(missing_ok=True)  # of one who was killed
    file = path.open("xb")
    try:
        with file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def digest(path: Path) -> str:
    """Return what distinguishes the content of a file from any other; one that is not there is empty."""
    with (path if path.exists() else Path(os.devnull)).open("rb") as file:
        return file_digest(file, "blake2b").hexdigest()[:32]


def _read(state: Path) -> dict[str, Any] | None:
    """Return what a file that begins as a state does holds; None if it is not there, or damaged."""
    if not state.exists():
        return None
    try:
        found: dict[str, Any] = json.loads(state.read_bytes())
    except ValueError:
        return None
    return found if isinstance(found.get("state"), dict) else None


def _upsert(upsert: Upsert, file: BinaryIO) -> None:
    if upsert.form is None:
        _upsert_parquet(upsert, file)
        return
    file.write(upsert.form.header)
    if not upsert.anew:
        with upsert.out.open("rb") as old:
            if old.read(len(upsert.form.header)) != upsert.form.header:
                raise _other_columns(upsert)
            file.writelines(record for record in upsert.form.split(old) if _stays(upsert, upsert.form.id_of(record)))
    file.writelines(upsert.form.record(value) for value in _fresh(upsert))


def _upsert_parquet(upsert: Upsert, file: BinaryIO) -> None:
    pa: Any = import_module("pyarrow")  # it brings no types along
    parquet: Any = import_module("pyarrow.parquet")
    schema = schema_of(upsert.kind.model)
    with parquet.ParquetWriter(file, schema) as writer:
        if not upsert.anew:
            with parquet.ParquetFile(upsert.out) as old:
                if not old.schema_arrow.equals(schema):
                    raise _other_columns(upsert)
                for batch in old.iter_batches(ROW_GROUP):
                    names = batch.column(upsert.kind.id_key).to_pylist()
                    writer.write_batch(batch.filter(pa.array([_stays(upsert, name) for name in names], pa.bool_())))
        for table in tables(_fresh(upsert), schema):
            writer.write_table(table)


def _other_columns(upsert: Upsert) -> Failure:
    return Failure(Exit.USAGE, f"{named(upsert.out)} has the columns of another release; nothing was changed.", _ANEW)


def _stays(upsert: Upsert, name: str) -> bool:
    return name not in upsert.stamps and name not in upsert.removed


def _fresh(upsert: Upsert) -> Iterator[Model]:
    """Yield what was fetched, each once: what an earlier run fetched may have changed since."""
    left = dict(upsert.stamps)
    with upsert.fetched.open("rb") as lines:
        for line in lines:
            name, stamp, value = _line(upsert.kind, line)
            if left.get(name) == stamp:
                del left[name]
                model: Model = structure(value, upsert.kind.model)
                yield model
