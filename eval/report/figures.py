"""The figures of a report: what each shows, in words, in numbers and painted."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from guide.eval.bootstrap import Estimate
from guide.eval.labels import metric_of
from guide.eval.metrics import ReliabilityBin, Sample, reliability
from guide.eval.probabilities import BINS
from guide.eval.report.breakdown import Group
from guide.eval.report.drawing import FIRST, INK, MUTED, SECOND, Figure, add_key

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

_AUROC = metric_of("auroc")
_LABEL = 25  # characters that a line beside a row of a forest may have


def reliability_figure(sample: Sample) -> Figure:
    """The share accepted against the mean P(accept) of ten bins of equal mass, and how many each holds.

    Raises:
        ValueError: the scores are no probabilities.
    """
    bins, wide = reliability(sample), reliability(sample, binning="width")
    if not bins:
        raise ValueError("scores that are not probabilities have no reliability")
    off = sum(not one.low <= one.predicted <= one.high for one in bins)
    top = min(1.0, math.ceil(10 * max(max(one.high, one.greatest) for one in bins)) / 10)

    def paint(canvas: Canvas) -> None:
        above, below = canvas.subplots(2, 1, sharex=True, gridspec_kw={"height_ratios": [3.4, 1]})
        above.plot([0, top], [0, top], color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label="right")
        x, y = [one.predicted for one in bins], [one.observed for one in bins]
        reach = [[one.observed - one.low for one in bins], [one.high - one.observed for one in bins]]
        above.errorbar(x, y, yerr=reach, fmt="o", color=FIRST, markersize=5, elinewidth=1.3, label="equal mass, 95 %")
        x, y = [one.predicted for one in wide], [one.observed for one in wide]
        above.plot(x, y, "s", color=SECOND, markersize=6, markerfacecolor="none", label="equal width")
        above.set(ylabel="share accepted", ylim=(0, top), xlim=(0, top))
        places = [min(int(BINS * one.least), BINS - 1) / BINS + 0.5 / BINS for one in wide]
        bars = below.bar(places, [one.n for one in wide], 0.94 / BINS, color=SECOND, alpha=0.35)
        below.bar_label(bars, padding=1, fontsize=9)
        below.set(xlabel="P(accept)", ylabel="n")
        below.margins(y=0.3)
        below.set_yticks([])
        below.grid(visible=False)
        add_key(canvas, above)

    return Figure(
        key="reliability",
        title="Reliability: what became of submissions given each chance",
        caption="Points on the dashed line are right; below it the engine hoped too much, above it too little. A "
        f"circle is about a tenth of the submissions ({_sizes(bins)}), with its 95 % interval; a square is all whose "
        "P(accept) begins with the same digit, as many as the bar below says.",
        description=f"Reliability diagram with {len(bins)} bins. Mean P(accept) runs from {bins[0].predicted:.2f} to "
        f"{bins[-1].predicted:.2f}, the share accepted from {bins[0].observed:.2f} in the lowest bin to "
        f"{bins[-1].observed:.2f} in the highest. In {off} of {len(bins)} bins the 95 % interval leaves out the chance "
        "that was stated.",
        columns=("Bin", "n", "Mean P(accept)", "Share accepted", "95 % interval"),
        rows=(*_bin_rows(bins, "equal mass"), *_bin_rows(wide, "equal width")),
        paint=paint,
        height=4.6,
    )


def rating_figure(sample: Sample, correlation: Estimate | None, *, axis: str = "P(accept)") -> Figure:
    """The reviewers' mean rating against the score; accepted and other submissions told apart.

    Args:
        sample: with ratings.
        correlation: Spearman's, if it was measured.
        axis: what the scores are.

    Raises:
        ValueError: no submission has a rating.
    """
    rated = ~np.isnan(sample.ratings)
    if not rated.any():
        raise ValueError("there are no ratings")
    x, y, accepted = sample.scores[rated], sample.ratings[rated], sample.accepted[rated]
    spearman = metric_of("spearman")
    said = (
        f"Spearman {spearman.write(correlation.value)} ({spearman.span(correlation)})"
        if correlation is not None and not math.isnan(correlation.value)
        else "no correlation measured"
    )
    size = 14 if len(x) <= 600 else 7

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        for inside, colour, marker, name in (
            (~accepted, SECOND, "o", "not accepted"),
            (accepted, FIRST, "^", "accepted"),
        ):
            axes.scatter(x[inside], y[inside], s=size, color=colour, marker=marker, alpha=0.5, linewidths=0, label=name)
        axes.set(xlabel=axis, ylabel="reviewers' mean rating")
        add_key(canvas, axes)

    return Figure(
        key="ratings",
        title="Score against the reviewers' mean rating",
        caption=f"{said}, over {len(x):,} submissions with ratings. The numbers are for quarters of the score.",
        description=f"Scatter of {len(x):,} submissions, the score across and the mean rating up: {said}. The mean "
        f"rating is {y[accepted].mean() if accepted.any() else math.nan:.2f} for accepted submissions and "
        f"{y[~accepted].mean() if (~accepted).any() else math.nan:.2f} for the others.",
        columns=("Score", "n", "Mean rating", "Middle half of the ratings", "Share accepted"),
        rows=_quarters(x, y, accepted),
        paint=paint,
    )


def forest_figure(
    key: str, title: str, caption: str, rows: Sequence[tuple[str, Estimate]], *, first_column: str, strong: str = ""
) -> Figure:
    """AUROC with its interval, row by row, against chance.

    Args:
        key: of the figure.
        title: of the same.
        caption: of the same.
        rows: name and figure, in the order to show; undefined ones stay out of the picture and in the table.
        first_column: heading of the names.
        strong: name of the row to set off.
    """
    shown = [(name, one) for name, one in rows if not math.isnan(one.value)]
    best = max(shown, key=lambda row: row[1].value, default=None)
    least = min(shown, key=lambda row: row[1].value, default=None)
    seen = (
        f"From {_AUROC.write(least[1].value)} ({least[0]}) to {_AUROC.write(best[1].value)} ({best[0]})."
        if best and least
        else "None has one."
    )

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.axvline(0.5, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2)
        for place, (name, one) in enumerate(shown):
            colour = FIRST if name == strong or not strong else INK
            axes.plot([one.low, one.high], [place, place], color=colour, linewidth=1.5, solid_capstyle="butt")
            axes.plot([one.value], [place], "o" if name == strong or not strong else "s", color=colour, markersize=5)
        axes.set_yticks(range(len(shown)), ["\n".join(textwrap.wrap(name, _LABEL)) for name, _ in shown])
        axes.set(xlabel="AUROC (0.5 is chance)", ylim=(len(shown) - 0.5, -0.5))
        axes.tick_params(axis="y", length=0, labelsize=9.5)
        axes.grid(visible=False, axis="y")
        axes.spines["left"].set_visible(False)

    return Figure(
        key=key,
        title=title,
        caption=caption,
        description=f"AUROC and 95 % intervals, one row each for {len(shown)}. {seen}",
        columns=(first_column, "AUROC", "95 % interval"),
        rows=tuple((name, _AUROC.write(one.value), _AUROC.span(one)) for name, one in rows),
        paint=paint,
        height=0.9 + sum(0.1 + 0.17 * len(textwrap.wrap(name, _LABEL)) for name, _ in shown),
    )


def groups_figure(key: str, groups: Sequence[Group], *, kind: str, whole: Estimate | None) -> Figure:
    """AUROC within areas or years, the whole replay above them."""
    rows = [(f"{_short(group.name, 2 * _LABEL - 14)}, n\N{NO-BREAK SPACE}{group.n:,}", group.auroc) for group in groups]
    if whole is not None:
        rows.insert(0, ("all submissions", whole))
    drawn = forest_figure(
        key,
        f"AUROC by {kind}",
        "Intervals this wide overlap by chance alone; the smallest and the largest of many are no finding.",
        rows,
        first_column=kind.capitalize(),
        strong="all submissions",
    )
    return replace(
        drawn,
        columns=(kind.capitalize(), "n", "% accepted", "AUROC", "95 % interval"),
        rows=tuple(
            (
                group.name,
                f"{group.n:,}",
                f"{100 * group.base_rate:.1f}",
                _AUROC.write(group.auroc.value),
                _AUROC.span(group.auroc),
            )
            for group in groups
        ),
        unfolded=True,
    )


def _bin_rows(bins: Sequence[ReliabilityBin], kind: str) -> Iterator[tuple[str, ...]]:
    for one in bins:
        yield (
            f"{kind}, {one.least:.3f} to {one.greatest:.3f}",
            f"{one.n:,}",
            f"{one.predicted:.3f}",
            f"{one.observed:.3f}",
            f"{one.low:.3f} to {one.high:.3f}",
        )


def _sizes(bins: Sequence[ReliabilityBin]) -> str:
    least, most = min(one.n for one in bins), max(one.n for one in bins)
    return f"n = {least:,}" if least == most else f"{least:,} to {most:,}"


def _quarters(x: np.ndarray, y: np.ndarray, accepted: np.ndarray) -> tuple[tuple[str, ...], ...]:
    """Numbers for quarters of the score, the lowest first; ties may make them uneven, and empty ones are left out."""
    place = np.searchsorted(np.quantile(x, [0.25, 0.5, 0.75]), x)
    rows = []
    for quarter in np.unique(place):
        inside = place == quarter
        low, high = np.quantile(y[inside], [0.25, 0.75])
        rows.append(
            (
                f"{x[inside].min():.3f} to {x[inside].max():.3f}",
                f"{inside.sum():,}",
                f"{y[inside].mean():.2f}",
                f"{low:.2f} to {high:.2f}",
                f"{accepted[inside].mean():.3f}",
            )
        )
    return tuple(rows)


def _short(name: str, limit: int) -> str:
    return textwrap.shorten(name, limit, placeholder=" ...") if len(name) > limit else name
