"""Judge the split into modules against two labellers and print one JSON line; GUIDE_DATA names the records' folder.

Example:
    GUIDE_DATA=data python benchmarks/bench_modules.py
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score, precision_recall_fscore_support

from guide.corpus.modules import ROLES, label_sentences
from guide.corpus.records import Paper, read_records

LABELS = Path(__file__).with_name("module_labels.json")
RESAMPLES = 1_000
Labelled = dict[str, list[str]]


def main() -> None:
    """Read labels and records, label, compare, time, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--timed", type=int, default=5_000, help="abstracts to time the splitter on")
    options = parser.parse_args()
    folder = os.environ.get("GUIDE_DATA")
    if not folder:
        parser.error("GUIDE_DATA does not name the folder of literature.jsonl.zst")
    labels = json.loads(LABELS.read_text(encoding="utf-8"))
    wanted = {*labels["dev"], *labels["test"]}
    found: dict[str, str] = {}
    timed: list[str] = []
    for record in read_records(Path(folder) / "literature.jsonl.zst"):
        if not isinstance(record, Paper):
            continue
        if record.id in wanted:
            found[record.id] = record.abstract
        if len(timed) < options.timed:
            timed.append(record.abstract)
        elif len(found) == len(wanted):
            break
    if missing := wanted - found.keys():
        sys.exit(f"{len(missing)} labelled abstracts are not in the literature, such as {min(missing)}")
    predicted: Labelled = {
        name: [str(sentence.role) for sentence in label_sentences(text)] for name, text in found.items()
    }
    people = {
        name: {key: _spread(roles) for key, roles in given.items()} for name, given in labels["labellers"].items()
    }
    changed = sorted(key for key in wanted for given in people.values() if len(given[key]) != len(predicted[key]))
    if changed:
        sys.exit(f"{len(changed)} labelled abstracts split into other sentences than when labelled: {changed[0]}")
    begun = time.perf_counter()
    for text in timed:
        label_sentences(text)
    line: dict[str, Any] = {"abstracts_per_second": round(len(timed) / (time.perf_counter() - begun))}
    guesses: dict[str, Labelled] = {"splitter": predicted} | _baselines(labels["dev"], people["a"])
    for half in ("dev", "test"):
        keys = labels[half]
        a, b = (_flat(people[name], keys) for name in ("a", "b"))
        line[half] = {
            "abstracts": len(keys),
            "sentences": len(a),
            "agreement": {"raw": round(float(accuracy_score(a, b)), 3), "kappa": round(cohen_kappa_score(a, b), 3)},
            "roles_a": dict(Counter(a)),
        } | {
            guess: {name: _judge(given, roles, keys, full=guess == "splitter") for name, given in people.items()}
            for guess, roles in guesses.items()
        }
    sys.stdout.write(json.dumps(line) + "\n")


def _spread(indices: dict[str, list[int]]) -> list[str]:
    """Turn role -> sentence indices into the list of roles; raises ValueError unless each index occurs once."""
    placed = {index: role for role, places in indices.items() for index in places}
    if sorted(placed) != list(range(sum(map(len, indices.values())))) or not indices.keys() <= set(ROLES):
        raise ValueError("the labels do not give each sentence one role")
    return [placed[index] for index in range(len(placed))]


def _baselines(dev: list[str], given: Labelled) -> dict[str, Labelled]:
    """Roles by the majority of dev, and by the majority at the sentence's fifth of the abstract on dev."""
    by_fifth: dict[int, Counter[str]] = {fifth: Counter() for fifth in range(5)}
    for key in dev:
        for index, role in enumerate(given[key]):
            by_fifth[5 * index // len(given[key])][role] += 1
    common = sum(by_fifth.values(), Counter[str]()).most_common(1)[0][0]
    best = {fifth: counts.most_common(1)[0][0] for fifth, counts in by_fifth.items()}
    return {
        "majority": {key: [common] * len(roles) for key, roles in given.items()},
        "position": {key: [best[5 * at // len(roles)] for at in range(len(roles))] for key, roles in given.items()},
    }


def _judge(given: Labelled, guessed: Labelled, keys: list[str], *, full: bool) -> dict[str, Any]:
    """Accuracy and macro-F1; in full with 95% bootstrap intervals over abstracts, and precision and recall a role."""
    truth, guess = _flat(given, keys), _flat(guessed, keys)
    scores: dict[str, Any] = {"accuracy": round(float(accuracy_score(truth, guess)), 3), "macro_f1": _f1(truth, guess)}
    if not full:
        return scores
    generator = np.random.default_rng(0)
    drawn = [[keys[at] for at in generator.integers(len(keys), size=len(keys))] for _ in range(RESAMPLES)]
    pairs = [(_flat(given, some), _flat(guessed, some)) for some in drawn]
    for name, values in (
        ("accuracy_95", [float(accuracy_score(*pair)) for pair in pairs]),
        ("macro_f1_95", [_f1(*pair) for pair in pairs]),
    ):
        scores[name] = [round(float(bound), 3) for bound in np.percentile(values, (2.5, 97.5))]
    precision, recall, _, _ = precision_recall_fscore_support(truth, guess, labels=ROLES, zero_division=0)
    scores["roles"] = {
        role: {"precision": round(float(precision[at]), 3), "recall": round(float(recall[at]), 3)}
        for at, role in enumerate(ROLES)
    }
    return scores


def _f1(truth: list[str], guess: list[str]) -> float:
    return round(float(f1_score(truth, guess, labels=ROLES, average="macro", zero_division=0)), 3)


def _flat(given: Labelled, keys: list[str]) -> list[str]:
    return [role for key in keys for role in given[key]]


if __name__ == "__main__":
    main()
