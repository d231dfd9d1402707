"""A replay as values: what was decided, what every system said of it, and how good that was.

A run is saved as a folder: `run.json` has the figures and where they come from, `rows.jsonl` one line a submission
with its identifier, decision, ratings and every score. No title and no text is in it, so a run can be published.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from guide.atomic import write_text
from guide.errors import InputError
from guide.eval.bootstrap import Difference, Estimate
from guide.eval.metrics import Sample

Reading = Literal["stripped", "raw", "pre-decision"]
Kind = Literal["engine", "baseline", "human"]

FORMAT = 1
ENGINE = "guide"  # the name of the system that is replayed; the others are what it is compared with

_FIGURES = "run.json"
_ROWS = "rows.jsonl"
_ROW_VALUES = ("scores", "probabilities", "confidence", "entropy")


@dataclass(frozen=True, slots=True)
class Decided:
    """One submission that was played back; `area` is its primary area, "" where nothing says it."""

    id: str
    accepted: bool
    ratings: tuple[float, ...]
    year: int | None
    area: str = ""


@dataclass(frozen=True, slots=True)
class System:
    """One way of scoring, on one reading of the texts.

    Attributes:
        name: `ENGINE`, or of a baseline or a human line.
        kind: what it is.
        text: the reading of the texts that it saw.
        note: what it does and what it was trained on, or why it has no figures.
        scores: (n,) in the order of the run's submissions, higher is better; None if it was not computed, or is an
            average over draws.
        probabilities: (n,) P(accept); None if the scores are no probabilities.
        confidence: (n,) the chance that its call "accept if P(accept) is at least one half" is right; None if it does
            not say.
        entropy: (n,) of its rating distribution, as a share of the maximum: GUIDE's measure of confidence, low is sure;
            None if it has none.
        metrics: by name, with intervals; empty if it was not computed.
        beyond: by metric, the engine's figure on this reading less this system's, paired; empty for the engine.
        leak_exposed: whether it learnt from text that gives decisions away, and so is no fair rival.
    """

    name: str
    kind: Kind
    text: Reading
    note: str
    scores: tuple[float, ...] | None = None
    probabilities: tuple[float, ...] | None = None
    confidence: tuple[float, ...] | None = None
    entropy: tuple[float, ...] | None = None
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    beyond: Mapping[str, Difference] = field(default_factory=dict)
    leak_exposed: bool = False


@dataclass(frozen=True, slots=True)
class Probe:
    """What one kind of leak alone tells of the decision (see `guide.eval.leakage`)."""

    name: str
    text: Reading
    auroc: Estimate
    note: str


@dataclass(frozen=True, slots=True)
class Run:
    """A whole replay.

    Attributes:
        name: of the file or the venue replayed.
        submissions: that were scored, in file order.
        systems: the engine and all it is compared with, reading by reading.
        balanced: the systems with probabilities, on as many rejected submissions as there are accepted ones: for
            comparison with figures that were published of such sets, and with none of nature.
        probes: the leakage audit.
        dropped: records left out, by reason.
        removed: passages taken out of each reading, by rule.
        retrieval: what the search for prior work left out, counted, by what; empty where none was searched.
        notes: what a reader must know to trust the figures.
        provenance: versions, hashes, options, seeds, and seconds taken.
    """

    name: str
    submissions: tuple[Decided, ...]
    systems: tuple[System, ...]
    balanced: tuple[System, ...]
    probes: tuple[Probe, ...]
    dropped: Mapping[str, int]
    removed: Mapping[str, Mapping[str, int]]
    retrieval: Mapping[str, int]
    notes: tuple[str, ...]
    provenance: Mapping[str, Any]

    @property
    def texts(self) -> tuple[Reading, ...]:
        """The readings played, in order."""
        return tuple(dict.fromkeys(system.text for system in self.systems))

    @property
    def base_rate(self) -> float:
        """Share accepted."""
        return float(np.mean([one.accepted for one in self.submissions]))

    def system(self, name: str, text: str) -> System | None:
        """The system of that name on that reading; None if it is not there."""
        return next((one for one in self.systems if one.name == name and one.text == text), None)

    def sample(self, system: System) -> Sample:
        """A system's scores beside the decisions, for metrics and curves. Raises ValueError if it has no scores."""
        if system.scores is None:
            raise ValueError(f"{system.name} has no scores")
        return Sample(
            np.array(system.scores, dtype=np.float64),
            np.array([one.accepted for one in self.submissions], dtype=np.bool_),
            None if system.probabilities is None else np.array(system.probabilities, dtype=np.float64),
            np.array([np.mean(one.ratings) if one.ratings else math.nan for one in self.submissions]),
        )

    def to_json(self) -> dict[str, Any]:
        """Everything but the rows."""
        return {
            "format": FORMAT,
            "name": self.name,
            "n": len(self.submissions),
            "base_rate": self.base_rate,
            "systems": [_system_json(system) for system in self.systems],
            "balanced": [_system_json(system) for system in self.balanced],
            "probes": [{**asdict(probe), "auroc": probe.auroc.to_json()} for probe in self.probes],
            "dropped": dict(self.dropped),
            "removed": {text: dict(rules) for text, rules in self.removed.items()},
            "retrieval": dict(self.retrieval),
            "notes": list(self.notes),
            "provenance": dict(self.provenance),
        }

    def save(self, folder: Path) -> None:
        """Write the run to a folder, made if it is not there. Raises OSError if it cannot be written."""
        folder.mkdir(parents=True, exist_ok=True)
        rows = (json.dumps(self._row(at, one), ensure_ascii=False) for at, one in enumerate(self.submissions))
        write_text(folder / _ROWS, "".join(f"{row}\n" for row in rows))
        write_text(folder / _FIGURES, json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")

    def _row(self, at: int, one: Decided) -> dict[str, Any]:
        said = [
            {"name": system.name, "text": system.text}
            | {name: values[at] for name in _ROW_VALUES if (values := getattr(system, name)) is not None}
            for system in self.systems
            if system.scores is not None
        ]
        return asdict(one) | {"said": said}


def load_run(folder: Path) -> Run:
    """Read what `Run.save` wrote.

    Raises:
        InputError: it is not there, or is no run.
    """
    try:
        found = json.loads((folder / _FIGURES).read_bytes())
        rows = [json.loads(line) for line in (folder / _ROWS).read_text(encoding="utf-8").splitlines()]
        if found["format"] != FORMAT or found["n"] != len(rows):
            raise ValueError("another format, or rows are missing")
        return Run(
            name=found["name"],
            submissions=tuple(
                Decided(row["id"], row["accepted"], tuple(row["ratings"]), row["year"], row["area"]) for row in rows
            ),
            systems=tuple(_read_system(system, rows) for system in found["systems"]),
            balanced=tuple(_read_system(system, []) for system in found["balanced"]),
            probes=tuple(Probe(**{**probe, "auroc": _estimate(probe["auroc"])}) for probe in found["probes"]),
            dropped=found["dropped"],
            removed=found["removed"],
            retrieval=found["retrieval"],
            notes=tuple(found["notes"]),
            provenance=found["provenance"],
        )
    except OSError as error:
        raise InputError(f"the run cannot be read ({error.strerror})", where=folder, fix=_MAKE) from error
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"this is no saved run ({error})", where=folder, fix=_MAKE) from error


