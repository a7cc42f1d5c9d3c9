"""The file that processes of one user on one machine share: found, checked, locked, read and written. Knows no ledger.

It holds an image, and from `SLOTS_AT` on a slot for each process: little enough to be read and written as a whole. As
long as a process lives it has a lock on a byte beyond the end of the file, one for its slot: the kernel releases that
however the process ends, in whatever container.
"""

import fcntl
import os
import stat
from contextlib import suppress
from hashlib import blake2b
from struct import Struct
from typing import Final, Self

from periskope_async._sansio.slots import SLOT_SIZE
from periskope_async.settings import Secret

__all__ = ["SLOTS_AT", "HostFile", "UnusableError", "file_name", "folder_path"]

#: Processes that share one file, in members of its table.
SLOTS: Final = 256
#: Where they begin, bytes; the longest image ends before.
SLOTS_AT: Final = 30 * SLOT_SIZE
#: What is read of a file at first: nobody needs to know how long it is, bytes.
_FEW: Final = SLOTS_AT + 4 * SLOT_SIZE
#: No file is longer, bytes.
MAX_SIZE: Final = SLOTS_AT + SLOTS * SLOT_SIZE
_SLOT_LOCKS_AT: Final = 1 << 20  # bytes
_FLOCK: Final = Struct("hhqqi4x")  # `struct flock` of a 64-bit system


class UnusableError(Exception):
    """Why the file cannot be used."""


def folder_path() -> str:
    """Return the folder of this user's files."""
    # Not the session's own folder: not every process of a user is part of a session, and all have to find the same.
    return f"{os.environ.get('TMPDIR') or '/tmp'}/periskope-{os.geteuid()}"  # noqa: S108  # checked before it is used


def file_name(base_url: str, key: Secret, layout: int) -> str:
    """Return the name of the file for a key of a service, which shows neither.

    With another layout, or once the machine has started anew and its clock with it, it is another file.

    Raises:
        UnusableError: this system has nothing to share by.
    """
    if not hasattr(fcntl, "F_OFD_SETLK"):
        raise UnusableError("this system has no locks that end with their process")
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:  # noqa: PTH123  # pathlib is not loaded
            clock = file.read().strip()
    except OSError:
        raise UnusableError("this system does not distinguish one start of the machine from another") from None
    with suppress(OSError):  # before Linux 5.6 all containers have one clock
        clock += os.readlink("/proc/self/ns/time")  # noqa: PTH115  # likewise
    secret = blake2b(key.reveal().encode(), digest_size=32).digest()
    about = f"{layout}\0{clock}\0{base_url}".encode()
    return blake2b(about, digest_size=16, key=secret, person=b"periskope-budget").hexdigest()


class HostFile:
    """An open file. Every method but `close` may raise `OSError`; all but `lock` are for who has the lock.

    Args:
        descriptor: of the file; closed with this object.
    """

    def __init__(self, descriptor: int) -> None:
        self._fd = descriptor
        self._size = _FEW
        self.slot = -1

    @classmethod
    def open(cls, folder: str, name: str, *, make: bool = True) -> Self:
        """Open the file, and *make* it if it is missing.

        Raises:
            OSError: it cannot be opened.
            UnusableError: somebody else may read or write it.
        """
        if make:
            with suppress(FileExistsError):
                os.mkdir(folder, 0o700)  # noqa: PTH102  # pathlib is not loaded
        flags = os.O_CLOEXEC | os.O_NOFOLLOW
        directory = os.open(folder, flags | os.O_DIRECTORY)
        try:
            _check(os.fstat(directory))
            # Not waiting: somebody may have put a pipe there.
            flags |= os.O_RDWR | os.O_NONBLOCK | (os.O_CREAT if make else 0)
            descriptor = os.open(name, flags, 0o600, dir_fd=directory)
        finally:
            os.close(directory)
        file = cls(descriptor)
        found = os.fstat(descriptor)
        _check(found)
        if not stat.S_ISREG(found.st_mode) or found.st_nlink > 1:
            raise UnusableError("in its place is something else")
        return file

    def lock(self) -> bool:
        """Lock the file if nobody else has; return whether it is."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(self) -> None:
        """Let the others have it."""
        fcntl.flock(self._fd, fcntl.LOCK_UN)

    def claim_slot(self) -> None:
        """Take a slot that nobody living has.

        Raises:
            UnusableError: there is none.
        """
        for slot in range(SLOTS):
            with suppress(BlockingIOError):
                fcntl.fcntl(self._fd, fcntl.F_OFD_SETLK, _slot_lock(slot))
                self.slot = slot
                return
        raise UnusableError(f"{SLOTS} processes use it already")

    def is_dead(self, slot: int) -> bool:
        """Whether the process that had *slot* has ended."""
        found = fcntl.fcntl(self._fd, fcntl.F_OFD_GETLK, _slot_lock(slot))
        return bool(_FLOCK.unpack(found)[0] == fcntl.F_UNLCK)

    def is_linked(self) -> bool:
        """Whether others still find the file: those who tidy up temporary folders may have removed it."""
        return os.fstat(self._fd).st_nlink > 0

    def peek(self, size: int) -> bytes:
        """Return the file's first bytes, as many as it has up to *size*; for who has not the lock, too."""
        return os.pread(self._fd, size, 0)

    def read(self) -> bytes:
        """Return all that is in it."""
        while len(data := os.pread(self._fd, self._size, 0)) == self._size < MAX_SIZE:
            self._size = min(2 * self._size, MAX_SIZE)
        return data

    def write(self, data: bytes, position: int = 0) -> None:
        """Write what is in it, or a part of that."""
        if os.pwrite(self._fd, data, position) < len(data):
            raise OSError("the disk is full")

    def close(self) -> None:
        """Close it, with all locks."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    __del__ = close


def _check(found: os.stat_result) -> None:
    if found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise UnusableError("others may read or write it")


def _slot_lock(slot: int) -> bytes:
    return _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, _SLOT_LOCKS_AT + slot, 1, 0)
