"""Made-up decisions of which it is known how they came about, and calibrations fitted on them."""

from __future__ import annotations

import numpy as np

from guide.calibration.fitting import Decided, Origin, fit_engine
from guide.calibration.logistic import chance, logit
from guide.calibration.recalibration import EngineCalibration
from guide.review import Interval, Signals
from tests.judgements import calibration, judgement

RATE = 0.3
VENUE = "WORKSHOP-2024"


def decisions(n: int, *, slope: float = 0.5, shift: float = 0.0, spread: float = 1.0, seed: int = 0) -> list[Decided]:
    """The engine's evidence is normal; the truth is `slope` times it plus `shift`, at `RATE`."""
    drawn = np.random.default_rng(seed)
    made = []
    for number in range(n):
        x = spread * drawn.normal()
        accepted = bool(drawn.random() < chance(np.array([slope * x + shift]), RATE)[0])
        made.append(Decided(f"d{number}", told(x, float(drawn.uniform(0, 0.2))), accepted, 150, "en", 2024))
    return made


def told(x: float, disagreement: float = 0.1):
    """A judgement whose P(accept) has the evidence x at ICLR 2025's base rate; its rating grows with x."""
    rate = 0.319
    p, low, high = chance(np.array([x, x - 0.2, x + 0.2]), rate).tolist()
    signals = Signals(disagreement=disagreement, entropy=0.5, coverage=None, distance=40)
    return judgement(
        p,
        rating=float(np.clip(5.67 + x / 3.04, 1, 10)),
        interval=Interval(low=low, high=high, level=0.9),
        calibration=calibration(base_rate=rate),
        signals=signals,
    )


def origin(**changed) -> Origin:
    plain = {
        "engine": "fake-1",
        "engine_sha256": "0" * 64,
        "score": "p_accept",
        "venue": VENUE,
        "base_rate": None,
        "source": "made.jsonl",
        "source_sha256": "1" * 64,
    }
    return Origin(**{**plain, **changed})


def fitted(made: list[Decided], **changed) -> EngineCalibration:
    return fit_engine(made, origin(**changed))


def evidence_told(p: float, rate: float) -> float:
    """The evidence in a chance at a base rate."""
    return float(logit(p) - logit(rate))