_MAKE = "Make one: guide replay FILE --out FOLDER."


def _system_json(system: System) -> dict[str, Any]:
    return {
        "name": system.name,
        "kind": system.kind,
        "text": system.text,
        "note": system.note,
        "leak_exposed": system.leak_exposed,
        "metrics": {name: value.to_json() for name, value in system.metrics.items()},
        "beyond": {name: gap.to_json() for name, gap in system.beyond.items()},
    }


def _read_system(found: dict[str, Any], rows: list[dict[str, Any]]) -> System:
    said = [one for row in rows for one in row["said"] if one["name"] == found["name"] and one["text"] == found["text"]]
    values: dict[str, Any] = {
        name: tuple(one[name] for one in said) if said and name in said[0] else None for name in _ROW_VALUES
    }
    metrics = {name: _estimate(value) for name, value in found.pop("metrics").items()}
    beyond = {
        name: Difference(_nan(gap["value"]), _nan(gap["low"]), _nan(gap["high"]), _nan(gap["p"]))
        for name, gap in found.pop("beyond").items()
    }
    return System(**found, **values, metrics=metrics, beyond=beyond)


def _estimate(value: dict[str, float | None]) -> Estimate:
    return Estimate(_nan(value["value"]), _nan(value["low"]), _nan(value["high"]))


def _nan(value: float | None) -> float:
    return math.nan if value is None else value
