"""Made-up submissions whose words tell how good they are, for training tests."""

from __future__ import annotations

from typing import Any

import numpy as np

_GOOD = ["a careful ablation supports the claim", "the proof covers the general case", "results hold on unseen sites"]
_BAD = ["the gains may come from tuning", "only one small dataset was tried", "the baseline is an old one"]
_TOPICS = [
    "sparse attention",
    "protein folding",
    "offline control",
    "graph pooling",
    "speech coding",
    "causal discovery",
]


def submissions(years: tuple[int, ...], a_year: int, seed: int = 0) -> list[dict[str, Any]]:
    """Records as `guide distill` reads them: a hidden quality moves words, ratings, sub-scores and the decision."""
    random = np.random.default_rng(seed)
    records = []
    for year in years:
        for number in range(a_year):
            quality = random.normal()
            topic = _TOPICS[random.integers(len(_TOPICS))]
            pool = _GOOD if random.random() < 1 / (1 + np.exp(-2 * quality)) else _BAD
            ratings = np.clip(np.round(5.5 + 1.5 * quality + random.normal(size=3)), 1, 10).astype(int).tolist()
            scores = np.clip(2.5 + 0.5 * quality + 0.3 * random.normal(size=(2, 3)), 1, 4).round(1).tolist()
            records.append(
                {
                    "id": f"{year}-{number}",
                    "year": year,
                    "title": f"Study {number} of {topic}",
                    "abstract": f"We study {topic} with method number {number}. "
                    f"In our tests {pool[random.integers(3)]}. "
                    f"We also find that {pool[random.integers(3)]}.",
                    "accepted": bool(np.mean(ratings) > 6),
                    "ratings": ratings,
                    "subscores": {"soundness": scores[0], "contribution": scores[1]},
                }
            )
    return records
