"""The leakage audit: what tells the decision without a word of the idea, and whether the engine can know it anyway.

A probe is a small logistic regression on one kind of leak: how many links, how long, how punctuated. It is fitted on
earlier decisions, read as the replayed texts are read. 0.5 is no leak. A probe that comes near the engine says that the
engine may live on it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.corpus.jsonl import Skipped, read_jsonl
from guide.errors import InputError
from guide.eval.bootstrap import Estimate, bootstrap
from guide.eval.decisions import Decision
from guide.eval.metrics import Sample
from guide.eval.readings import Texts
from guide.eval.run import Probe
from guide.eval.traces import FAMILIES, count_traces
from guide.text.leaks import RULES, strip_leaks

SOURCE = "text source"
STATED = "stated source"
ALL = "all together"
FOLDS = 10
_RARER_CLASS = 20  # of the replayed submissions, for a fit among themselves
# The month in which ICLR sent out its decisions, by venue year.
ICLR_DECISIONS = {
    2017: "2017-02",
    2018: "2018-01",
    2019: "2018-12",
    2020: "2019-12",
    2021: "2021-01",
    2022: "2022-01",
    2023: "2023-01",
    2024: "2024-01",
    2025: "2025-01",
    2026: "2026-01",
}


@dataclass(frozen=True, slots=True)
class StripRule:
    """A rule of the stripper and what it takes."""

    name: str
    takes: str


def strip_rules() -> tuple[StripRule, ...]:
    """The stripper's rules in their order: the first that matches takes the passage (see `guide.text.leaks`)."""
    takes = {
        "link": "URLs, `\\url`, `\\href`, DOIs, names of code and video hosts",
        "release": 'code, data or models said to be (or become) public; "we release ..."; project pages; supplementary '
        'material; "upon acceptance"',
        "venue": '"published as a conference paper at", "accepted to ICLR", "camera-ready", "ICLR 2025 oral"',
    }
    return tuple(StripRule(name, takes[name]) for name in RULES)


@dataclass(frozen=True)
class AuditTexts:
    """Earlier decisions to fit probes on, their texts raw.

    Attributes:
        texts: (n) abstracts as given.
        accepted: (n,) bool.
        years: (n,).
        symmetric: (n,) whether the text has one source for accepted and rejected ones; the engine learns from these.
        sources: (n) where the text is from, as `abstract_version` or `source` says it; "" where neither does.
    """

    texts: tuple[str, ...]
    accepted: NDArray[np.bool_]
    years: NDArray[np.int64]
    symmetric: NDArray[np.bool_]
    sources: tuple[str, ...]

    @cached_property
    def stripped(self) -> tuple[str, ...]:
        """The texts as the engine learns from them."""
        return tuple(" ".join(strip_leaks(text).text.split()) for text in self.texts)


def read_audit_texts(path: Path, *, until: int) -> AuditTexts:
    """Read all decisions of a training file up to a year, those the engine must not learn from included.

    Where no record is marked `symmetric`, all are taken for it, as `guide.student.training.read_training_set` does.

    Raises:
        InputError: the file cannot be read, or has no accepted and rejected ones.
    """
    records = [
        line[1]
        for line in read_jsonl(path)
        if not isinstance(line, Skipped) and _usable(line[1]) and line[1]["year"] <= until
    ]
    accepted = np.array([one["accepted"] for one in records], dtype=np.bool_)
    if len(np.unique(accepted)) < 2:
        raise InputError(
            f"{len(records)} usable records, but the audit needs accepted and rejected ones",
            where=path,
            fix=f"Records need abstract, year and accepted (true/false), and years up to {until}.",
        )
    audited = any("symmetric" in one for one in records)
    return AuditTexts(
        texts=tuple(one["abstract"].strip() for one in records),
        accepted=accepted,
        years=np.array([one["year"] for one in records], dtype=np.int64),
        symmetric=np.array([not audited or one.get("symmetric") is True for one in records], dtype=np.bool_),
        sources=tuple(str(one.get("abstract_version") or one.get("source") or "") for one in records),
    )


def _usable(record: dict[str, Any]) -> bool:
    abstract, accepted, year = record.get("abstract"), record.get("accepted"), record.get("year")
    return isinstance(abstract, str) and bool(abstract.strip()) and isinstance(accepted, bool) and type(year) is int


def audit_leaks(
    training: AuditTexts,
    records: Sequence[Decision],
    texts: Texts,
    *,
    sources: Sequence[str] | None = None,
    resamples: int = 2000,
    seed: int = 0,
) -> tuple[Probe, ...]:
    """What each kind of leak alone tells of the decisions, and what all tell together.

    Args:
        training: see `read_audit_texts`. On raw text the probes are fitted on raw text, otherwise on stripped text.
        records: (n) the decisions.
        texts: one reading of them.
        sources: (n) where each text is from, in the words of the training file; None if the records do not say.
        resamples: of the bootstrap.
        seed: of the same, and of the folds.
    """
    known = count_traces(training.texts if texts.name == "raw" else training.stripped)
    asked = count_traces([text for _, text in texts.pairs])
    known[ALL], asked[ALL] = (np.hstack([table[name] for name in FAMILIES]) for table in (known, asked))
    if sources is not None and any(sources) and any(training.sources):
        names = sorted(set(training.sources) - {""})
        known[STATED], asked[STATED] = (_one_hot(said, names) for said in (training.sources, sources))
    accepted = np.array([one.accepted for one in records], dtype=np.bool_)
    everything = np.ones(len(training.years), dtype=np.bool_)
    probes = []
    for name, columns in known.items():
        # One source on both sides, as the engine learns from, cannot teach what the source tells.
        rows = everything if name in (SOURCE, STATED) else training.symmetric
        years = training.years[rows]
        scores = _scores(columns[rows], training.accepted[rows], years, asked[name])
        note = f"fitted on {int(rows.sum()):,} decisions of {years.min()}-{years.max()}"
        own = _among_themselves(asked[name], accepted, seed)
        if own is not None:
            note += f"; {FOLDS}-fold among the replayed texts: AUROC {_words(_auroc(own, accepted, resamples, seed))}"
        if not asked[name].any():
            note = f"no text has any; {note}"
        probes.append(Probe(name, texts.name, _auroc(scores, accepted, resamples, seed), note))
    return tuple(probes)


