"""The verdict on a replay, made from its figures by rule, so that nobody's hopes are in it.

The rules: only text without leaks counts; "shown" means that the 95 % interval of the paired difference leaves out
zero; a rival that learnt from leaks is none; what is not shown is said.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from guide.eval.bootstrap import Difference
from guide.eval.labels import metric_of, name_reading, readings_in, write_list, write_p
from guide.eval.leakage import ALL
from guide.eval.metrics import ece_if_calibrated
from guide.eval.published import GUIDE_TABLE
from guide.eval.run import ENGINE, Run, System

_AUROC = metric_of("auroc")
_ALIKE = 0.05  # between two shares accepted, for precisions at a cut to stand side by side
# How an AUROC is called whose interval begins below a value: what is shown, not what is hoped.
_GRADES = ((0.6, "weakly"), (0.7, "modestly"), (0.8, "fairly well"), (1.1, "well"))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a replay shows, a clause a question; "" where the run has nothing to answer it with.

    Attributes:
        ranking: how good the engine is on text without leaks.
        rivals: which baselines it is shown to beat, and which not.
        calibration: whether its chances can be believed.
        human: what one reviewer reaches, for scale.
        leaks: what the raw text would have bought.
        caveat: why the whole is no test, if it is none.
    """

    ranking: str
    rivals: str = ""
    calibration: str = ""
    human: str = ""
    leaks: str = ""
    caveat: str = ""

    @property
    def sentences(self) -> tuple[str, ...]:
        """What there is to say, the caveat first."""
        parts = (self.caveat, self.ranking, self.rivals, self.calibration, self.human, self.leaks)
        return tuple(part for part in parts if part)

    @property
    def text(self) -> str:
        """All of it in one line."""
        return " ".join(self.sentences)


def main_system(run: Run) -> System | None:
    """The engine on the reading that counts, stripped if it was played; None if no engine has scores."""
    for text in readings_in(run):
        of_text = [one for one in run.systems if one.text == text and one.scores is not None]
        named = [one for one in of_text if one.name == ENGINE]
        if found := named or [one for one in of_text if one.kind == "engine"]:
            return found[0]
    return None


def rivals_of(run: Run, system: System) -> list[System]:
    """The baselines on the same reading that were measured and learnt from no leak, the best AUROC first."""
    found = [
        one
        for one in run.systems
        if one.kind == "baseline" and one.text == system.text and not one.leak_exposed and "auroc" in one.metrics
    ]
    return sorted(found, key=lambda one: -one.metrics["auroc"].value)


def conclude(run: Run) -> Verdict:
    """Apply the rules to a run."""
    system = main_system(run)
    caveat = " ".join(_sentence(note) for note in run.notes if note.startswith("NOT A TEST"))
    if system is None or "auroc" not in system.metrics:
        return Verdict("This run has no engine with scores, so it shows nothing about one.", caveat=caveat)
    return Verdict(
        ranking=_ranking(run, system),
        rivals=_rivals(run, system),
        calibration=_calibration(run, system),
        human=_human(run, system),
        leaks=_leaks(run, system),
        caveat=caveat,
    )


def _ranking(run: Run, system: System) -> str:
    auroc = system.metrics["auroc"]
    begin = (
        f"On {name_reading(system.text)} ({len(run.submissions):,} submissions, {100 * run.base_rate:.1f} % accepted)"
    )
    figures = f"AUROC {_AUROC.write(auroc.value)}, {_AUROC.span(auroc)}; 0.5 is chance"
    if math.isnan(auroc.value):
        return f"{begin} there is nothing to rank: all have the same decision."
    if auroc.low <= 0.5 <= auroc.high:
        return f"{begin} {system.name} is not shown to rank accepted submissions better than chance ({figures})."
    if auroc.high < 0.5:
        return f"{begin} {system.name} ranks accepted submissions lower than the others ({figures})."
    grade = next(name for bound, name in _GRADES if auroc.low < bound)
    return f"{begin} {system.name} ranks accepted submissions above the others {grade} ({figures})."


def _rivals(run: Run, system: System) -> str:
    rivals = [(one, one.beyond["auroc"]) for one in rivals_of(run, system) if "auroc" in one.beyond]
    rivals = [(one, gap) for one, gap in rivals if not math.isnan(gap.value)]
    if not rivals:
        return "It was compared with no baseline."
    beaten = [one.name for one, gap in rivals if gap.low > 0]
    open_ = [(one, gap) for one, gap in rivals if gap.low <= 0 <= gap.high]
    ahead = [(one, gap) for one, gap in rivals if gap.high < 0]
    parts = []
    if ahead:
        parts.append(f"shown to be worse than {write_list(_gap(one, gap) for one, gap in ahead)}")
    if open_:
        parts.append(f"not shown to be better than {write_list(_gap(one, gap) for one, gap in open_)}")
    if beaten:
        least = next((one, gap) for one, gap in rivals if gap.low > 0)
        others = [name for name in beaten if name != least[0].name]
        parts.append(f"shown to be better than {write_list([_gap(*least), *others])}")
    return f"It is {'; '.join(parts)}."


