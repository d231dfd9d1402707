"""The student's parameters on disk: safetensors for numbers, text for the vocabulary, a JSON card for what they are."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.atomic import replacing, write_text
from guide.errors import ModelError

WEIGHTS = Path(__file__).parent / "weights"
FORMAT = 1

_REINSTALL = "Reinstall guide, or train the student again: guide distill DECISIONS --out FOLDER."


@dataclass(frozen=True, slots=True)
class Parameters:
    """All numbers of a trained student: H heads over D dense features and V terms, N held-out decisions.

    The first heads are named by the card (`heads`); after them come the bootstrap members, alternating rating and
    accept.

    Attributes:
        dense: (H, D) weights of the averaged encoder layers.
        sparse: (H, V) weights of the TF-IDF terms.
        bias: (H,).
        idf: (V,) inverse document frequencies.
        calibrator: (3,) coefficients of the rating score, the accept score, and 1.
        covariance: (3, 3) sampling covariance of `calibrator`.
        slope: (1,) of the rating distribution in the rating score.
        thresholds: (9,) of the rating distribution.
        rating_map: (10, 10) P(rating | bin) on the reference scale.
        subscales: (S, 2) intercept and slope from a sub-score head to the 1-4 scale.
        subquantiles: (S, 101) percentiles of the held-out predictions of each sub-score.
        centroids: (K, width) unit vectors, centres of the training texts.
        distances: (101,) percentiles of held-out texts' distance to the nearest centroid.
        words: (101,) percentiles of the training texts' lengths in words.
        heldout_evidence: (N,) log likelihood ratio of each held-out decision.
        heldout_accepted: (N,) 0 or 1.
        heldout_base_rate: (N,) acceptance rate of its year in the data.
    """

    dense: NDArray[np.float32]
    sparse: NDArray[np.float32]
    bias: NDArray[np.float32]
    idf: NDArray[np.float32]
    calibrator: NDArray[np.float64]
    covariance: NDArray[np.float64]
    slope: NDArray[np.float64]
    thresholds: NDArray[np.float64]
    rating_map: NDArray[np.float64]
    subscales: NDArray[np.float64]
    subquantiles: NDArray[np.float64]
    centroids: NDArray[np.float32]
    distances: NDArray[np.float64]
    words: NDArray[np.float64]
    heldout_evidence: NDArray[np.float32]
    heldout_accepted: NDArray[np.uint8]
    heldout_base_rate: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Student:
    """A trained student as loaded: numbers, vocabulary, card."""

    parameters: Parameters
    terms: tuple[str, ...]
    card: dict[str, Any]
    sha256: str


def save(folder: Path, parameters: Parameters, terms: tuple[str, ...], card: dict[str, Any]) -> None:
    """Write student.safetensors, terms.txt and student.json (the card, with the hashes of the other two).

    The large sparse weights are stored in half precision, with an error far below the fit's own.
    """
    from safetensors.numpy import save as to_bytes

    folder.mkdir(parents=True, exist_ok=True)
    numbers = {field.name: getattr(parameters, field.name) for field in fields(parameters)}
    for name in ("dense", "sparse", "centroids"):
        numbers[name] = numbers[name].astype(np.float16)
    with replacing(folder / "student.safetensors") as temporary:
        temporary.write_bytes(to_bytes({name: np.ascontiguousarray(a) for name, a in numbers.items()}))
    write_text(folder / "terms.txt", "".join(f"{term}\n" for term in terms))
    hashes = {name: _sha256(folder / name) for name in ("student.safetensors", "terms.txt")}
    write_text(folder / "student.json", json.dumps({"format": FORMAT, **card, "files": hashes}, indent=1) + "\n")


@cache
def load(folder: Path = WEIGHTS) -> Student:
    """Read what `save` wrote, checking both hashes against the card.

    Raises:
        ModelError: a file is missing, altered, or of another format.
    """
    from safetensors.numpy import load_file

    try:
        card = json.loads((folder / "student.json").read_text(encoding="utf-8"))
        terms = tuple((folder / "terms.txt").read_text(encoding="utf-8").splitlines())
        found = {name: _sha256(folder / name) for name in ("student.safetensors", "terms.txt")}
    except (OSError, ValueError) as error:
        raise ModelError(f"the student cannot be read ({error})", where=folder, fix=_REINSTALL) from error
    if card.get("format") != FORMAT:
        raise ModelError(f"the student has format {card.get('format')}, not {FORMAT}", where=folder, fix=_REINSTALL)
    for name, digest in found.items():
        if digest != card.get("files", {}).get(name):
            raise ModelError(
                "the file does not match the hash on the student's card", where=folder / name, fix=_REINSTALL
            )
    arrays = load_file(folder / "student.safetensors")
    wide: dict[str, Any] = {
        name: array.astype(np.float32) if array.dtype == np.float16 else array for name, array in arrays.items()
    }
    return Student(Parameters(**wide), terms, card, _sha256(folder / "student.json"))


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
