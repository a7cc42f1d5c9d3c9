"""The copies of what is known of the API: the same as the originals, and nobody's data in them."""

import json
import re
from filecmp import cmpfiles
from pathlib import Path

import pytest

from tests.api.update import HERE, ORIGINALS, examples, replaced
from tests.support import each_of

with_originals = pytest.mark.skipif(
    not ORIGINALS.is_dir(),
    reason=f"no {ORIGINALS.relative_to(ORIGINALS.parents[1])} beside the checkout to compare with",
)

#: What could be somebody's, and what it may be here.
TRACES = {
    r"[\w.+-]+@(?![cg]\.us)[\w-]+\.[\w.-]+": r"(member\d|test\d?|user)@example\.com",
    r"(?<![\d.])(?:91)?\d[\dXx]{9}(?![\dXx])": r"(91)?98765\d+|(91)?98765\d*X+",
    r"(?<!\d)\d{18}(?!\d)": r"1203630000000\d+",
    r"[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}": r"0{6}.{2}-0000-[04]000-[08]000-0{10}.{2}",
    r"(?<=[a-z]-)[a-z]{15,16}": r"a{14,15}.",
}


def files(folder: Path) -> set[str]:
    """Return the paths of all files in *folder*."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


@with_originals
def test_the_copies_are_the_originals() -> None:
    """`endpoints.json` and every schema is what lies beside the checkout, byte for byte; so is the vendor's ticket."""
    names = {"endpoints.json"} | {f"schemas/{name}" for name in files(ORIGINALS / "schemas")}
    assert {f"schemas/{name}" for name in files(HERE / "schemas")} == names - {"endpoints.json"}
    _, differing, missing = cmpfiles(HERE, ORIGINALS, names, shallow=False)
    assert (differing, missing) == ([], [])
    ticket = "ticket-info.example.json"
    assert (HERE.parent / "samples" / ticket).read_bytes() == (ORIGINALS / ticket).read_bytes()


@with_originals
def test_the_examples_are_the_originals_without_the_people() -> None:
    """The example bodies are what `update.py` makes of the originals."""
    assert examples(HERE / "examples") == replaced(examples(ORIGINALS / "examples"))


@each_of("file", examples(HERE / "examples"))
def test_nobody_is_in_the_examples(file: str) -> None:
    """Addresses, numbers and ids of the example bodies are invented ones."""
    text = (HERE / "examples" / file).read_text("utf-8")
    assert json.loads(text) is not None
    for trace, invented in TRACES.items():
        assert [found for found in re.findall(trace, text) if not re.fullmatch(invented, found)] == []


def test_the_same_stands_for_the_same() -> None:
    """A number, with its country's code or without, is the same one everywhere; a mask and the shape are kept."""
    bodies = {
        "one": '{"contact_name": "Jo Doe", "i": "912222222222@c.us", "by": "jo@b.test", "score": 0.2222222222}',
        "two": '{"note": "Jo Doe, 2222222222", "id": "9122222XXXXX@c.us", "at": 1737141384215}',
    }
    assert replaced(bodies) == {
        "one": '{"contact_name": "Asha", "i": "919876500001@c.us", "by": "member1@example.com", "score": 0.2222222222}',
        "two": '{"note": "Asha, 9876500001", "id": "9198765XXXXX@c.us", "at": 1737141384215}',
    }
