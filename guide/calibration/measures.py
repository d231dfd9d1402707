"""The few measures that the core itself needs: an interval of a share, calibration error, discrimination."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def wilson(successes: float, n: float, z: float = 1.96) -> tuple[float, float]:
    """Wilson's score interval for a share (Wilson, JASA 1927); (0, 1) when n is 0."""
    if n <= 0:
        return 0.0, 1.0
    share = successes / n
    middle = share + z * z / (2 * n)
    half = z * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
    scale = 1 + z * z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def calibration_error(p: NDArray[np.float64], accepted: NDArray[np.bool_], bins: int = 10) -> float:
    """Expected calibration error of (n,) probabilities over bins of equal mass (Naeini et al., AAAI 2015).

    Decisions told the same probability count as their mean, else a constant would err by their order.
    """
    _, group = np.unique(p, return_inverse=True)
    shares = (np.bincount(group, weights=accepted) / np.bincount(group))[group]
    parts = np.array_split(np.argsort(p, kind="stable"), bins)
    return float(sum(abs(p[part].mean() - shares[part].mean()) * len(part) for part in parts if len(part)) / len(p))


def auroc(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """Area under the ROC curve, ties counted one half; nan where one class is missing."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, scores)) if 0 < positive.sum() < len(positive) else float("nan")
