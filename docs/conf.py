"""How the documentation site is built: `sphinx-build -n -W docs site`. Nothing is fetched."""
# ruff: noqa: INP001  # a folder of pages, not a package

import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

project = "periskope"
author = "The periskope authors"
project_copyright = "The periskope authors; unofficial, not by or with the vendor"
release = version = version_of("periskope")

extensions = ["myst_parser", "sphinx_copybutton", "sphinx_llms_txt", "_diagrams", "_links", "_reference"]
exclude_patterns = ["site"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# In docstrings, what stands in single backticks is code.
default_role = "code"
nitpicky = True
# The standard library and other people's packages: links to them would have to be fetched.
nitpick_ignore_regex = [(r"py:.*", r"(?!periskope_).*")]
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_title = "periskope"
html_static_path = ["_static"]
html_css_files = ["wide-tables.css"]
html_show_sphinx = False
html_theme_options = {"footer_icons": [], "navigation_with_keys": True}
pygments_style = "default"
pygments_dark_style = "github-dark"

copybutton_exclude = ".linenos, .gp, .go"
llms_txt_summary = (
    "An async-first Python client for Periskope, the WhatsApp team inbox, with a blocking twin, a fake service and a"
    " command line. Unofficial."
)
llms_txt_full_file = True
