"""What goes out: bytes or safe words on standard output and standard error. Knows nothing of tickets."""

import json
import re
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Final

import click

from periskope_async._codec.parser import parser
from periskope_async.cli.outcome import Outcome

__all__ = [
    "JSON",
    "check_readable",
    "from_line",
    "named",
    "print_error",
    "to_json",
    "to_line",
    "visible",
    "write",
    "write_json",
]

#: What `--output` calls JSON to be read by people, and a line for each value.
JSON: Final = ("json", "jsonl")

# What customers write ends up on an agent's terminal, where escape sequences move the cursor, retitle the window or
# paste into the shell. Lone surrogates are in no encoding; the two overrides show text in another order than it has.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202d\u202e\ud800-\udfff]")


def visible(text: str) -> str:
    """Return *text* with every control character but newline and tab made visible and harmless."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))


def named(path: Path | str) -> str:
    """Return the name of a file as a message shows it: in one line, whatever characters it has."""
    return visible(str(path)).replace("\n", "\N{REPLACEMENT CHARACTER}")


def check_readable(path: Path | str) -> None:
    """Insist that there is a file at *path* that can be read, so that what cannot ends as every other file does.

    Raises:
        OSError: it cannot be read.
    """
    with Path(path).open("rb"):
        pass


def to_json(value: Any, *, indent: int | None = None) -> bytes:
    """Return *value* as JSON in UTF-8, readable where it can be, ending in a newline."""
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent).encode() + b"\n"
    except UnicodeEncodeError:  # a lone surrogate, which JSON can hold only as an escape
        return json.dumps(value, indent=indent).encode() + b"\n"


def to_line(value: Any) -> bytes:
    """Return *value* as a line of compact JSON in UTF-8: the same bytes whatever is installed, but for huge floats."""
    try:
        return _encode()(value) + b"\n"
    except (OverflowError, ValueError):  # a lone surrogate, or a number that only Python holds
        return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def from_line(line: bytes) -> Any:
    """Return what a line of JSON holds.

    Raises:
        ValueError: it is not JSON.
    """
    try:
        return parser()(line)
    except (RecursionError, ValueError):  # a lone surrogate, which a file may hold and no answer does
        return json.loads(line)


@cache
def _encode() -> Callable[[Any], bytes]:
    """Return the encoder of this process: msgspec's takes a tenth of the time."""
    try:
        import msgspec
    except ImportError:
        encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
        return lambda value: encode(value).encode()
    return msgspec.json.Encoder().encode


def write(data: bytes) -> None:
    """Put *data* on standard output: files in UTF-8, whatever the terminal speaks."""
    sys.stdout.flush()
    sys.stdout.buffer.write(data)


def write_json(value: Any, output: str) -> None:
    """Put *value* on standard output: as `json`, or as `jsonl`, where each value of a list has a line of its own."""
    match value:
        case _ if output == "json":
            write(to_json(value, indent=2))
        case [*values]:
            write(b"".join(map(to_json, values)))
        case _:
            write(to_json(value))


def print_error(outcome: Outcome) -> None:
    """Say on standard error what went wrong, and what may help."""
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {visible(outcome.message)}", err=True)
    if outcome.hint:
        click.echo(visible(outcome.hint), err=True)
