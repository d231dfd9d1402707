"""The figures of the review's page as shapes with places: concerns as bars, neighbours on a map, ratings as columns.

They hold numbers alone; the template turns them into SVG. Lengths are in units of the figure's view box.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from guide.review import Concern, Evidence

_BARS = 12  # concerns drawn; the table holds all
_BAR_STEP = 46.0
_MAP_LEFT, _MAP_RIGHT, _MAP_TOP, _MAP_BOTTOM = 52.0, 340.0, 16.0, 236.0
_APART = 17.0  # least distance of two marks on the map, so that each number can be read
_COLUMNS_HEIGHT = 120.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A concern: its chance as a bar from 0, and the base rate as a tick."""

    concern: Concern
    y: float
    length: float
    tick: float


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars below each other, from 0 to 100 % over `width`."""

    bars: tuple[Bar, ...]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A paper on the map; `shape` is its decision: accepted, rejected or unknown."""

    number: int
    item: Evidence
    x: float
    y: float
    shape: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A place on an axis and what it says."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class PaperMap:
    """Similarity from left to right, year from bottom to top."""

    marks: tuple[Mark, ...]
    similarities: tuple[Tick, ...]
    years: tuple[Tick, ...]
    width: float = 360.0
    height: float = 286.0
    left: float = _MAP_LEFT
    right: float = _MAP_RIGHT
    top: float = _MAP_TOP
    bottom: float = _MAP_BOTTOM


@dataclass(frozen=True, slots=True)
class Column:
    """The chance of one rating."""

    rating: int
    share: float
    height: float


def bar_chart(concerns: Sequence[Concern], width: float = 330.0) -> BarChart:
    """The first concerns, in their order."""
    bars = tuple(
        Bar(one, y=number * _BAR_STEP, length=one.p * width, tick=one.base_rate * width)
        for number, one in enumerate(concerns[:_BARS])
    )
    return BarChart(bars, width, height=len(bars) * _BAR_STEP + 24)


def paper_map(evidence: Sequence[Evidence]) -> PaperMap | None:
    """Where each paper stands; None without papers. Marks that would cover each other are moved apart downwards."""
    if not evidence:
        return None
    similarities = [item.similarity for item in evidence]
    low, high = _widen(min(similarities), max(similarities), 0.02)
    years = [item.paper.year for item in evidence]
    first, last = _widen(min(years), max(years), 0.6)
    marks: list[Mark] = []
    for number, item in enumerate(evidence, 1):
        x = _scale(item.similarity, low, high, _MAP_LEFT + 12, _MAP_RIGHT - 12)
        y = _scale(item.paper.year, first, last, _MAP_BOTTOM, _MAP_TOP)
        while any(abs(x - one.x) < _APART and abs(y - one.y) < _APART for one in marks):
            x, y = (x, y + _APART) if y + _APART < _MAP_BOTTOM else (x - _APART, _MAP_TOP + 8)
        marks.append(Mark(number, item, x, y, _shape(item.paper.decision)))
    return PaperMap(
        tuple(marks),
        tuple(
            Tick(_scale(value, low, high, _MAP_LEFT + 12, _MAP_RIGHT - 12), f"{value:.2f}")
            for value in (low, (low + high) / 2, high)
        ),
        tuple(
            Tick(_scale(year, first, last, _MAP_BOTTOM, _MAP_TOP), str(year))
            for year in sorted({min(years), round((min(years) + max(years)) / 2), max(years)})
        ),
    )


def columns(ratings: Sequence[float]) -> tuple[Column, ...]:
    """P(rating = 1), ..., P(rating = 10) as columns, the highest as high as the figure."""
    highest = max(ratings) or 1.0
    return tuple(Column(rating, share, _COLUMNS_HEIGHT * share / highest) for rating, share in enumerate(ratings, 1))


def _shape(decision: str | None) -> str:
    """Every store names decisions in its own words: 'Accept (oral)', 'reject', 'withdrawn'."""
    said = (decision or "").casefold()
    if "reject" in said or "withdr" in said:
        return "rejected"
    return "accepted" if said else "unknown"


def _widen(low: float, high: float, margin: float) -> tuple[float, float]:
    return low - margin, high + margin


def _scale(value: float, low: float, high: float, start: float, end: float) -> float:
    return start + (value - low) / (high - low) * (end - start)
