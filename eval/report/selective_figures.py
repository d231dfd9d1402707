"""The figures of a report about what a system is worth where it is surest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from guide.eval.metrics import Floats, Sample
from guide.eval.report.drawing import FIRST, FOURTH, INK, MUTED, SECOND, THIRD, Figure, add_key
from guide.eval.run import System
from guide.eval.selective import (
    Cell,
    Point,
    RiskCoverage,
    decile_figure,
    pool_deciles,
    precision_coverage,
    risk_coverage,
    wrong_calls,
    wrong_top_calls,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

# What is listed of a curve that is drawn at every per cent.
_LISTED = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0)
# Told apart by colour, marker and line, so that no one of them is needed.
_LOOKS = ((INK, "o", "-"), (FIRST, "s", "--"), (SECOND, "^", "-."), (THIRD, "D", ":"), (FOURTH, "v", "-"))
_LEAST = 5  # rows below which a point of a curve is mostly noise and is not drawn


def measure_precision(sample: Sample) -> tuple[Point, ...]:
    """The points of the precision-coverage curve."""
    return precision_coverage(sample.scores, sample.accepted)


def measure_risk(system: System, sample: Sample) -> RiskCoverage:
    """The risk-coverage curve of a system's calls.

    A call is "accept if P(accept) is at least one half"; of scores that are no probabilities, "accept the top 30 %".
    The order is the confidence the system states; where it states none, how far its score is from the boundary.
    """
    if sample.probabilities is not None:
        wrong, distance = wrong_calls(sample.probabilities, sample.accepted), np.abs(sample.probabilities - 0.5)
    else:
        wrong = wrong_top_calls(sample.scores, sample.accepted)
        distance = np.abs(sample.scores - np.quantile(sample.scores, 0.7))
    return risk_coverage(distance if system.confidence is None else np.array(system.confidence), wrong)


def measure_deciles(system: System, sample: Sample) -> tuple[Cell, ...]:
    """GUIDE's figure, ordered as GUIDE orders it, by the entropy of the ratings, or else by the stated confidence.

    A system that states neither gives only the first share, all of each decile.
    """
    if (confidence := _surety(system)) is None:
        return decile_figure(sample.scores, np.zeros(len(sample.scores)), sample.accepted, shares=(1.0,))
    return decile_figure(sample.scores, confidence, sample.accepted)


def precision_figure(curves: Mapping[str, Sequence[Point]], base_rate: float) -> Figure:
    """Precision on the accept side against coverage, the first curve with its interval.

    Raises:
        ValueError: there is no curve.
    """
    if not curves:
        raise ValueError("a figure needs a curve")
    first = next(iter(curves))
    at = {name: {round(point.coverage, 2): point for point in points} for name, points in curves.items()}

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.axhline(100 * base_rate, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label="base rate")
        for (name, points), (colour, _, line) in zip(curves.items(), _LOOKS[1:], strict=False):
            drawn = [point for point in points if point.n >= _LEAST]
            x = [100 * point.coverage for point in drawn]
            style = "-" if name == first else line
            axes.plot(x, [100 * point.rate for point in drawn], color=colour, linestyle=style, label=name)
            if name == first:
                low, high = [100 * point.low for point in drawn], [100 * point.high for point in drawn]
                axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
        axes.set(xlabel="the best ... % of the ranking", ylabel="% accepted among them", xlim=(0, 100), ylim=(0, 100))
        add_key(canvas, axes)

    rows = []
    for coverage in _LISTED:
        for name in curves:
            point = at[name].get(coverage) or _nearest(curves[name], coverage)
            rows.append(
                (f"{100 * coverage:.0f} %, {name}", f"{point.n:,}", *_per_cent(point.rate, point.low, point.high))
            )
    ends = [_nearest(curves[first], coverage) for coverage in (0.05, 0.3)]
    return Figure(
        key="precision-coverage",
        title="Precision against coverage, on the accept side",
        caption="The left end is GUIDE's Top-5 % precision and everything like it: few papers, a wide band. It is "
        f"the 95 % Wilson interval of {first}, point by point; points of fewer than {_LEAST} papers are not drawn.",
        description=f"Precision-coverage curves of {len(curves)} systems. Of the best 5 % of {first}'s ranking "
        f"{100 * ends[0].rate:.1f} % were accepted ({100 * ends[0].low:.1f} to {100 * ends[0].high:.1f}), of the best "
        f"30 % {100 * ends[1].rate:.1f} % ({100 * ends[1].low:.1f} to {100 * ends[1].high:.1f}); the base rate is "
        f"{100 * base_rate:.1f} %.",
        columns=("Best share", "n", "% accepted", "95 % interval"),
        rows=tuple(rows),
        paint=paint,
    )


def risk_figure(curve: RiskCoverage, *, call: str, order: str) -> Figure:
    """The error rate of the surest calls against how many are made.

    Args:
        curve: measured.
        call: what a call is, in words.
        order: what makes one surer than another, in words.
    """
    said = (
        f"Area {curve.area:.3f}; a confidence that says nothing would have {curve.error_rate:.3f}, and with so many "
        f"errors no order could have less than {curve.oracle:.3f}."
    )

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.axhline(
            100 * curve.error_rate,
            color=MUTED,
            linestyle=(0, (4, 3)),
            linewidth=1.2,
            label="an order that says nothing",
        )
        drawn = [point for point in curve.points if point.n >= _LEAST]
        x = [100 * point.coverage for point in drawn]
        axes.plot(x, [100 * point.rate for point in drawn], color=FIRST, label="wrong calls")
        axes.fill_between(
            x, [100 * one.low for one in drawn], [100 * one.high for one in drawn], color=FIRST, alpha=0.16, linewidth=0
        )
        top = max([100 * one.high for one in drawn], default=100.0)
        axes.set(
            xlabel="the surest ... % of the calls", ylabel="% of them wrong", xlim=(0, 100), ylim=(0, min(100, top + 5))
        )
        add_key(canvas, axes)

    return Figure(
        key="risk-coverage",
        title="Wrong calls against coverage",
        caption=f"A call is {call}; the surest is the one with {order}. {said}",
        description=f"Risk-coverage curve. {100 * curve.error_rate:.1f} % of all calls are wrong, and "
        f"{100 * _nearest(curve.points, 0.2).rate:.1f} % of the surest fifth. {said}",
        columns=("Surest share", "n", "% wrong", "95 % interval"),
        rows=tuple(
            (f"{100 * coverage:.0f} %", f"{point.n:,}", *_per_cent(point.rate, point.low, point.high))
            for coverage in _LISTED
            for point in [_nearest(curve.points, coverage)]
        ),
        paint=paint,
    )


def decile_chart(cells: Sequence[Cell], base_rate: float, *, order: str) -> Figure:
    """GUIDE's figure: precision within each tenth of the ranking, for all of it and for its surest shares.

    Args:
        cells: measured.
        base_rate: share accepted.
        order: what makes one surer than another, in words; "" if nothing does.
    """
    shares = list(dict.fromkeys(cell.share for cell in cells))
    head = pool_deciles(cell for cell in cells if cell.decile <= 3)
    surest = min(head, key=lambda cell: cell.share)
    whole = max(head, key=lambda cell: cell.share)

    def paint(canvas: Canvas) -> None:
        axes = canvas.subplots()
        axes.axhline(100 * base_rate, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.2, label="base rate")
        for number, share in enumerate(shares):
            colour, marker, _ = _LOOKS[number % len(_LOOKS)]
            some = [cell for cell in cells if cell.share == share]
            x = [cell.decile + 0.13 * (number - (len(shares) - 1) / 2) for cell in some]
            y = [100 * cell.precision for cell in some]
            reach = [[100 * max(0.0, cell.precision - cell.low) for cell in some],
                     [100 * max(0.0, cell.high - cell.precision) for cell in some]]  # fmt: skip
            line = "-" if share == max(shares) else "none"  # more lines than one only tangle
            axes.errorbar(x, y, yerr=reach, color=colour, marker=marker, linestyle=line, markersize=4, linewidth=1.1,
                          elinewidth=0.8, label=_share(share))  # fmt: skip
        axes.set(xlabel="tenth of the ranking (1: the best)", ylabel="% accepted", ylim=(0, 100))
        axes.set_xticks(range(1, 11))
        add_key(canvas, axes)

    said = f"The first three tenths together: {_count(whole)}"
    if surest.share < 1:
        said += f"; their surest {100 * surest.share:.0f} %: {_count(surest)}"
    ordered = (
        f" The surest have {order}." if order else " The system states no confidence, so there are no surest shares."
    )
    return Figure(
        key="deciles",
        title="GUIDE's figure: each tenth of the ranking, and the surest within it",
        caption=f"{said}.{ordered} The surest tenth of a tenth is one paper in a hundred: read the interval first.",
        description=f"Share accepted in each tenth of the ranking, for {len(shares)} shares by confidence. {said}. The "
        f"base rate is {100 * base_rate:.1f} %.",
        columns=("Tenth and share", "n", "Accepted", "% accepted", "95 % interval"),
        rows=tuple(
            (
                f"{cell.decile}, {_share(cell.share)}",
                f"{cell.n:,}",
                f"{cell.accepted:.1f}".removesuffix(".0"),
                *_per_cent(cell.precision, cell.low, cell.high),
            )
            for cell in cells
        ),
        paint=paint,
        height=4.2,
    )


def order_of_risk(system: System) -> str:
    """What orders a system's calls, in words."""
    if system.confidence is not None:
        return "the highest chance to be right, as the system states it"
    return "the score farthest from the boundary"