def _gap(one: System, gap: Difference) -> str:
    return (
        f"{one.name} (difference {_AUROC.write(gap.value, signed=True)}, {_AUROC.span(gap, signed=True)}, "
        f"p {write_p(gap.p) if gap.p < 0.001 else '= ' + write_p(gap.p)})"
    )


def _calibration(run: Run, system: System) -> str:
    """Judged by what has an interval that can be read: slope, intercept and the debiased error (docs/metrics.md)."""
    if system.probabilities is None:
        return "Its scores are no probabilities, so there is no calibration to judge."
    known = {name: one for name, one in system.metrics.items() if not math.isnan(one.value)}
    parts, faults = [], []
    if slope := known.get("slope"):
        parts.append(f"slope {slope.value:.2f}, {slope.low:.2f} to {slope.high:.2f}, 1 is right")
        if not slope.low <= 1 <= slope.high:
            faults.append(f"its chances are too {'extreme' if slope.high < 1 else 'timid'}")
    if intercept := known.get("intercept"):
        parts.append(
            f"intercept {_AUROC.write(intercept.value, signed=True)}, {_AUROC.span(intercept, signed=True)}, 0 is right"
        )
        if not intercept.low <= 0 <= intercept.high:
            faults.append(f"on the whole they are too {'high' if intercept.high < 0 else 'low'}")
    if ece := known.get("ece"):
        chance = ece_if_calibrated(run.sample(system))
        parts.append(f"ECE {ece.value:.3f}, where chance alone would give a calibrated engine {chance:.3f}")
    if (error := known.get("rms_calibration_error")) and error.low > 0:
        faults.append(f"the error beyond chance is {error.value:.3f} ({_AUROC.span(error)})")
    if not parts:
        return "Its calibration was not measured."
    if faults:
        return f"It is miscalibrated: {write_list(faults)} ({'; '.join(parts)})."
    return f"Its chances are not shown to be miscalibrated ({'; '.join(parts)})."


def _human(run: Run, system: System) -> str:
    """The line of a single reviewer, or the weakest human one."""
    lines = [
        one
        for one in run.systems
        if one.kind == "human" and "auroc" in one.metrics and not math.isnan(one.metrics["auroc"].value)
    ]
    if not lines:
        return "No human line was computed."
    lines.sort(key=lambda one: (one.text != system.text, one.metrics["auroc"].value))
    auroc = lines[0].metrics["auroc"]
    return (
        f"For scale, of people who read the papers and whose ratings entered the decisions: {lines[0].name}, AUROC "
        f"{_AUROC.write(auroc.value)} ({_AUROC.span(auroc)})."
    )


def _leaks(run: Run, system: System) -> str:
    raw = run.system(system.name, "raw")
    if raw is None or raw is system or "auroc" not in raw.metrics:
        return ""
    probes = [probe for probe in run.probes if probe.text == "raw" and not math.isnan(probe.auroc.value)]
    said = f"On raw text it reaches {_AUROC.write(raw.metrics['auroc'].value)}"
    if probes:
        best = max(probes, key=lambda probe: probe.auroc.value)
        what = "all leaks together" if best.name == ALL else f"leaks ({best.name})"
        said += f", where {what} reach {_AUROC.write(best.auroc.value)} without a word of the idea"
    return f"{said}. {_exposed(run)}".strip()


def _exposed(run: Run) -> str:
    """What training on leaks buys in the metrics that GUIDE's paper printed."""
    exposed = next((one for one in run.systems if one.leak_exposed and one.metrics), None)
    names = ("top5_precision", "top30_precision", "accept_recall")
    # Precision at a cut grows with the share accepted: beside a set unlike GUIDE's the figures say nothing.
    alike = abs(run.base_rate - GUIDE_TABLE.accepted / GUIDE_TABLE.n) < _ALIKE
    if exposed is None or not alike or not all(name in exposed.metrics for name in names):
        return ""
    ours = " / ".join(metric_of(name).write(exposed.metrics[name].value) for name in names)
    row = GUIDE_TABLE.rows[0]
    theirs = " / ".join(f"{cell.value:.1f}" for cell in (row.top5_precision, row.top30_precision, row.accept_recall))
    return (
        f"Trained on raw text too, leaks included, it has GUIDE's three metrics at {ours}; {row.system} published "
        f"{theirs}, on other papers."
    )


def _sentence(note: str) -> str:
    return note if note.endswith(".") else f"{note}."
