"""What a paper's mean rating says of its acceptance: the two constants of guide.calibration.verdict. One JSON line.

A logistic regression on the mean rating with each year's own rate of acceptance as the offset. The ratings of ICLR 2023
are left out: most of them belong to other papers.

Example:
    python benchmarks/fit_ratings.py iclr-decisions.jsonl.zst
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np

from guide.calibration.logistic import fit_logistic
from guide.corpus.jsonl import Skipped, read_jsonl

_WRONG = 2023


def main() -> None:
    """Read the decisions, fit, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="JSON lines with year, ratings and accepted")
    options = parser.parse_args()
    rows = []
    left_out: Counter[str] = Counter()
    for line in read_jsonl(options.file):
        record = {} if isinstance(line, Skipped) else line[1]
        if record.get("year") == _WRONG:
            left_out[f"of {_WRONG}"] += 1
        elif not record.get("ratings"):
            left_out["without ratings"] += 1
        else:
            rows.append((int(record["year"]), float(np.mean(record["ratings"])), bool(record["accepted"])))
    years, ratings, accepted = (np.array(column) for column in zip(*rows, strict=True))
    rates = {year: float(accepted[years == year].mean()) for year in np.unique(years)}
    fit = fit_logistic(ratings[:, None], accepted, np.array([rates[year] for year in years]))
    slope, intercept = fit.coefficients.tolist()
    line = {
        "decisions": fit.n,
        "slope": round(slope, 3),
        "threshold": round(-intercept / slope, 3),
        "standard_error_of_slope": round(float(fit.covariance[0, 0] ** 0.5), 3),
        "years": {int(year): round(rate, 3) for year, rate in rates.items()},
        "left_out": dict(left_out),
    }
    sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
