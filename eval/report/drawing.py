"""Drawings of a report: one piece of plotting code gives a PNG and an SVG that follows the page's colours.

Each colour of the palette is drawn as itself, and in the SVG replaced by a CSS variable of its name; the page says what
the variables are in light and in dark mode. The bytes depend on nothing but the figure.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from xml.sax.saxutils import escape

from guide.errors import GuideError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

# No two may be equal: the SVG tells them apart by value. The page's light colours are the same ones.
PALETTE = {
    "ink": "#1b1f24",
    "muted": "#59636e",
    "grid": "#dbe1e8",
    "paper": "#ffffff",
    "first": "#0b5cad",
    "second": "#b3470b",
    "third": "#7a3fb0",
    "fourth": "#1a7f37",
}
INK, MUTED, GRID, PAPER, FIRST, SECOND, THIRD, FOURTH = PALETTE.values()

WIDTH = 4.7  # inches; 340 px at the SVG's own scale, so that a phone shows its text at the size it was drawn in
_DOTS = 200  # of the PNG, an inch

_STYLE: dict[str, object] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the layout is the same everywhere
    "font.size": 10.5,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.facecolor": "none",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "lines.linewidth": 1.8,
    "text.parse_math": False,  # an area may be called anything
    "svg.fonttype": "none",  # text stays text: to be read aloud, searched and printed sharply
    "svg.hashsalt": "guide",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure before it is drawn.

    Attributes:
        key: its name in file names and ids, lower case.
        title: what it shows.
        caption: how to read it, for everybody.
        description: what is seen, for those who do not see it.
        columns: of its table of numbers.
        rows: of the same, as text; the first cell names the row.
        paint: draws it on an empty canvas.
        height: inches.
        unfolded: whether its numbers are shown at once.
    """

    key: str
    title: str
    caption: str
    description: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    paint: Callable[[Canvas], None]
    height: float = 3.7
    unfolded: bool = False


@dataclass(frozen=True, slots=True)
class Drawing:
    """A figure that was drawn: `svg` is an element to put into a page, `png` the bytes of a file."""

    svg: str
    png: bytes


def draw(figure: Figure, prefix: str) -> Drawing:
    """Draw a figure both ways; `prefix` begins every id in the SVG, so that one page may hold many.

    Raises:
        GuideError: matplotlib is not installed.
    """
    try:
        import matplotlib
        from matplotlib.figure import Figure as Canvas
    except ImportError as error:
        raise GuideError("a report needs matplotlib", fix="pip install 'guide-advisor[report]'") from error
    with matplotlib.rc_context():
        matplotlib.rcdefaults()  # whatever a user's own matplotlibrc says
        cast(Any, matplotlib.rcParams).update(_STYLE)
        canvas = Canvas(figsize=(WIDTH, figure.height), layout="constrained")
        figure.paint(canvas)
        svg, png = io.StringIO(), io.BytesIO()
        nobody = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        canvas.savefig(svg, format="svg", metadata=nobody, facecolor="none")
        canvas.set_layout_engine("none")  # it stands; to work it out once more takes a third of the time
        canvas.savefig(png, format="png", metadata={"Software": None}, facecolor=PAPER, dpi=_DOTS)
    return Drawing(_embed(svg.getvalue(), figure, prefix), png.getvalue())


def add_key(canvas: Canvas, axes: Axes) -> None:
    """Put a key above the axes, where it hides nothing."""
    handles, names = axes.get_legend_handles_labels()
    canvas.legend(handles, names, loc="outside upper left", ncols=2 if len(names) < 5 else 3, handlelength=1.8)


def _embed(svg: str, figure: Figure, prefix: str) -> str:
    """A whole SVG file as an element of a page: named, described, in the page's colours and font."""
    size = re.search(r'viewBox="([^"]+)"', svg)
    if size is None:
        raise ValueError("matplotlib wrote an SVG without a viewBox")
    body = svg[svg.index(">", size.end()) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    # It would hold for the whole page; the page's own style sheet says it.
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    # Only what is referred to keeps an id, and a page may hold it once.
    used = set(re.findall(r'href="#([^"]+)"', body)) | set(re.findall(r"url\(#([^)]+)\)", body))
    body = re.sub(r' id="([^"]+)"', lambda found: f' id="{prefix}-{found[1]}"' if found[1] in used else "", body)
    body = re.sub(r'xlink:href="#', f'href="#{prefix}-', body)
    body = body.replace("url(#", f"url(#{prefix}-")
    for name, colour in PALETTE.items():
        body = body.replace(colour, f"var(--{name})")
    body = body.replace("font-family: 'DejaVu Sans'; ", "")
    body = re.sub(r' transform="rotate\(-0 [^)]*\)"', "", body)
    body = re.sub(r"<[^>]+>", lambda tag: re.sub(r"(\.\d\d)\d+", r"\1", tag[0]), body)
    body = re.sub(r"\s*\n\s*", "\n", body)
    return (
        f'<svg viewBox="{size[1]}" role="img" aria-labelledby="{prefix}-title {prefix}-desc">\n'
        f'<title id="{prefix}-title">{escape(figure.title)}</title>\n'
        f'<desc id="{prefix}-desc">{escape(figure.description)}</desc>{body}</svg>'
    )
