"""The pages of docs/ agree with what else is in the repository. The site itself is built by a gate."""

import json
import re
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"


def test_every_method_of_the_typescript_client_has_a_row() -> None:
    """Who comes from the vendor's client finds each of its seventy methods, and what takes its place here."""
    page = (DOCS / "guides" / "from-typescript.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `(client\.\w+\.\w+)` \| `(\w+\.\w+)", page, re.MULTILINE))

    known = json.loads((DOCS.parent / "tests" / "api" / "endpoints.json").read_text("utf-8"))
    expected = {(each["ts_method"], each["python_name"].split()[0]) for each in known if each.get("ts_method")}
    assert len(expected) == 70
    assert rows == expected


def test_every_page_is_in_the_site() -> None:
    """A page that no table of contents names is a page nobody finds."""
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")} - {"index"}
    named = set[str]()
    for path in DOCS.rglob("*.md"):
        folder = path.relative_to(DOCS).parent
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            named |= {(folder / line).as_posix() for line in block.splitlines() if line and not line.startswith(":")}
    assert pages <= named