def order_of_deciles(system: System) -> str:
    """What orders a decile, in words; "" if nothing does."""
    if system.entropy is not None:
        return "the lowest entropy of the predicted ratings, GUIDE's measure"
    return "the highest chance that the call is right" if system.confidence is not None else ""


def call_of(sample: Sample) -> str:
    """What counts as a call, in words."""
    if sample.probabilities is not None:
        return '"accept if P(accept) is at least one half"'
    return '"accept the top 30 %", because the scores are no probabilities'


def _surety(system: System) -> Floats | None:
    if system.entropy is not None:
        return -np.array(system.entropy)
    return None if system.confidence is None else np.array(system.confidence)


def _nearest(points: Sequence[Point], coverage: float) -> Point:
    return min(points, key=lambda point: abs(point.coverage - coverage))


def _per_cent(value: float, low: float, high: float) -> tuple[str, str]:
    if math.isnan(value):
        return "-", ""
    return f"{100 * value:.1f}", f"{100 * low:.1f} to {100 * high:.1f}"


def _count(cell: Cell) -> str:
    accepted = f"{cell.accepted:.1f}".removesuffix(".0")
    return f"{accepted} of {cell.n:,} accepted ({100 * cell.low:.1f} to {100 * cell.high:.1f} %)"


def _share(share: float) -> str:
    return "all" if share == 1 else f"surest {100 * share:.0f} %"
