"""Two directives that draw SVG in the colours of the page: `flow`, boxes below each other; `timeline`, bars in lanes.

```{flow}
A box | and what is said beside it
```

```{timeline}
a lane: 0-3 asks, 3-5 waits
```
"""
# ruff: noqa: INP001  # a folder of pages, not a package

from html import escape
from typing import Any, ClassVar, Final

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from sphinx.application import Sphinx

#: Of a box and of what is between two, pixels.
BOX_WIDTH, BOX_HEIGHT, GAP = 250, 38, 26
#: Of a lane and of the room for its name, pixels.
LANE_HEIGHT, NAME_WIDTH, LANES_WIDTH = 34, 130, 560
STYLE: Final = (
    "font-family:var(--font-stack,sans-serif);font-size:14px;fill:currentColor;stroke:none;width:100%;height:auto;"
)


class Flow(Directive):
    """Boxes below each other, an arrow from each to the next, and a note beside each."""

    has_content = True
    option_spec: ClassVar = {"alt": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        rows = [line.partition("|")[::2] for line in self.content if line.strip()]
        parts = list[str]()
        for number, (box, note) in enumerate(rows):
            top = 2 + number * (BOX_HEIGHT + GAP)
            middle = top + BOX_HEIGHT / 2 + 5
            parts += [
                f'<rect x="2" y="{top}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6" {OUTLINE}/>',
                f'<text x="{2 + BOX_WIDTH / 2}" y="{middle}" text-anchor="middle">{escape(box.strip())}</text>',
                f'<text x="{BOX_WIDTH + 18}" y="{middle}" opacity="0.75">{escape(note.strip())}</text>',
            ]
            if number + 1 < len(rows):
                parts.append(_arrow(2 + BOX_WIDTH / 2, top + BOX_HEIGHT, GAP))
        height = 4 + len(rows) * (BOX_HEIGHT + GAP) - GAP
        longest = max(len(note.strip()) for _, note in rows)
        return [_svg(parts, BOX_WIDTH + 30 + 7 * longest, height, self.options["alt"])]


class Timeline(Directive):
    """A lane for each line, with a bar for each span of time."""

    has_content = True
    option_spec: ClassVar = {"alt": directives.unchanged_required, "end": directives.unchanged_required}

    def run(self) -> list[nodes.Node]:
        """Return the drawing."""
        scale = LANES_WIDTH / float(self.options["end"])
        parts = list[str]()
        lanes = [line for line in self.content if line.strip()]
        for number, line in enumerate(lanes):
            name, _, spans = line.partition(":")
            top = 4 + number * LANE_HEIGHT
            parts.append(f'<text x="2" y="{top + 19}">{escape(name.strip())}</text>')
            for span in spans.split(","):
                times, _, label = span.strip().partition(" ")
                begin, end = (float(time) for time in times.split("-"))
                x, width = NAME_WIDTH + begin * scale, (end - begin) * scale
                parts.append(f'<rect x="{x:.1f}" y="{top}" width="{width:.1f}" height="{LANE_HEIGHT - 8}" {OUTLINE}/>')
                parts.append(f'<text x="{x + 6:.1f}" y="{top + 18}" font-size="12">{escape(label)}</text>')
        return [_svg(parts, NAME_WIDTH + LANES_WIDTH + 6, 8 + len(lanes) * LANE_HEIGHT, self.options["alt"])]


OUTLINE: Final = 'fill="currentColor" fill-opacity="0.06" stroke="currentColor" stroke-opacity="0.5"'


def _arrow(x: float, top: float, length: float) -> str:
    end = top + length
    return (
        f'<path d="M{x} {top}V{end - 7}" stroke="currentColor" fill="none"/>'
        f'<path d="M{x - 5} {end - 8}L{x} {end}L{x + 5} {end - 8}Z"/>'
    )


def _svg(parts: list[str], width: float, height: float, alt: str) -> nodes.raw:
    size = f'viewBox="0 0 {width:.0f} {height:.0f}" style="{STYLE}max-width:{width:.0f}px"'
    drawing = f'<svg role="img" aria-label="{escape(alt)}" {size}>{"".join(parts)}</svg>'
    return nodes.raw("", f'<div class="drawing">{drawing}</div>', format="html")


def setup(app: Sphinx) -> dict[str, Any]:
    """Make both known to Sphinx."""
    app.add_directive("flow", Flow)
    app.add_directive("timeline", Timeline)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
