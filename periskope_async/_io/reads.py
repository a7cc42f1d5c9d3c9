"""What a client has read by id: the table of it, for all threads."""

import threading
from typing import Any, Final

from periskope_async._sansio.operation import Request
from periskope_async._sansio.readings import Readings, named_by

__all__ = ["SharedReads"]


class SharedReads:
    """What a client and its `with_options` clones have read, in whatever thread, and are reading.

    Args:
        size: how many readings to keep at most.

    Attributes:
        table: the readings, and the flights of `sharing`.
        lock: held by who changes the table. Who looks something up does without: it takes longer than all the rest.
    """

    def __init__(self, size: int) -> None:
        self.table: Final = Readings[Any](size)
        self.lock: Final = threading.Lock()

    def drop(self, request: Request[Any]) -> None:
        """Forget what a write may have changed, as it ends, however it does."""
        if self.table:
            with self.lock:
                self.table.drop(named_by(request))
