"""`periskope contacts import`: a contact created or updated for each row of a CSV file, resumable.

What is done stands in FILE.done.jsonl while not all is, one line a row, written as soon as it is; so `kill -9` loses no
more than what was under way, which is updates, and those may be repeated.
"""

import csv
import hashlib
import io
import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

import anyio

from periskope_async import (
    AuthenticationError,
    ConfigurationError,
    NotFoundError,
    PeriskopeClient,
    PeriskopeError,
    PermissionDeniedError,
    Progress,
)
from periskope_async.cli.commands.contacts import COLUMNS
from periskope_async.cli.outcome import Exit, Failure, Outcome, Unsent, exit_of, explain
from periskope_async.cli.running import Report, progress, run
from periskope_async.cli.text import named, print_error, to_json, write

if TYPE_CHECKING:
    from periskope_async.cli.options import Connect

__all__ = ["Row", "import_contacts", "read_rows"]

#: Other names that address books have for the columns.
_OTHER_NAMES: Final = {"number": "contact_id", "phone": "contact_id", "name": "contact_name", "internal": "is_internal"}
#: How people write numbers.
_PUNCTUATION: Final = str.maketrans("", "", "+-(). ")
_FLAGS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
#: Rows under way at once; the rate limit sets the pace.
_WORKERS: Final = 16
#: After as many failures of the moment in a row the service is taken to be down, and the rest is not tried.
_PATIENCE: Final = 20  # failures


class Row(NamedTuple):
    """One row: the line it stands in, the number, what is to be set, and why it cannot be, `""` where it can."""

    line: int
    contact_id: str
    values: Mapping[str, Any]
    problem: str = ""

    @property
    def digest(self) -> str:
        """What a row that says the same has too."""
        said = json.dumps([self.contact_id, self.values], sort_keys=True)
        return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class _Files:
    """What stands beside the file: what is done, and what failed."""

    def __init__(self, file: Path) -> None:
        self.done = file.with_name(f"{file.name}.done.jsonl")
        self.errors = file.with_name(f"{file.name}.errors.jsonl")

    def digests(self) -> set[str]:
        """The rows that are done; a line cut off by a crash does not count."""
        found = set[str]()
        for line in self.done.read_bytes().splitlines() if self.done.exists() else ():
            try:
                found.add(json.loads(line)["row"])
            except (ValueError, KeyError, TypeError):
                continue
        return found

    def drop_empty(self) -> None:
        """Leave no file that says nothing."""
        for file in (self.done, self.errors):
            if file.exists() and not file.stat().st_size:
                file.unlink()


def read_rows(file: Path) -> tuple[list[Row], list[str]]:
    """Return the rows of a CSV file, and the columns that nobody reads.

    Raises:
        OSError: it cannot be read.
        Failure: it is not CSV in UTF-8, or has no column of numbers.
    """
    try:
        text = file.read_bytes().decode("utf-8-sig")
        first = text.partition("\n")[0]
        table = csv.DictReader(
            io.StringIO(text, newline=""), delimiter=";" if ";" in first and "," not in first else ","
        )
        columns = {name: name.strip().casefold() for name in table.fieldnames or ()}
        columns = {name: _OTHER_NAMES.get(spelled, spelled) for name, spelled in columns.items()}
        if "contact_id" not in columns.values():
            raise Failure(Exit.FILE, f"{named(file)} has no column contact_id.", f"Columns: {', '.join(COLUMNS)}.")
        rows = list(_rows(table, columns))
    except (UnicodeDecodeError, csv.Error) as error:
        raise Failure(Exit.FILE, f"{named(file)} is not CSV in UTF-8 ({error}).") from None
    return rows, [name for name, column in columns.items() if column not in COLUMNS]


def _rows(table: "csv.DictReader[str]", columns: Mapping[str, str]) -> Iterator[Row]:
    lines: dict[str, int] = {}
    for cells in table:
        values = {column: (cells[name] or "").strip() for name, column in columns.items() if column in COLUMNS}
        contact_id = values.pop("contact_id").removesuffix("@c.us").translate(_PUNCTUATION)
        set_: dict[str, Any] = {name: value for name, value in values.items() if value}
        problem = "" if set_ else "nothing to set"
        if "is_internal" in set_:
            flag = _FLAGS.get(set_["is_internal"].casefold())
            problem = problem or ("is_internal: expected true or false" if flag is None else "")
            set_["is_internal"] = flag
        if not (contact_id.isascii() and contact_id.isdecimal()):
            problem = "contact_id: expected a number with country code"
        elif lines.setdefault(contact_id, table.line_num) != table.line_num:
            problem = f"the same number as in line {lines[contact_id]}"
        yield Row(table.line_num, contact_id, set_, problem)


