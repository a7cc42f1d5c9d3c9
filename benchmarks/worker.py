"""One peer in a process of its own: reads arguments as a line of JSON, runs the function, writes what it returned.

`python worker.py module:function mode`, driven by harness.py.
"""

import faulthandler
import importlib
import json
import sys
import traceback
from typing import Any

from harness import FAST_LIBRARIES, PLAIN

HANGS_AFTER = 600  # seconds


def main(target: str, mode: str) -> None:
    """Serve until the input ends."""
    if mode == PLAIN:
        # An entry of None makes the import fail as it does where the library is not installed.
        sys.modules.update(dict.fromkeys(FAST_LIBRARIES))  # type: ignore[arg-type]  # documented for this
    module, _, name = target.partition(":")
    replies, sys.stdout = sys.stdout, sys.stderr  # nothing a peer prints may look like a reply
    for line in sys.stdin:
        faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
        print(json.dumps(answer(module, name, json.loads(line))), file=replies, flush=True)
        faulthandler.cancel_dump_traceback_later()


def answer(module: str, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Run the function; that another's library is not installed is an answer, too."""
    try:
        return {"done": getattr(importlib.import_module(module), name)(**arguments)}
    except Exception as failed:  # noqa: BLE001  # told to the parent, which raises
        if isinstance(failed, ModuleNotFoundError) and not str(failed.name).startswith("periskope"):
            return {"absent": failed.name}
        traceback.print_exc()
        return {"failed": repr(failed)}


if __name__ == "__main__":
    main(*sys.argv[1:])
