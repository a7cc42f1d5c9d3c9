"""The logger of both packages, and who prints what it says in a program that sets up no logging itself."""

import logging
import os
import sys
from typing import Final, TextIO

from periskope_async.errors import ConfigurationError

__all__ = ["log_as_asked", "logger"]

logger: Final = logging.getLogger("periskope")


class _OwnHandler(logging.StreamHandler[TextIO]):
    """Prints to stderr, while nobody else prints log records."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s: %(message)s"))
        self.setLevel(logging.WARNING)

    def filter(self, record: logging.LogRecord) -> bool:
        others = any(each is not self for each in logger.handlers) or logging.getLogger().handlers
        return not others and bool(super().filter(record))

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr  # the one there is now: a program may have put another in its place
        super().emit(record)


_own: Final = _OwnHandler()
logger.addHandler(_own)


def log_as_asked() -> None:
    """Show more of the log on stderr than warnings if PERISKOPE_LOG says so, as long as the program sets up no logging.

    Raises:
        ConfigurationError: it says something else than `info` or `debug`.
    """
    wanted = os.environ.get("PERISKOPE_LOG", "").strip().lower()
    if not wanted:
        return
    if wanted not in {"info", "debug"}:
        raise ConfigurationError(f"PERISKOPE_LOG: expected info or debug, got {wanted[:20]!r}")
    logger.setLevel(wanted.upper())
    _own.setLevel(logging.NOTSET)
