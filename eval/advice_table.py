"""One replay of the forecast of concerns: all figures of eval/advice.py on held-out submissions, as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.advice.concerns.forecast import REVIEWERS, Forecast
from guide.advice.concerns.neighbours import Reviewed
from guide.advice.concerns.records import ReviewedSubmission, unit_rows
from guide.advice.concerns.taxonomy import Kind
from guide.eval.advice import (
    SHOWN,
    KindFigures,
    f1_of_lists,
    leave_one_out,
    lift_of_lists,
    macro_auroc,
    mark_top,
    mean_over_papers,
    measure_kinds,
    most_frequent_names,
    name_precision,
    rarity_recall,
    shares_of_neighbours,
)
from guide.eval.bootstrap import Estimate


@dataclass(frozen=True, slots=True)
class AdviceReplay:
    """What came of one replay.

    Attributes:
        n: submissions.
        rated: those with four reviewers or more, on which chances are measured.
        kinds: figures of each kind.
        figures: name of a figure and its estimate.
    """

    n: int
    rated: int
    kinds: tuple[KindFigures, ...]
    figures: Mapping[str, Estimate]

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; what is undefined is null."""
        figures = {name: one.to_json() for name, one in self.figures.items()}
        return {"n": self.n, "rated": self.rated, "kinds": [asdict(kind) for kind in self.kinds], "figures": figures}

    def lines(self) -> list[str]:
        """The table as lines of text."""
        found = [f"{self.n:,} submissions, {self.rated:,} with {REVIEWERS} reviewers or more", ""]
        found.append(f"{'kind':18} {'base':>6} {'AUROC':>6} {'lift':>6} {'error':>6}")
        found += [
            f"{one.id:18} {one.base_rate:6.2f} {one.auroc:6.3f} {one.lift:6.2f} {one.calibration_error:6.3f}"
            for one in self.kinds
        ]
        found += ["", *(f"{name:42} {e.value:.3f} ({e.low:.3f} to {e.high:.3f})" for name, e in self.figures.items())]
        return found


def replay_advice(
    papers: Sequence[ReviewedSubmission],
    dense: NDArray[np.float32],
    forecast: Forecast,
    table: Reviewed,
    kinds: Sequence[Kind],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> AdviceReplay:
    """Measure a forecast and a table on papers that are in neither; `dense` as `records.embed` gives it."""
    labels = [paper.label(kinds) for paper in papers]
    several = np.array([len(own) >= 2 for own in labels])
    four = np.array([len(own) >= REVIEWERS for own in labels])
    chances = forecast.chances(dense, forecast.vocabulary().weigh([paper.joined for paper in papers]))
    first = np.stack([own[:REVIEWERS].any(axis=0) for own in labels])
    units = unit_rows(dense, table.projection.shape[0])
    neighbours = shares_of_neighbours(table, units)
    base = forecast.base_rates.astype(np.float64)
    ids = [kind.id for kind in kinds]
    options = {"resamples": resamples, "seed": seed}
    one, others = leave_one_out([own for own in labels if len(own) >= 2], seed)
    figures = {
        "macro AUROC, forecast": macro_auroc(chances[four], first[four], **options),
        "macro AUROC, 30 neighbours": macro_auroc(neighbours[four], first[four], **options),
        "macro AUROC, one reviewer of the others": macro_auroc(one.astype(float), others, **options),
        "macro AUROC, forecast of the others": macro_auroc(chances[several], others, **options),
    }
    rivals = {
        "forecast": chances[several],
        "30 neighbours": neighbours[several],
        "most frequent": np.broadcast_to(base, chances[several].shape),
        "another paper's": np.roll(chances[several], 1, axis=0),
    }
    for shown in SHOWN:
        lists = {name: mark_top(np.asarray(scores), shown) for name, scores in rivals.items()}
        scored = {name: f1_of_lists(listed, others) for name, listed in lists.items()}
        for name, values in scored.items():
            figures[f"F1@{shown}, {name}"] = mean_over_papers(values, **options)
            if name != "forecast":
                figures[f"F1@{shown}, forecast less {name}"] = mean_over_papers(scored["forecast"] - values, **options)
    lists["one reviewer"] = one
    figures["F1, one reviewer (no ranks)"] = mean_over_papers(f1_of_lists(one, others), **options)
    for name, listed in lists.items():
        for what, measure in (("lift", lift_of_lists), ("rarity-weighted recall", rarity_recall)):
            values = measure(listed, others, base)
            figures[f"{what}@5, {name}"] = mean_over_papers(values[~np.isnan(values)], **options)
    figures |= {name: mean_over_papers(values, **options) for name, values in _names(papers, table, units).items()}
    kinds_of = measure_kinds(ids, chances[four], first[four], np.ones(int(four.sum())))
    return AdviceReplay(len(papers), int(four.sum()), kinds_of, figures)


def _names(
    papers: Sequence[ReviewedSubmission], table: Reviewed, units: NDArray[np.float32]
) -> dict[str, NDArray[np.float64]]:
    """Precision of the names, of the most frequent ones and of another paper's."""
    named, texts = [paper.named() for paper in papers], [paper.joined for paper in papers]
    asked = [
        [one.name for one in table.requested(*table.nearest(unit), text)]
        for unit, text in zip(units, texts, strict=True)
    ]
    return {
        "names, precision@5, neighbours": name_precision(asked, named),
        "names, precision@5, most frequent": name_precision(most_frequent_names(table, texts), named),
        "names, precision@5, another paper's": name_precision([*asked[-1:], *asked[:-1]], named),
    }
