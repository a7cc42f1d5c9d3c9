"""The `periskope` command: checks that its extra is installed, then runs it. Must not know any single command."""

import sys
from collections.abc import Sequence
from importlib.util import find_spec

from periskope_async._extras import needs_extra

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code; what the codes mean stands in `periskope --help`.

    Args:
        arguments: the words after `periskope`; those of the process if None.
    """
    if find_spec("click") is None or find_spec("rich") is None:
        sys.stderr.write(f"The periskope command {needs_extra('cli')}\n")
        return 2
    from periskope_async.cli.app import run

    return run(arguments)
