"""The primary area of a submission, guessed where a record does not say it: the nearest of ICLR 2025's areas.

A guess groups a report's figures; nothing is scored with it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from guide.corpus.encoder import Encoder

GUESSED = " (guessed)"

# ICLR 2025's list of primary areas, less "other topics", which is near to everything.
AREAS = (
    "alignment, fairness, safety, privacy, and societal considerations",
    "applications to computer vision, audio, language, and other modalities",
    "applications to neuroscience & cognitive science",
    "applications to physical sciences (physics, chemistry, biology, etc.)",
    "applications to robotics, autonomy, planning",
    "causal reasoning",
    "datasets and benchmarks",
    "foundation or frontier models, including LLMs",
    "generative models",
    "infrastructure, software libraries, hardware, systems, etc.",
    "interpretability and explainable AI",
    "learning on graphs and other geometries & topologies",
    "learning on time series and dynamical systems",
    "learning theory",
    "neurosymbolic & hybrid AI systems (physics-informed, logic & formal reasoning, etc.)",
    "optimization",
    "probabilistic methods (Bayesian methods, variational inference, sampling, UQ, etc.)",
    "reinforcement learning",
    "transfer learning, meta learning, and lifelong learning",
    "unsupervised, self-supervised, semi-supervised, and supervised representation learning",
)


def guess_areas(encoder: Encoder, texts: Sequence[str]) -> list[str]:
    """The area whose name is nearest (cosine) to each text, marked as a guess; (n,)."""
    if not texts:
        return []
    nearest = np.argmax(encoder.encode(list(texts)) @ encoder.encode(list(AREAS)).T, axis=1)
    return [AREAS[at] + GUESSED for at in nearest]
