"""Draws the pictures in `docs/images`: real runs of the command in a terminal. Run it when its text has changed."""
# ruff: noqa: INP001  # a script, not a package

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from rich.console import Console
from rich.text import Text

from periskope_async.testing import FakePeriskope

COMMAND: Final = (sys.executable, "-c", "import sys; from periskope_async.cli import main; sys.exit(main())")
IMAGES: Final = Path(__file__).parent / "images"
COLUMNS: Final = 80

#: What rich draws and takes away again: from hiding the cursor to clearing the line that it drew on.
MOVING: Final = re.compile(r"\x1b\[\?25l(.*?)\x1b\[\?25h(?:\r?\x1b\[1A\x1b\[2K)?", re.DOTALL)


def run(arguments: list[str], env: dict[str, str], directory: str) -> str:
    """Return all that a command shows in a terminal."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    with subprocess.Popen(  # noqa: S603  # our own command
        [*COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, cwd=directory, env=env
    ) as process:
        os.close(theirs)
        shown = b""
        try:
            while piece := os.read(ours, 65_536):
                shown += piece
        except OSError:  # Linux's way to say that the command has ended
            process.wait()
    os.close(ours)
    return shown.decode()


def still(shown: str) -> str:
    """Return what was shown with each moving part as it was at its end; spinners are left out."""

    def frame(moving: re.Match[str]) -> str:
        frames = [part for part in re.split(r"\r\x1b\[2K", moving[1]) if "━" in part and "/s" in part]
        return frames[-1].strip() + "\n" if frames else ""

    return MOVING.sub(frame, shown.replace("\r\n", "\n"))


def draw(name: str, title: str, arguments: list[str], env: dict[str, str], directory: str) -> None:
    """Run a command and keep what a terminal showed as `docs/images/NAME.svg`."""
    console = Console(record=True, width=COLUMNS, file=StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.assemble(("$ ", "bright_black"), (title, "bold")))
    console.print(Text.from_ansi(still(run(arguments, env, directory))))
    console.save_svg(str(IMAGES / f"{name}.svg"), title="periskope", unique_id=name)


def main() -> None:
    """Draw all of them."""
    IMAGES.mkdir(exist_ok=True)
    with (
        TemporaryDirectory() as directory,
        FakePeriskope(tickets=3_000, rate_limit="1000/2s", faults={"404": 0.001}, seed=7) as fake,
    ):
        env = {
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "TZ": "UTC",
            "PERISKOPE_API_KEY": fake.api_key,
            "PERISKOPE_BASE_URL": fake.base_url,
        }
        draw("list", "periskope tickets list --limit 12", ["tickets", "list", "--limit", "12"], env, directory)
        export = ["tickets", "export", "--all", "--out", "tickets.parquet"]
        draw("export", f"periskope {' '.join(export)}", export, env, directory)
        draw("demo", "periskope demo", ["demo"], env, directory)


if __name__ == "__main__":
    main()
