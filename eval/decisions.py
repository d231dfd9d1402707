"""Decided submissions: what a replay plays back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guide.corpus.jsonl import Skipped, read_jsonl
from guide.corpus.retrieve import normalised_title
from guide.errors import InputError


@dataclass(frozen=True, slots=True)
class Decision:
    """One submission and what was decided.

    Attributes:
        id: as given, or "line-N".
        title: on one line.
        abstract: as given, leaks included.
        accepted: the decision; withdrawn counts as not accepted.
        ratings: the reviewers', empty where there are none.
        year: of the venue, None where the record does not say.
    """

    id: str
    title: str
    abstract: str
    accepted: bool
    ratings: tuple[float, ...]
    year: int | None


@dataclass(frozen=True, slots=True)
class DecisionSet:
    """The usable records, and what was left out."""

    records: tuple[Decision, ...]
    skipped: tuple[Skipped, ...]

    @property
    def dropped(self) -> dict[str, int]:
        """How many records were left out, by reason."""
        return dict(Counter(item.reason for item in self.skipped))


def read_decisions(path: Path) -> DecisionSet:
    """Read JSON lines (plain, .gz or .zst) with `title, abstract, accepted` and optionally `id, ratings, year`.

    A record that lacks one of the three, repeats an id, or repeats another's title and abstract is skipped.

    Raises:
        InputError: the file cannot be read, no record is usable, or all have the same decision.
    """
    records: list[Decision] = []
    skipped: list[Skipped] = []
    ids: set[str] = set()
    texts: set[tuple[str, str]] = set()
    for line in read_jsonl(path):
        if isinstance(line, Skipped):
            skipped.append(line)
            continue
        number, record = line
        try:
            decision = _parse(record, f"line-{number}")
        except ValueError as error:
            skipped.append(Skipped(f"{path}:{number}", str(error)))
            continue
        text = (normalised_title(decision.title), " ".join(decision.abstract.split()).casefold())
        if decision.id in ids or text in texts:
            reason = "the id is not unique" if decision.id in ids else "another record has the same title and abstract"
            skipped.append(Skipped(f"{path}:{number}", reason))
            continue
        ids.add(decision.id)
        texts.add(text)
        records.append(decision)
    if not records:
        first = f"; the first: {skipped[0].reason}" if skipped else ""
        raise InputError(
            f"none of {len(skipped)} records can be used{first}",
            where=path,
            fix="Give JSON lines with title, abstract and accepted (true or false).",
        )
    if len({record.accepted for record in records}) < 2:
        only = "accepted" if records[0].accepted else "not accepted"
        raise InputError(
            f"all {len(records)} records are {only}", where=path, fix="A replay needs accepted and rejected ones."
        )
    return DecisionSet(tuple(records), tuple(skipped))


def _parse(record: dict[str, Any], place: str) -> Decision:
    title, abstract, accepted = record.get("title"), record.get("abstract"), record.get("accepted")
    if not isinstance(title, str) or not title.strip():
        raise ValueError("title is missing")
    if not isinstance(abstract, str) or not abstract.strip():
        raise ValueError("abstract is missing")
    if not isinstance(accepted, bool):
        raise ValueError("accepted is not true or false")
    identifier, year, ratings = record.get("id"), record.get("year"), record.get("ratings") or []
    if not isinstance(ratings, list) or not all(_is_rating(rating) for rating in ratings):
        raise ValueError("ratings are not numbers from 0 to 10")
    return Decision(
        id=str(identifier) if isinstance(identifier, str | int) and identifier != "" else place,
        title=" ".join(title.split()),
        abstract=abstract.strip(),
        accepted=accepted,
        ratings=tuple(float(rating) for rating in ratings),
        year=year if isinstance(year, int) and not isinstance(year, bool) else None,
    )


def _is_rating(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 10