def check_years(last_training_year: int, records: Sequence[Decision]) -> list[str]:
    """Notes on whether an engine whose training ends with a year's decisions can know those replayed; empty if not."""
    notes = []
    years = {record.year for record in records}
    known = sorted(year for year in years if year is not None)
    if known and known[0] <= last_training_year:
        number = sum(record.year is not None and record.year <= last_training_year for record in records)
        notes.append(
            f"NOT A TEST: the engine was trained on decisions up to {last_training_year}, "
            f"and records of {known[0]} are replayed ({number:,} of {len(records):,} are not later)"
        )
    if None in years:
        notes.append(
            f"records do not state their year; the engine was trained on decisions up to {last_training_year}, "
            "and only later ones are a test"
        )
    return notes


def check_cutoff(cutoff: str, records: Sequence[Decision]) -> list[str]:
    """Notes on whether a language model whose knowledge ends in a month can know the decisions replayed; empty if not.

    The month of a decision counts as known: nobody states the day of a cut-off. So does a year of ICLR whose decisions
    have no date here, unless it is later than the year after the cut-off's.

    Args:
        cutoff: "YYYY-MM", as the maker of the model states it.
        records: of ICLR; a year's decisions are out in `ICLR_DECISIONS`.

    Raises:
        InputError: the cut-off is no month.
    """
    if re.fullmatch(r"\d{4}-(?:0[1-9]|1[0-2])", cutoff) is None:
        raise InputError(f"{cutoff!r} is no month", fix="Write the knowledge cut-off as YYYY-MM, such as 2024-06.")
    notes = []
    for year in sorted({record.year for record in records if record.year is not None}):
        decided = ICLR_DECISIONS.get(year)
        if decided is not None and decided <= cutoff:
            notes.append(
                f"NOT A TEST: the decisions of ICLR {year} were out in {decided}, and the model knows {cutoff}"
            )
        elif decided is None and year <= int(cutoff[:4]) + 1:
            notes.append(f"when the decisions of {year} came out is not known here; the model knows {cutoff}")
    if any(record.year is None for record in records):
        notes.append(f"records do not state their year; only decisions made after {cutoff} are a test of this model")
    return notes


def _among_themselves(asked: NDArray[np.float64], accepted: NDArray[np.bool_], seed: int) -> NDArray[np.float64] | None:
    """Scores (n,) of probes fitted on the other folds of the replayed texts; None if they are too few.

    They find what these texts alone have, which no engine trained on earlier ones can have learnt.
    """
    from sklearn.model_selection import StratifiedKFold

    if min(accepted.sum(), (~accepted).sum()) < _RARER_CLASS:
        return None
    scores = np.empty(len(accepted))
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    for fitted, held in folds.split(asked, accepted):
        no_years = np.zeros(len(fitted), dtype=np.int64)
        # As ranks, because each fold has weights of its own, and their log-odds do not compare.
        scores[held] = _ranks(_scores(asked[fitted], accepted[fitted], no_years, asked[held]))
    return scores


def _auroc(scores: NDArray[np.float64], accepted: NDArray[np.bool_], resamples: int, seed: int) -> Estimate:
    sample = Sample(scores, accepted, None, np.full(len(scores), np.nan))
    return bootstrap(sample, resamples=resamples, seed=seed, metrics=("auroc",)).estimate("auroc")


def _scores(
    known: NDArray[np.float64], accepted: NDArray[np.bool_], years: NDArray[np.int64], asked: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Log-odds of the asked rows, from a logistic regression on standardised columns (scikit-learn, C = 1).

    The years have columns of their own, so that a year's rate of acceptance is not taken for a leak.
    """
    from sklearn.linear_model import LogisticRegression

    mean, spread = known.mean(axis=0), known.std(axis=0)
    varies = spread > 0
    if not varies.any():
        return np.zeros(len(asked))
    standard = (known[:, varies] - mean[varies]) / spread[varies]
    of_year = (years[:, None] == np.unique(years)[1:]).astype(np.float64)
    model = LogisticRegression(C=1.0, max_iter=2000).fit(np.hstack([standard, of_year]), accepted)
    weights = model.coef_[0, : int(varies.sum())]
    return np.asarray(((asked[:, varies] - mean[varies]) / spread[varies]) @ weights, dtype=np.float64)


def _ranks(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.stats import rankdata

    return np.asarray((rankdata(scores) - 0.5) / max(len(scores), 1), dtype=np.float64)


def _one_hot(said: Sequence[str], names: Sequence[str]) -> NDArray[np.float64]:
    return np.array([[one == name for name in names] for one in said], dtype=np.float64).reshape(len(said), len(names))


def _words(estimate: Estimate) -> str:
    return f"{estimate.value:.3f} ({estimate.low:.3f} to {estimate.high:.3f})"
