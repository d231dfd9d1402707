"""What GUIDE's paper published of itself and its rivals, and how far sampling alone could have moved each figure."""

from __future__ import annotations

from dataclasses import dataclass

from guide.calibration.measures import wilson


@dataclass(frozen=True, slots=True)
class Figure:
    """One published share.

    Attributes:
        value: in per cent, the mean over the trials.
        over_trials: the "±" that was published, in points: the spread over trials of the generator on the same papers.
        of: how many papers it is a share of.
    """

    value: float
    over_trials: float
    of: int

    def over_papers(self) -> tuple[float, float]:
        """The 95 % interval, in per cent, that the figure has as a share of `of` papers (Wilson, JASA 1927).

        The mean of three trials on the same papers varies with the papers about as much as one trial does.
        """
        low, high = wilson(self.value / 100 * self.of, self.of)
        return 100 * low, 100 * high


@dataclass(frozen=True, slots=True)
class PublishedRow:
    """One system of the table; the names of the figures are those of `guide.eval.metrics`."""

    system: str
    top5_precision: Figure
    top30_precision: Figure
    accept_recall: Figure


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """A table as it was published.

    Attributes:
        rows: the systems, best first.
        n: submissions behind each row.
        accepted: of these.
        text: what the systems read.
        caveats: why it cannot be laid beside a replay line by line.
        source: where it stands.
    """

    rows: tuple[PublishedRow, ...]
    n: int
    accepted: int
    text: str
    caveats: tuple[str, ...]
    source: str


_N = 1000
_ACCEPTED = 319


def _row(system: str, *cells: tuple[float, float]) -> PublishedRow:
    of = (round(0.05 * _N), round(0.30 * _N), _ACCEPTED)
    top5, top30, recall = (Figure(value, trials, count) for (value, trials), count in zip(cells, of, strict=True))
    return PublishedRow(system, top5, top30, recall)


GUIDE_TABLE = PublishedTable(
    rows=(
        _row("GUIDE-7B", (72.0, 2.0), (51.3, 0.4), (48.3, 0.3)),
        _row("DeepSeek-R1", (69.3, 4.6), (50.2, 0.5), (47.2, 0.5)),
        _row("QwQ-32B", (66.7, 1.2), (48.6, 1.5), (45.8, 1.4)),
        _row("GPT-4o-mini", (70.0, 4.6), (47.7, 2.4), (44.8, 2.2)),
    ),
    n=_N,
    accepted=_ACCEPTED,
    text="post-decision text",
    caveats=(
        "n = 1,000 ICLR 2025 submissions, and not the ones replayed here",
        "fetched after the decisions; whether links and code-release sentences were taken out is not said",
        "± is over three trials of the generator, not over papers",
        "accept recall is top-30 % precision times 300 / 319 and tells nothing more",
    ),
    source="arXiv 2507.08870",
)
