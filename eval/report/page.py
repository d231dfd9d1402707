"""`guide report`: one self-contained page about one or several replays, its figures as PNG, and everything as JSON.

The page asks for nothing: its style and figures are inside it, and a policy in its head forbids requests. The same runs
give the same bytes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from guide import __version__
from guide.atomic import replacing, write_text
from guide.errors import GuideError, InputError
from guide.eval.areas import GUESSED
from guide.eval.labels import metric_of, name_reading
from guide.eval.published import GUIDE_TABLE
from guide.eval.report.breakdown import NOT_STATED, SMALLEST, Group
from guide.eval.report.drawing import PALETTE, Drawing, Figure, draw
from guide.eval.report.figures import forest_figure, groups_figure, rating_figure, reliability_figure
from guide.eval.report.findings import Findings, Scored, find
from guide.eval.report.selective_figures import (
    call_of,
    decile_chart,
    order_of_deciles,
    order_of_risk,
    precision_figure,
    risk_figure,
)
from guide.eval.report.tables import (
    balanced_tables,
    compare_runs,
    count_table,
    difference_tables,
    leak_table,
    mistakes_table,
    provenance_table,
    published_table,
    removed_table,
    system_notes,
    system_tables,
)
from guide.eval.run import Run

FORMAT = 1

PAGE = "index.html"
DATA = "report.json"
FIGURES = "figures"  # folder of the PNGs

_GUESSED = "A guessed area is the one whose name is nearest to the text; the records do not state it."
_KEY_FIGURES = ("auroc", "top30_precision", "spearman", "ece", "slope", "brier")


@dataclass(frozen=True, slots=True)
class Written:
    """What a report consists of.

    Attributes:
        page: the HTML file.
        verdicts: of each run, in one line.
        data: what `report.json` holds.
    """

    page: Path
    verdicts: tuple[str, ...]
    data: dict[str, Any]


def write_report(runs: Sequence[Run], folder: Path) -> Written:
    """Write `index.html`, `report.json` and the figures into a folder, made if it is not there.

    Raises:
        GuideError: a package that draws or fills the page is not installed.
        InputError: there is no run, or two have one name.
        OSError: the folder cannot be written.
    """
    names = [run.name for run in runs]
    if not runs or len(set(names)) < len(names):
        raise InputError(
            "a report needs runs of different names" if runs else "there is no run to report",
            where=", ".join(sorted({name for name in names if names.count(name) > 1})) or None,
            fix="Name each folder that guide replay --out wrote once.",
        )
    found = [find(run) for run in runs]
    drawn = {number: _draw_all(one, number) for number, one in enumerate(found, 1)}
    data = {
        "format": FORMAT,
        "version": __version__,
        "runs": [
            one.to_json() | {"figures": {figure.key: _table_json(figure, number) for figure, _ in drawn[number]}}
            for number, one in enumerate(found, 1)
        ],
    }
    page = _render(found, drawn)
    (folder / FIGURES).mkdir(parents=True, exist_ok=True)
    for number, figures in drawn.items():
        for figure, drawing in figures:
            with replacing(folder / _png(figure, number)) as temporary:
                temporary.write_bytes(drawing.png)
    write_text(folder / DATA, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    write_text(folder / PAGE, page)
    return Written(folder / PAGE, tuple(one.verdict.text for one in found), data)


def render_page(runs: Sequence[Run]) -> str:
    """The page alone. Raises GuideError as `write_report` does."""
    found = [find(run) for run in runs]
    return _render(found, {number: _draw_all(one, number) for number, one in enumerate(found, 1)})


def figures_of(found: Findings) -> Iterator[Figure]:
    """Every figure that the run has the numbers for."""
    scored = found.scored
    if scored is None:
        return
    run, system, sample = found.run, scored.system, scored.sample
    rows = [
        (one.name, one.metrics["auroc"])
        for one in run.systems
        if "auroc" in one.metrics and (one.text == system.text or one.kind == "human")
    ]
    yield forest_figure(
        "systems",
        f"AUROC of every system, {name_reading(system.text)}",
        "Whether one is better than another is read from the paired differences, and not from intervals that overlap.",
        rows,
        first_column="System",
        strong=system.name,
    )
    if sample.probabilities is not None:
        yield reliability_figure(sample)
    yield precision_figure(scored.precision, run.base_rate)
    yield risk_figure(scored.risk, call=call_of(sample), order=order_of_risk(system))
    yield decile_chart(scored.deciles, run.base_rate, order=order_of_deciles(system))
    if any(one.ratings for one in run.submissions):
        axis = "score" if sample.probabilities is None else "P(accept)"
        yield rating_figure(sample, system.metrics.get("spearman"), axis=axis)
    whole = system.metrics.get("auroc")
    if len(scored.areas) > 1:
        yield groups_figure("areas", scored.areas, kind="primary area", whole=whole)
    if len(scored.years) > 1:
        yield groups_figure("years", scored.years, kind="year", whole=whole)


def _draw_all(found: Findings, number: int) -> list[tuple[Figure, Drawing]]:
    return [(figure, draw(figure, f"run-{number}-{figure.key}")) for figure in figures_of(found)]


def _png(figure: Figure, number: int) -> str:
    return f"{FIGURES}/run-{number}-{figure.key}.png"


def _table_json(figure: Figure, number: int) -> dict[str, Any]:
    return {"title": figure.title, "file": _png(figure, number), "columns": figure.columns, "rows": figure.rows}


def _render(found: Sequence[Findings], drawn: dict[int, list[tuple[Figure, Drawing]]]) -> str:
    sections = [_section(one, number, drawn[number]) for number, one in enumerate(found, 1)]
    page: str = _template().render(
        css=_read("page.css"),
        palette=PALETTE,
        version=__version__,
        title=found[0].run.name if len(found) == 1 else f"{len(found)} replays",
        comparison=compare_runs(found) if len(found) > 1 else None,
        sections=sections,
    )
    return re.sub(r"\n\s*\n+", "\n", page).strip() + "\n"


def _section(found: Findings, number: int, drawn: list[tuple[Figure, Drawing]]) -> dict[str, Any]:
    """What the template needs of one run."""
    run, scored = found.run, found.scored
    return {
        "id": f"run-{number}",
        "run": run,
        "verdict": found.verdict,
        "key_figures": _key_figures(scored),
        "figures": {figure.key: (figure, drawing.svg) for figure, drawing in drawn},
        "systems": list(system_tables(run)),
        "balanced": list(balanced_tables(run)),
        "notes": system_notes(run),
        "published": published_table(),
        "published_caveats": GUIDE_TABLE.caveats,
        "differences": list(difference_tables(run)),
        "leaks": leak_table(run),
        "scored": scored,
        "areas": _groups_note(scored.areas, "primary areas", "area") if scored else "",
        "years": _groups_note(scored.years, "years", "year") if scored else "",
        "mistakes": mistakes_table(scored.mistakes) if scored else None,
        "dropped": count_table("dropped", "Records left out", "Reason", run.dropped),
        "removed": removed_table(run),
        "retrieval": count_table("retrieval", "What the search for prior work did", "What", run.retrieval),
        "cutoff": [(name, value) for name, value in run.provenance.items() if "cutoff" in name and value],
        "provenance": provenance_table(run),
    }


def _key_figures(scored: Scored | None) -> list[tuple[str, str, str]]:
    """Name, value and interval of what a reader looks for first."""
    found = []
    for name in _KEY_FIGURES:
        estimate = scored.system.metrics.get(name) if scored else None
        if estimate is not None and (span := metric_of(name).span(estimate)):
            metric = metric_of(name)
            found.append((metric.label, metric.write(estimate.value), span))
    return found


def _groups_note(groups: Sequence[Group], plural: str, singular: str) -> str:
    """What there is to say of the grouping besides its figure."""
    if len(groups) == 1:
        known = groups[0].name
        if known == NOT_STATED:
            return f"The records do not state their {plural}."
        return f"All submissions are of one {singular}: {known}."
    said = [_GUESSED] if any(group.name.endswith(GUESSED) for group in groups) else []
    if pooled := [name for group in groups for name in group.pooled]:
        few = f"{plural.capitalize()} with fewer than {SMALLEST} submissions are taken together: {'; '.join(pooled)}."
        said.append(few)
    return " ".join(said)


def _read(name: str) -> str:
    path = Path(__file__).parent / name
    if not path.is_file():
        raise GuideError(f"guide ships no file {name!r}", fix="Install guide again.")
    return path.read_text(encoding="utf-8")


@cache
def _template() -> Any:
    try:
        from jinja2 import Environment, StrictUndefined
    except ImportError as error:
        raise GuideError("a report needs jinja2", fix="pip install 'guide-advisor[report]'") from error
    environment = Environment(undefined=StrictUndefined, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_read("page.jinja"))
