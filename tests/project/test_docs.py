"""The pages of docs/ agree with what else is in the repository. The site itself is built by a gate."""

import json
import re
from pathlib import Path

import pytest

from periskope_async import errors
from periskope_async._extras import needs_extra

DOCS = Path(__file__).parents[2] / "docs"
PACKAGES = ("periskope_async", "periskope_sync")
PAGES = [*sorted(DOCS.rglob("*.md")), *sorted(DOCS.parent.glob("*.md")), DOCS.parent / "examples" / "README.md"]


def test_every_method_of_the_typescript_client_has_a_row() -> None:
    """Who comes from the vendor's client finds each of its seventy methods, and what takes its place here."""
    page = (DOCS / "guides" / "from-typescript.md").read_text("utf-8")
    rows = set(re.findall(r"^\| `(client\.\w+\.\w+)` \| `(\w+\.\w+)", page, re.MULTILINE))

    known = json.loads((DOCS.parent / "tests" / "api" / "endpoints.json").read_text("utf-8"))
    expected = {(each["ts_method"], each["python_name"].split()[0]) for each in known if each.get("ts_method")}
    assert len(expected) == 70
    assert rows == expected


def anchors(text: str) -> set[str]:
    """Return the anchors of a Markdown page's headings, as GitHub and the site make them."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere_without_the_site(page: Path) -> None:
    """A link of a page leads to a file in the repository, and to a heading in it: so it works where no site is."""
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = link.partition("#")
        if "://" in file:
            continue
        target = page if not file else page.parent / file
        assert target.exists(), link
        assert "/reference/api/" not in target.resolve().as_posix(), "that is written when the site is built"
        assert not anchor or anchor in anchors(target.read_text("utf-8")), link
    assert "{py:" not in text, "a role is readable on the site alone"


def test_whoever_is_to_install_an_extra_can() -> None:
    """No page and no message has people install from an index, which does not have the package."""
    sources = [*PAGES, *(path for name in PACKAGES for path in sorted((DOCS.parent / name).rglob("*.py")))]
    from_an_index = re.compile(r"""pip install ["']?periskope""")
    assert {path.name for path in sources if from_an_index.search(path.read_text("utf-8"))} == set()
    assert "pip install '/path/to/clone[" in (DOCS.parent / "README.md").read_text("utf-8")
    assert "pip install '/path/to/clone[live]'" in needs_extra("live")


def test_every_error_has_a_row() -> None:
    """The table of errors has a row for each class that calls raise, and their base names the page."""
    page = (DOCS / "reference" / "errors.md").read_text("utf-8")
    raised = {name for name in errors.__all__ if not getattr(errors, name).__subclasses__()}
    assert {name for name in raised if f"| [`{name}`]" not in page} == set()
    assert "docs/reference/errors.md" in (errors.PeriskopeError.__doc__ or "")


def test_each_question_of_the_first_month_is_two_clicks_away() -> None:
    """The start page and the README lead to the questions, and each of these leads to the page that answers it."""
    assert "](questions.md)" in (DOCS / "index.md").read_text("utf-8")
    assert "](docs/questions.md)" in (DOCS.parent / "README.md").read_text("utf-8")
    rows = [line for line in (DOCS / "questions.md").read_text("utf-8").splitlines() if re.match(r"\| \S.*\S \|", line)]
    assert len(rows) >= 30
    assert [row for row in rows if "](" not in row] == []


def test_every_page_is_in_the_site() -> None:
    """A page that no table of contents names is a page nobody finds."""
    pages = {path.relative_to(DOCS).with_suffix("").as_posix() for path in DOCS.rglob("*.md")} - {"index"}
    named = set[str]()
    for path in DOCS.rglob("*.md"):
        folder = path.relative_to(DOCS).parent
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```", path.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            named |= {(folder / line).as_posix() for line in block.splitlines() if line and not line.startswith(":")}
    assert pages <= named
