"""What a linter cannot say about the source of both packages: its words, the size of its files, its units."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("periskope_async", "periskope_sync")
SOURCES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}

#: Words that read as a translation, also in names: report, notify, pass, set, "is not a", "has no" and N say it better.
#: Where the name is somebody else's, it is taken out here with its reason.
TRANSLATED = re.compile(r"(?<![A-Za-z])(?:told|given|so many|(?:is|are) no(?! longer))(?![A-Za-z])", re.IGNORECASE)

#: What a number can count.
UNIT = re.compile(
    r"(?<!')\b(?:s|ms|seconds|milliseconds|bytes|characters|digits|levels|columns|requests|failures|connections|tickets"
    r"|ids|keys|bodies|members|items|rows|pages|headers|kinds|results|tokens|pixels|squares)\b",
    re.IGNORECASE,
)

LONGEST = 300  # lines of a file
LONGEST_MEDIAN = 120  # lines


def translated(source: str) -> list[str]:
    """Return what reads as a translation in *source*, also where a line ends within it."""
    return TRANSLATED.findall(re.sub(r"\s*\n[\s#:]*", " ", source))


def first_line(source: str) -> str:
    """Return the first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0]


def is_number(value: ast.expr | None) -> bool:
    """Whether *value* is a number or a calculation with numbers alone."""
    match value:
        case ast.Constant():
            return isinstance(value.value, int | float) and not isinstance(value.value, bool)
        case ast.BinOp():
            return is_number(value.left) and is_number(value.right)
        case ast.UnaryOp():
            return is_number(value.operand)
    return False


def without_unit(source: str) -> Iterator[str]:
    """Return the numeric constants of a module whose comment, above or beside, says no unit."""
    lines = source.splitlines()
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                first = node.lineno - 1
                while first and lines[first - 1].startswith("#"):
                    first -= 1
                comment = [*lines[first : node.lineno - 1], lines[node.lineno - 1].partition("#")[2]]
                if name.isupper() and is_number(node.value) and not UNIT.search(" ".join(comment)):
                    yield name


def test_words() -> None:
    """The field's words, not a translation's: no `told`, `given`, `is no`, `so many` in text or in names."""
    found = {file: translated(source) for file, source in SOURCES.items()}
    assert {file: words for file, words in found.items() if words} == {}


def test_a_long_file_says_why() -> None:
    """A file of more than 300 lines says in its first line why it is one: "in one file"."""
    long = {file for file, source in SOURCES.items() if source.count("\n") > LONGEST}
    assert {file for file in long if "in one file" not in first_line(SOURCES[file])} == set()


def test_files_are_short() -> None:
    """Half of the files have at most 120 lines."""
    assert median(source.count("\n") for source in SOURCES.values()) <= LONGEST_MEDIAN


def test_constants_have_units() -> None:
    """A numeric constant says above or beside it what it counts: seconds, bytes, requests, ..."""
    found = {file: list(without_unit(source)) for file, source in SOURCES.items()}
    assert {file: names for file, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("# as it was told\n", ["told"]),
        ("length_told = 1\n", ["told"]),
        ('"""The id is\n    no text."""\n', ["is no"]),
        ("#: There are\n#: no ids.\n", ["are no"]),
        ("# so\n# many, Given\n", ["so many", "Given"]),
        ("if value is not None or is_none(untold): forgiven  # is no longer\n", []),
    ],
)
def test_words_are_found(source: str, found: list[str]) -> None:
    """A word is found in comments, text and names, whole, and across the end of a line."""
    assert translated(source) == found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("WAIT = 1.5\n", ["WAIT"]),
        ("WAIT = 1.5  # seconds\n", []),
        ("#: What a wait is.\n#: In seconds.\nWAIT: Final = 60 * 60\n", []),
        ("#: Seconds.\nWAIT = 1.5\nSIZE = 1024 * 1024\n", ["SIZE"]),
        ("#: Seconds.\n\nWAIT = -1\n", ["WAIT"]),
        ("DEBUG = True\nNAME = 'x'\nother = 1\nBARE: int\n", []),
    ],
)
def test_missing_units_are_found(source: str, found: list[str]) -> None:
    """The unit stands in the comment of the constant itself; text, flags and variables need none."""
    assert list(without_unit(source)) == found
