"""What a ticket costs as a bar chart in SVG, for a light and a dark page. Knows only labels and numbers."""

from collections.abc import Sequence
from html import escape
from typing import Final, NamedTuple

WIDTH: Final = 760
EDGE: Final = 12
LABELS: Final = 244  # room for the labels, left of the bars
VALUES: Final = 64  # room for a number, right of them
ROW: Final = 34
TOP: Final = 70


class Bar(NamedTuple):
    """One row: a label and two numbers, either of which may be missing."""

    label: str
    plain: float | None
    speed: float | None
    ours: bool


class Theme(NamedTuple):
    """The colours of a page, and its own: not every page that shows the picture is of the reader's theme."""

    page: str
    text: str
    faint: str
    ours: str
    ours_speed: str
    other: str
    other_speed: str


THEMES: Final = {
    "light": Theme("#ffffff", "#1f2328", "#59636e", "#74b9ff", "#0969da", "#d0d7de", "#8c959f"),
    "dark": Theme("#0d1117", "#f0f6fc", "#9198a1", "#1f5fa8", "#4493f8", "#3d444d", "#7d8590"),
}


def draw(title: str, subtitle: str, bars: Sequence[Bar], theme: Theme) -> str:
    """Draw the chart."""
    scale = (WIDTH - LABELS - VALUES) / max(max(bar.plain or 0, bar.speed or 0) for bar in bars)
    height = TOP + ROW * len(bars) + 34
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img"',
        f'font-family="system-ui, -apple-system, Segoe UI, sans-serif" font-size="13" fill="{theme.text}">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="{theme.page}"/>',
        f'<text x="{EDGE}" y="24" font-size="16" font-weight="600">{escape(title)}</text>',
        f'<text x="{EDGE}" y="46" fill="{theme.faint}">{escape(subtitle)}</text>',
    ]
    for number, bar in enumerate(bars):
        y = TOP + ROW * number
        weight = ' font-weight="600"' if bar.ours else ""
        parts.append(f'<text x="{LABELS - 10}" y="{y + 18}" text-anchor="end"{weight}>{escape(bar.label)}</text>')
        colours = (theme.ours, theme.ours_speed) if bar.ours else (theme.other, theme.other_speed)
        for value, colour, offset in ((bar.plain, colours[0], 0), (bar.speed, colours[1], 14)):
            if value is not None:
                parts += _bar(value, value * scale, y + offset, colour, theme)
    y = TOP + ROW * len(bars) + 10
    for x, colour, text in (
        (LABELS, theme.other, "asyncio, standard library"),
        (LABELS + 210, theme.other_speed, "uvloop, msgspec or orjson (extra: speed)"),
    ):
        parts.append(f'<rect x="{x}" y="{y}" width="12" height="12" rx="2" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18}" y="{y + 11}" fill="{theme.faint}">{text}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _bar(value: float, width: float, y: float, colour: str, theme: Theme) -> list[str]:
    right = LABELS + width
    return [
        f'<rect x="{LABELS}" y="{y:g}" width="{width:.1f}" height="12" fill="{colour}"/>',
        f'<text x="{right + 6:.1f}" y="{y + 10:g}" font-size="11" fill="{theme.faint}">{value:,.0f}</text>',
    ]