def import_contacts(connect: "Connect", file: Path, *, resume: bool, overwrite: bool, dry_run: bool) -> int:
    """Create or update the contacts of *file*, print how many, and say on standard error what failed.

    On a dry run no file is written, and nothing is said but what cannot be sent.
    """
    rows, ignored = read_rows(file)
    if ignored:
        print_error(Outcome(Exit.OK, f"Columns that are not read: {', '.join(ignored)}."))
    files = _Files(file)
    done = files.digests()
    if done and not (resume or overwrite):
        message = f"A stopped import of {named(file)} has done {len(done):,} of its rows."
        raise Failure(Exit.USAGE, message, "--resume goes on with the others, --overwrite begins anew.")
    if overwrite:
        done = set[str]()
    left = [row for row in rows if row.digest not in done]
    if dry_run:
        return _rehearse(connect, left)
    try:
        with files.done.open("ab" if resume else "wb") as log, files.errors.open("wb") as errors, progress() as report:
            counts, failed, skipped = run(lambda: _Import(left, log, errors, report).run(connect))
        if not failed and not skipped:
            files.done.unlink()
    finally:
        files.drop_empty()
    if failed:
        print_error(Outcome(Exit.SOME_FAILED, f"{len(failed):,} rows failed: {named(files.errors)} says why."))
    if skipped:
        print_error(Outcome(Exit.SOME_FAILED, f"{skipped:,} rows were not tried.", "--resume goes on with them."))
    left_out = f", {len(rows) - len(left):,} done before" if done else ""
    write(f"{counts['created']:,} created, {counts['updated']:,} updated{left_out}\n".encode())
    return exit_of(failed, succeeded=counts.total())


def _rehearse(connect: "Connect", rows: Sequence[Row]) -> int:
    async def show() -> None:
        async with connect() as client:
            for row in rows:
                if row.problem:
                    print_error(Outcome(Exit.SOME_FAILED, f"Line {row.line}: {row.problem}"))
                    continue
                with suppress(Unsent):
                    await client.contacts.update(row.contact_id, **row.values)

    run(show)
    return Exit.SOME_FAILED if any(row.problem for row in rows) else Exit.OK


class _Import:
    """One run over rows."""

    def __init__(self, rows: Sequence[Row], log: IO[bytes], errors: IO[bytes], report: Report) -> None:
        self._rows = rows
        self._log = log
        self._errors = errors
        self._report = report
        self._counts = Counter[str]()
        self._failed = list[Exit]()
        self._started = 0
        self._in_a_row = 0
        self._refused: PeriskopeError | None = None

    async def run(self, connect: "Connect") -> tuple[Counter[str], list[Exit], int]:
        """Return how many rows were created and updated, the exits of those that failed, and how many were not tried.

        Raises:
            PeriskopeError: the service refuses the key.
        """
        following, began = iter(self._rows), time.monotonic()
        async with connect() as client:

            async def work() -> None:
                for row in following:
                    if self._refused is not None or self._in_a_row >= _PATIENCE:
                        return
                    self._started += 1
                    await self._one(client, row)
                    settled = self._counts.total() + len(self._failed)
                    now = Progress(
                        total=len(self._rows),
                        done=self._counts.total(),
                        failed=len(self._failed),
                        in_flight=self._started - settled,
                        elapsed=time.monotonic() - began,
                        eta=None,
                    )
                    self._report(now, client.rate_limit)

            async with anyio.create_task_group() as tasks:
                for _ in range(_WORKERS):
                    tasks.start_soon(work)
        if self._refused is not None:
            raise self._refused
        return self._counts, self._failed, len(self._rows) - self._started

    async def _one(self, client: PeriskopeClient, row: Row) -> None:
        try:
            if row.problem:
                raise ConfigurationError(row.problem)
            self._counts[await _put(client, row)] += 1
        except (AuthenticationError, PermissionDeniedError) as error:
            self._refused = error
        except PeriskopeError as error:
            self._in_a_row = self._in_a_row + 1 if error.retryable else 0
            self._failed.append(explain(error).exit)
            _append(self._errors, _failure(row, error))
        else:
            self._in_a_row = 0
            _append(self._log, {"line": row.line, "row": row.digest})


async def _put(client: PeriskopeClient, row: Row) -> str:
    """Update a contact, or create it where there is none; which of the two was done."""
    try:
        await client.contacts.update(row.contact_id, **row.values)
    except NotFoundError:
        if "contact_name" not in row.values:
            raise ConfigurationError("a new contact needs a contact_name") from None
        await client.contacts.create(row.contact_id, **row.values)
        return "created"
    return "updated"


def _failure(row: Row, error: PeriskopeError) -> dict[str, Any]:
    return {
        "line": row.line,
        "contact_id": row.contact_id,
        "error": type(error).__name__,
        "reason": str(error),
        "trace_id": error.trace_id,
        "attempts": error.attempts,
        "maybe_sent": error.maybe_sent,
    }


def _append(file: IO[bytes], record: Mapping[str, Any]) -> None:
    file.write(to_json(record))
    file.flush()
