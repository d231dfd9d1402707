"""Which calibrator, by which rule, from how many labels: bench_calibrators.py DECISIONS [--cache DIR] [--scale S].

The student's out-of-year scores of ICLR 2022-2024 stand in for an engine at a venue: on one year the student's own
calibrator is fitted, labels are drawn from a second, and the third judges, at its own base rate; all six ways. With
--scale 2.5 the engine is two and a half times too sure. Prints one JSON line: mean log loss less that of the base rate
alone, of every candidate and of the two rules. docs/calibration.md quotes it; no ICLR 2025 record is read.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from itertools import permutations
from pathlib import Path

import numpy as np

from guide.calibration.logistic import fit_logistic, logit
from guide.calibration.maps import KINDS, fit_calibrator
from guide.calibration.selection import cross_validate, year_rates
from guide.corpus.minilm.model import load_minilm
from guide.student.embedding_cache import CachedEncoder
from guide.student.features import join_title
from guide.student.timesplit import predict_held_out
from guide.student.training import read_training_set

YEARS = (2022, 2023, 2024)
LABELS = {200: 8, 400: 8, 800: 4, 1600: 3}  # how many, and how often they are drawn


def main() -> None:
    """Read the options, score the years, draw labels, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("decisions", type=Path)
    parser.add_argument("--cache", type=Path, default=Path("build/embeddings"))
    parser.add_argument("--scale", type=float, default=1.0)
    given = parser.parse_args()
    begun = time.perf_counter()
    data = read_training_set(given.decisions, until=max(YEARS))
    encoder = CachedEncoder(load_minilm(), given.cache)
    layers = encoder.pool([join_title(s.title, s.text) for s in data.submissions], progress=True).layers
    held = predict_held_out(data, layers.reshape(len(layers), -1), YEARS)
    years, accepted, rates = data.years[held.rows], data.accepted[held.rows], data.year_rates[held.rows]
    random = np.random.default_rng(0)
    results = {}
    for labels, draws in LABELS.items():
        losses, chosen, shown = defaultdict(list), defaultdict(int), []
        for own, labelled, judged in permutations(YEARS):
            fit = fit_logistic(held.pair[years == own], accepted[years == own], rates[years == own])
            x = given.scale * fit.evidence(held.pair)
            now, offset = years == judged, logit(rates[years == judged])
            for _ in range(draws):
                rows = random.choice(np.flatnonzero(years == labelled), labels, replace=False)
                found = cross_validate(x[rows], accepted[rows], years[rows])
                share = year_rates(accepted[rows], years[rows])
                alone = _loss(offset, accepted[now])
                gains = {
                    kind: _loss(
                        offset + fit_calibrator(kind, x[rows], accepted[rows], share).evidence(x[now]), accepted[now]
                    )
                    - alone
                    for kind in KINDS
                }
                least = min(found.trials, key=lambda trial: trial.excess).kind
                for name, gain in {**gains, "rule": gains[found.chosen], "least": gains[least]}.items():
                    losses[name].append(gain)
                chosen[found.chosen] += 1
                shown.append(found.gain > 1.645 * found.gain_error)
        results[labels] = {
            "less_than_base_rate": {name: round(float(np.mean(all_)), 4) for name, all_ in losses.items()},
            "chosen": dict(chosen),
            "shown_to_gain": round(float(np.mean(shown)), 2),
        }
    seconds = round(time.perf_counter() - begun, 1)
    print(json.dumps({"benchmark": "calibrators", "scale": given.scale, "results": results, "seconds": seconds}))


def _loss(log_odds: np.ndarray, accepted: np.ndarray) -> float:
    return float((np.logaddexp(0, log_odds) - accepted * log_odds).mean())


if __name__ == "__main__":
    main()
