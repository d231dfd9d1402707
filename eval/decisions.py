"""Decided submissions: what a replay plays back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from guide.calibration.measures import auroc
from guide.corpus.fusion import normalised_title
from guide.corpus.jsonl import Skipped, read_jsonl
from guide.errors import InputError


@dataclass(frozen=True, slots=True)
class Decision:
    """One submission and what was decided.

    Attributes:
        id: as given, or "arXiv:..." by `arxiv_id`, or "line-N".
        title: on one line.
        abstract: as given, leaks included.
        accepted: the decision; withdrawn counts as not accepted.
        ratings: the reviewers', empty where there are none.
        year: of the venue, None where the record does not say.
        where: its place, file:line.
        area: the primary area as the venue names it, "" where the record does not say.
        predecision: the abstract as it stood before the decision, None where the record has none.
        source: where the abstract is from, as `abstract_version` or `source` says it; "" where neither does.
    """

    id: str
    title: str
    abstract: str
    accepted: bool
    ratings: tuple[float, ...]
    year: int | None
    where: str
    area: str = ""
    predecision: str | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class DecisionSet:
    """The usable records, and what was left out."""

    records: tuple[Decision, ...]
    skipped: tuple[Skipped, ...]

    @property
    def dropped(self) -> dict[str, int]:
        """How many records were left out, by reason."""
        return dict(Counter(item.reason for item in self.skipped))


def read_decisions(path: Path, *, limit: int | None = None) -> DecisionSet:
    """Read JSON lines (plain, .gz or .zst): `title, abstract, accepted`, optionally `id, ratings, year, primary_area`.

    The abstract before the decision is `abstract_predecision`, or `abstract` itself where `abstract_version` is
    "pre-decision"; `area` stands for `primary_area` where that is missing.

    A record is skipped that lacks one of the three, has ratings that are not numbers from 0 to 10, repeats an
    id, or repeats another's title and abstract (letter case, spacing and, in titles, punctuation aside): the
    first of a pair stays.

    Args:
        path: the file.
        limit: stop after this many usable records.

    Raises:
        InputError: the file cannot be read, no record is usable, or all have the same decision.
    """
    return select_decisions(
        _parsed(path),
        where=str(path),
        fix="Give JSON lines with title, abstract and accepted (true or false).",
        limit=limit,
    )


def select_decisions(
    delivered: Iterable[Decision | Skipped], *, where: str, fix: str, limit: int | None = None
) -> DecisionSet:
    """Keep what can be replayed: the first of every id and of every text (see `read_decisions`).

    Args:
        delivered: the records of a source, and what it left out.
        where: the source, for messages.
        fix: what to do where it holds nothing.
        limit: stop after this many usable records.

    Raises:
        InputError: no record is usable, or all have the same decision.
    """
    records: list[Decision] = []
    skipped: list[Skipped] = []
    ids: set[str] = set()
    texts: set[tuple[str, str]] = set()
    for one in delivered:
        if isinstance(one, Skipped):
            skipped.append(one)
            continue
        if limit is not None and len(records) >= limit:
            break
        text = (normalised_title(one.title), " ".join(one.abstract.split()).casefold())
        if one.id in ids or text in texts:
            twice = "the id is not unique" if one.id in ids else "another record has the same text"
            skipped.append(Skipped(one.where, twice))
            continue
        ids.add(one.id)
        texts.add(text)
        records.append(one)
    if not records:
        what = "the file holds no records"
        if skipped:
            what = f"none of {len(skipped)} records can be used; the first: {skipped[0].reason}"
        raise InputError(what, where=where, fix=fix)
    if len({record.accepted for record in records}) < 2:
        only = "accepted" if records[0].accepted else "not accepted"
        raise InputError(
            f"all {len(records)} usable records are {only}",
            where=where,
            fix="A replay needs accepted and rejected ones.",
        )
    return DecisionSet(tuple(records), tuple(skipped))


def ratings_agree(records: Sequence[Decision]) -> float | None:
    """AUROC of the mean rating for the decision, among the records that have ratings; None if undefined.

    A guard against ratings that belong to other papers: a paper's own ratings give above 0.9, permuted ones
    0.5. Pass one year at a time: scales differ between years, and a good year hides a bad one.
    """
    rated = [record for record in records if record.ratings]
    means = np.array([np.mean(record.ratings) for record in rated], dtype=np.float64)
    agreement = auroc(means, np.array([record.accepted for record in rated], dtype=np.bool_))
    return None if np.isnan(agreement) else agreement


def _parsed(path: Path) -> Iterator[Decision | Skipped]:
    for line in read_jsonl(path):
        if isinstance(line, Skipped):
            yield line
            continue
        number, record = line
        where = f"{path}:{number}"
        try:
            yield _parse(record, number, where)
        except ValueError as error:
            yield Skipped(where, str(error))


def _parse(record: dict[str, Any], number: int, where: str) -> Decision:
    title, abstract, accepted = record.get("title"), record.get("abstract"), record.get("accepted")
    if not isinstance(title, str) or not title.strip():
        raise ValueError("title is missing")
    if not isinstance(abstract, str) or not abstract.strip():
        raise ValueError("abstract is missing")
    if not isinstance(accepted, bool):
        raise ValueError("accepted is not true or false")
    identifier, year, ratings = record.get("id"), record.get("year"), record.get("ratings")
    ratings = [] if ratings is None else ratings
    if not isinstance(ratings, list) or not all(_is_rating(rating) for rating in ratings):
        raise ValueError("ratings are not numbers from 0 to 10")
    arxiv = record.get("arxiv_id")
    if identifier is None and isinstance(arxiv, str) and arxiv.strip():
        identifier = f"arXiv:{arxiv.strip()}"
    named = isinstance(identifier, str | int) and not isinstance(identifier, bool) and str(identifier).strip()
    return Decision(
        id=str(identifier).strip() if named else f"line-{number}",
        title=" ".join(title.split()),
        abstract=abstract.strip(),
        accepted=accepted,
        ratings=tuple(float(rating) for rating in ratings),
        year=year if isinstance(year, int) and not isinstance(year, bool) else None,
        where=where,
        area=_area(record),
        predecision=_predecision(record, abstract.strip()),
        source=str(record.get("abstract_version") or record.get("source") or ""),
    )


def _area(record: dict[str, Any]) -> str:
    given = (record.get(name) for name in ("primary_area", "area"))
    return next((" ".join(area.split()) for area in given if isinstance(area, str) and area.strip()), "")


def _predecision(record: dict[str, Any], abstract: str) -> str | None:
    before = record.get("abstract_predecision")
    if isinstance(before, str) and before.strip():
        return before.strip()
    return abstract if record.get("abstract_version") == "pre-decision" else None


def _is_rating(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= 10
