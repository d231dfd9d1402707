"""The tables of a report, as text."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from guide.eval.bootstrap import Difference, Estimate
from guide.eval.labels import NOTHING, Metric, metric_of, metrics_in, name_reading, readings_in, write_p
from guide.eval.published import GUIDE_TABLE, Figure
from guide.eval.report.findings import Findings
from guide.eval.report.mistakes import Mistakes
from guide.eval.report.verdict_sentence import rivals_of
from guide.eval.run import Run, System

# Two tables of a reading, because one would be wider than a sheet of paper.
_OF_RANKS = (
    "auroc",
    "average_precision",
    "top5_precision",
    "top30_precision",
    "accept_recall",
    "accuracy",
    "f1",
)
# What a paired difference is shown of; the others say the same thing again.
_COMPARED = ("auroc", "top5_precision", "top30_precision", "spearman", "brier", "log_loss", "ece")


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: `text`, lines of `small` print below it, an address that the text leads to, and a `tag` behind it."""

    text: str
    small: str = ""
    url: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first column names its rows.

    Attributes:
        key: part of its id.
        caption: what it shows.
        head: of the columns.
        rows: of cells.
        strong: numbers of the rows to set off.
        numeric: whether the columns behind the first hold numbers.
    """

    key: str
    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    strong: frozenset[int] = frozenset()
    numeric: bool = True


def compare_runs(found: Sequence[Findings]) -> Table:
    """One row a run: its engine on the reading that counts, and the best rival."""
    metrics = [metric_of(name) for name in ("auroc", "top30_precision", "ece")]
    rows = []
    for number, one in enumerate(found, 1):
        run, scored = one.run, one.scored
        row = [Cell(run.name, url=f"#run-{number}"), Cell(f"{len(run.submissions):,}"), Cell(_per_cent(run.base_rate))]
        if scored is None:
            rows.append((*row, Cell("no engine with scores"), *[Cell(NOTHING)] * (len(metrics) + 2)))
            continue
        rivals = [rival for rival in rivals_of(run, scored.system) if "auroc" in rival.beyond]
        row += [Cell(name_reading(scored.system.text))]
        row += [_estimate(metric, scored.system.metrics.get(metric.name)) for metric in metrics]
        row += (
            [Cell(rivals[0].name), _difference(metrics[0], rivals[0].beyond["auroc"])]
            if rivals
            else [Cell(NOTHING)] * 2
        )
        rows.append(tuple(row))
    head = ("Run", "n", "% accepted", "Text", *(metric.label for metric in metrics), "Best baseline", "AUROC beyond it")
    return Table("runs", "The runs side by side", head, tuple(rows))


def system_tables(run: Run) -> Iterator[Table]:
    """Every system that was measured, reading by reading: how it ranks, and how good its probabilities are."""
    yield from _measured(run, run.systems, "")


def balanced_tables(run: Run) -> Iterator[Table]:
    """The same on as many rejected submissions as accepted ones, which is no sample of any venue."""
    yield from _measured(run, run.balanced, "balanced, ")


def _measured(run: Run, systems: Sequence[System], kind: str) -> Iterator[Table]:
    metrics = metrics_in(run)
    for text in readings_in(run):
        of_text = [one for one in systems if one.text == text]
        for key, title, some in (
            ("ranks", "how well it ranks", [one for one in metrics if one.name in _OF_RANKS]),
            ("chances", "ratings and probabilities", [one for one in metrics if one.name not in _OF_RANKS]),
        ):
            shown = [one for one in of_text if any(_known(one.metrics.get(metric.name)) for metric in some)]
            if not shown:
                continue
            rows = tuple(
                (_name(one), *(_estimate(metric, one.metrics.get(metric.name)) for metric in some)) for one in shown
            )
            strong = frozenset(number for number, one in enumerate(shown) if one.kind == "engine")
            caption = f"{kind}{name_reading(text)}".capitalize() + f": {title}"
            head = ("System", *(metric.label for metric in some))
            yield Table(f"{'balanced-' if kind else ''}{text}-{key}", caption, head, rows, strong)


def difference_tables(run: Run) -> Iterator[Table]:
    """The engine less each rival, paired, reading by reading."""
    for text in readings_in(run):
        systems = [one for one in run.systems if one.text == text and one.beyond]
        metrics = [
            metric_of(name)
            for name in _COMPARED
            if any(name in one.beyond and not math.isnan(one.beyond[name].value) for one in systems)
        ]
        if systems and metrics:
            rows = tuple(
                (_name(one), *(_difference(metric, one.beyond.get(metric.name)) for metric in metrics))
                for one in systems
            )
            caption = f"{name_reading(text).capitalize()}: the engine less each of them"
            yield Table(f"{text}-beyond", caption, ("Less", *(metric.label for metric in metrics)), rows)


def leak_table(run: Run) -> Table | None:
    """What each leak alone tells, with the engine for scale; None without an audit."""
    if not run.probes:
        return None
    auroc, texts = metric_of("auroc"), readings_in(run)
    own = [next((one for one in run.systems if one.kind == "engine" and one.text == text), None) for text in texts]
    rows = [
        (Cell("the engine", "for scale"), *(_estimate(auroc, one.metrics.get("auroc") if one else None) for one in own))
    ]
    for name in dict.fromkeys(probe.name for probe in run.probes):
        of_text = {probe.text: probe for probe in run.probes if probe.name == name}
        note = "\n".join(dict.fromkeys(probe.note for probe in of_text.values() if probe.note))
        estimates = [of_text[text].auroc if text in of_text else None for text in texts]
        rows.append((Cell(name, note), *(_estimate(auroc, one) for one in estimates)))
    head = ("Leak", *(f"AUROC, {name_reading(text).split(',')[0]}" for text in texts))
    return Table("leaks", "What leaks alone tell of the decision", head, tuple(rows), frozenset({0}))


def mistakes_table(found: Mistakes) -> Table:
    """The surest mistakes: identifiers and figures, nothing of the text."""
    score = "Rank, 0 to 1" if found.ranks else "P(accept)"
    rows = tuple(
        (
            Cell(one.id, url=one.url),
            Cell("accepted" if one.accepted else "not accepted"),
            Cell(f"{one.p_accept:.3f}"),
            Cell(_ratings(one.ratings)),
            Cell(one.area or NOTHING),
            Cell(str(one.year or NOTHING)),
        )
        for one in found.shown
    )
    head = ("Submission", "Decision", score, "Ratings", "Area", "Year")
    return Table("mistakes", f"The {len(rows)} surest mistakes, the surest first", head, rows, numeric=False)


def count_table(key: str, caption: str, what: str, counts: Mapping[str, int]) -> Table | None:
    """What was left out, by reason; None if nothing was."""
    rows = tuple((Cell(name), Cell(f"{number:,}")) for name, number in counts.items())
    return Table(key, caption, (what, "n"), rows) if rows else None


def removed_table(run: Run) -> Table | None:
    """Passages taken out of each reading, by rule; None if none was."""
    texts = [text for text in readings_in(run) if run.removed.get(text)]
    rules = sorted({rule for text in texts for rule in run.removed[text]})
    rows = tuple((Cell(rule), *(Cell(f"{run.removed[text].get(rule, 0):,}") for text in texts)) for rule in rules)
    head = ("Rule", *(name_reading(text).capitalize() for text in texts))
    return Table("removed", "Passages taken out, by rule", head, rows) if rows else None


def provenance_table(run: Run) -> Table:
    """Where the figures come from, whatever the run knows of it."""
    rows = tuple((Cell(name), Cell(value)) for name, value in _flat(run.provenance))
    return Table("provenance", "Where the figures come from", ("What", "Value"), rows, numeric=False)


def system_notes(run: Run) -> tuple[tuple[str, str], ...]:
    """What each system is, or why it has no figures; the same words on two readings are said once."""
    notes = dict.fromkeys((one.name, one.note) for one in run.systems if one.note)
    return tuple(notes)


def _name(one: System) -> Cell:
    tag = "learnt from leaks" if one.leak_exposed else "read the papers" if one.kind == "human" else ""
    return Cell(one.name, tag=tag)


def _estimate(metric: Metric, one: Estimate | None) -> Cell:
    return Cell(metric.write(one.value), metric.span(one)) if one is not None and _known(one) else Cell(NOTHING)


def _difference(metric: Metric, one: Difference | None) -> Cell:
    if one is None or math.isnan(one.value):
        return Cell(NOTHING)
    return Cell(metric.write(one.value, signed=True), f"{metric.span(one, signed=True)}\np {_p(one.p)}")


def _p(p: float) -> str:
    said = write_p(p)
    return said if said.startswith("<") else f"= {said}"


def _known(one: Estimate | None) -> bool:
    return one is not None and not math.isnan(one.value)


def _ratings(ratings: tuple[float, ...]) -> str:
    if not ratings:
        return NOTHING
    return f"{sum(ratings) / len(ratings):.2f} ({', '.join(f'{rating:g}' for rating in ratings)})"


def _per_cent(share: float) -> str:
    return NOTHING if math.isnan(share) else f"{100 * share:.1f}"


def _flat(value: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, one in value.items():
        if isinstance(one, Mapping):
            yield from _flat(one, f"{prefix}{name}, ")
        elif isinstance(one, (list, tuple)):
            yield f"{prefix}{name}", ", ".join(str(part) for part in one) or NOTHING
        else:
            yield f"{prefix}{name}", NOTHING if one is None else str(one)


def published_table() -> Table:
    """GUIDE's own table, with the interval that its numbers of papers leave."""
    metrics = [metric_of(name) for name in ("top5_precision", "top30_precision", "accept_recall")]
    rows = tuple(
        (
            Cell(row.system),
            *(_published(figure) for figure in (row.top5_precision, row.top30_precision, row.accept_recall)),
        )
        for row in GUIDE_TABLE.rows
    )
    caption = f"Other papers, other text: published in {GUIDE_TABLE.source}, n = {GUIDE_TABLE.n:,}, {GUIDE_TABLE.text}"
    return Table("published", caption, ("System", *(metric.label for metric in metrics)), rows)


def _published(one: Figure) -> Cell:
    low, high = one.over_papers()
    over = f"\N{PLUS-MINUS SIGN} {one.over_trials:.1f} over trials"
    return Cell(f"{one.value:.1f}", f"{low:.1f} to {high:.1f} over {one.of} papers\n{over}")
