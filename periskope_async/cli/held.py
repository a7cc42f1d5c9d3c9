"""A file that one export has, and no other meanwhile. Knows nothing of what is in it."""

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple

from periskope_async.cli.files import holds_something
from periskope_async.cli.outcome import Exit, Failure
from periskope_async.cli.text import named

__all__ = ["Held", "held", "remove"]


class Held(NamedTuple):
    """A file that an export has open, to append to it.

    Attributes:
        path: what it was opened by.
        file: the open file.
        new: it was not there before.
        locked: no other export writes into it meanwhile.
    """

    path: Path
    file: BinaryIO
    new: bool
    locked: bool


@contextmanager
def held(path: Path, out: Path) -> Generator[Held]:
    """Open the file at *path* to append to it, and keep every other export out of it meanwhile.

    The lock is the operating system's (flock): it ends with the process, however that ends, and leaves nothing behind.
    Where there is none, as on Windows and on some network file systems, nobody is kept out. A new file that is still
    empty when the block fails is removed again.

    Args:
        path: the file to append to.
        out: what a person calls it.

    Raises:
        Failure: another export has it.
        OSError: it cannot be opened.
    """
    have = _open(path, out)
    # The one who had it may have removed it between our opening it and our locking it.
    while not (path.exists() and os.path.samestat(path.stat(), os.fstat(have.file.fileno()))):
        have.file.close()
        have = _open(path, out)
    with have.file:
        try:
            yield have
        except BaseException:
            if have.new and not holds_something(path):
                remove(have)
            raise


def _open(path: Path, out: Path) -> Held:
    try:
        path.open("xb").close()
        new = True
    except FileExistsError:
        new = False
    file = path.open("ab")
    try:
        return Held(path, file, new, _lock(file, out))
    except Failure:
        file.close()
        raise


def _lock(file: BinaryIO, out: Path) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Failure(Exit.USAGE, f"{named(out)}: another export is writing into it; nothing was changed.") from None
    except OSError:  # a file system without locks
        return False
    return True


def remove(have: Held) -> None:
    """Remove a file that is held, under its lock: nobody can lock it in between and then lose it.

    Raises:
        OSError: it cannot be removed.
    """
    if not have.locked:
        have.file.close()  # Windows has no such locks, and removes no open file
    have.path.unlink(missing_ok=True)
