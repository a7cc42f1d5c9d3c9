"""Links that lead somewhere with and without the site: in Markdown to a file of the packages, on the site to its page.

    [hooks](../../periskope_async/hooks.py)                            the page of a module
    [`Tickets.watch`](../../periskope_async/resources/tickets.py)      a name that stands in it

Where no site is built, as on GitHub, the file with its docstrings is what there is to read.
"""
# ruff: noqa: INP001  # a folder of pages, not a package

import re
from collections.abc import Mapping
from posixpath import dirname, relpath
from typing import Any, Final

from sphinx.application import Sphinx

LINK: Final = re.compile(r"\[(?:`([\w.]+)`|([^\]]+))\]\((?:\.\./)+(periskope_(?:async|sync)/[^)\s]*)\)")
#: Pages that are not of one file.
PAGES: Final[Mapping[str, str]] = {"periskope_async/resources": "operations", "periskope_sync/__init__.py": "blocking"}
#: Folders that the site has on the same floor as single files.
FLATTENED: Final = re.compile(r"^periskope_async/(?:integrations/)?|(?:/__init__)?\.py$")


def resolve(match: re.Match[str], docname: str) -> str:
    """Return a link into the packages as the site has it: to a name where it is one, else to the file's page."""
    name, text, file = match.groups()
    if name:
        return f"{{py:obj}}`{name} <periskope_async.{name}>`"
    page = PAGES.get(file.rstrip("/")) or FLATTENED.sub("", file)
    return f"[{text}]({relpath(f'reference/api/{page}.rst', dirname(docname) or '.')})"


def rewrite(_: Sphinx, docname: str, source: list[str]) -> None:
    """Rewrite the links of a page before it is read."""
    source[0] = LINK.sub(lambda match: resolve(match, docname), source[0])


def setup(app: Sphinx) -> dict[str, Any]:
    """Have each page rewritten."""
    app.connect("source-read", rewrite)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
