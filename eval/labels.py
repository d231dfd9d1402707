"""What the metrics, systems and readings of a replay are called for a reader, and how their numbers are written."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from guide.eval.bootstrap import Difference, Estimate
from guide.eval.run import Run

NOTHING = "-"

# "stripped" is the test; "raw" shows what leaks would buy.
READINGS = {
    "stripped": "stripped text",
    "pre-decision": "text from before the decision, stripped",
    "raw": "raw text, leaks included",
}


@dataclass(frozen=True, slots=True)
class Metric:
    """How a metric is shown.

    Attributes:
        name: in the JSON.
        label: for a reader.
        best: what a perfect system has, in words.
        percent: whether it is a share that reads best in per cent.
    """

    name: str
    label: str
    best: str
    percent: bool = False

    def write(self, value: float, *, signed: bool = False) -> str:
        """The number, a sign before it if it is a difference, or `NOTHING` if it is undefined."""
        if math.isnan(value):
            return NOTHING
        scaled, digits = (100 * value, 1) if self.percent else (value, 3)
        return _minus(f"{scaled:{'+' if signed else ''}.{digits}f}")

    def span(self, one: Estimate | Difference, *, signed: bool = False) -> str:
        """The interval, "" if there is none."""
        if math.isnan(one.low) or math.isnan(one.high):
            return ""
        return f"{self.write(one.low, signed=signed)} to {self.write(one.high, signed=signed)}"


METRICS = (
    Metric("auroc", "AUROC", "1"),
    Metric("average_precision", "Average precision", "1"),
    Metric("top5_precision", "Top-5 % precision", "100", percent=True),
    Metric("top30_precision", "Top-30 % precision", "100", percent=True),
    Metric("accept_recall", "Accept recall", "100", percent=True),
    Metric("accuracy", "Accuracy, top 30 % accepted", "100", percent=True),
    Metric("f1", "F1, top 30 % accepted", "1"),
    Metric("spearman", "Spearman", "1"),
    Metric("kendall", "Kendall", "1"),
    Metric("brier", "Brier", "0"),
    Metric("log_loss", "Log loss", "0"),
    Metric("ece", "ECE, equal mass", "0"),
    Metric("ece_width", "ECE, equal width", "0"),
    Metric("rms_calibration_error", "RMS calibration error", "0"),
    Metric("slope", "Calibration slope", "1"),
    Metric("intercept", "Calibration intercept", "0"),
)
_BY_NAME = {metric.name: metric for metric in METRICS}


def metric_of(name: str) -> Metric:
    """The metric of that name; one nobody has told this module of is shown under its own name."""
    return _BY_NAME.get(name) or Metric(name, name.replace("_", " "), "")


def metrics_in(run: Run) -> list[Metric]:
    """Every metric that some system of the run has, known ones first and in their order."""
    found = dict.fromkeys(name for system in run.systems for name in system.metrics)
    known = [metric for metric in METRICS if metric.name in found]
    return known + [metric_of(name) for name in found if name not in _BY_NAME]


def readings_in(run: Run) -> list[str]:
    """The run's readings: stripped first, raw behind it, any other last."""
    return sorted(run.texts, key=lambda text: list(READINGS).index(text) if text in READINGS else len(READINGS))


def name_reading(text: str) -> str:
    """A reading in words."""
    return READINGS.get(text, text)


def write_p(p: float) -> str:
    """A p-value; no more digits than a bootstrap has to give."""
    if math.isnan(p):
        return NOTHING
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def write_share(value: float) -> str:
    """A share in per cent."""
    return NOTHING if math.isnan(value) else f"{100 * value:.1f} %"


def write_list(parts: Iterable[str]) -> str:
    """a, b and c."""
    *others, last = parts
    return f"{', '.join(others)} and {last}" if others else last


def _minus(number: str) -> str:
    return number.replace("-", "\N{MINUS SIGN}")
