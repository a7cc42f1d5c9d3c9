"""Whether a blocking call may stop the event loop of its own thread: in a notebook it may. Knows no client.

A notebook kernel runs each cell inside its event loop. A cell that computes blocks that loop anyway, so a cell that
waits for a ticket may. Kernels of IPython (Jupyter, VS Code, Colab) are recognised; elsewhere, as in marimo or in
`python -m asyncio`, say so once:

    periskope_sync.notebook.allow_blocking()
"""

import sys
from typing import Final

__all__ = ["allow_blocking", "may_block"]

_allowed: Final = {"explicitly": False}


def allow_blocking(allowed: bool = True, /) -> None:  # noqa: FBT001, FBT002  # reads as a sentence: allow_blocking(False)
    """Let blocking calls stop the event loop of the thread they are made in, in all of this process.

    Right where you are the only user of that loop. Never in a server: every other request would wait too.
    """
    _allowed["explicitly"] = allowed


def may_block() -> bool:
    """Return whether a blocking call may stop the event loop of the thread it is made in."""
    get_ipython = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)
    return _allowed["explicitly"] or hasattr(get_ipython(), "kernel")
