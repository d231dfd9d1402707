"""Taking papers into the database: batches, duplicates, and the journal of what came from where."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from guide.corpus.records import Paper, Skipped, storable
from guide.corpus.schema import enter_log, row_of

if TYPE_CHECKING:
    from sqlite_utils import Database

BATCH = 500  # papers in one transaction: what a kill can cost


@dataclass(frozen=True, slots=True)
class AddReport:
    """What one `Store.add` did; every record is counted once, under the first five.

    Attributes:
        added: papers that were new.
        updated: papers whose content had changed.
        unchanged: papers that the store had already, the same in every field.
        duplicates: repeats of a record within the input, the same in every field.
        skipped: records left out, with place and reason.
        embedded: vectors computed, those that an interrupted run had left over included.
        seconds: wall-clock time of the whole call.
        papers_per_second: papers read (all but the skipped) by `seconds`.
    """

    added: int
    updated: int
    unchanged: int
    duplicates: int
    skipped: tuple[Skipped, ...]
    embedded: int
    seconds: float
    papers_per_second: float


@dataclass(slots=True)
class Tally:
    """The counts of a run so far."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def papers(self) -> int:
        """Papers read, whatever became of them."""
        return self.added + self.updated + self.unchanged + self.duplicates


class Journal:
    """The line that a run which changes the store leaves in its `journal` table.

    The line is written with the first batch that changes something and kept up with every later one in the
    same transaction, so after a kill it says what really was taken in. A run that changes nothing leaves
    none.
    """

    def __init__(self, db: Database, source: Path | None, at: datetime | None) -> None:
        self._db = db
        self._source = source
        self._at = at or now()
        self._run: int | None = None

    def record(self, tally: Tally, *, finished: bool = False) -> None:
        """Write the counts so far, inside the caller's transaction."""
        if self._run is None:
            if finished:
                return
            hashed = self._source is not None and self._source.is_file()
            line = {
                "at": self._at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "source": self._source.name if self._source else None,
                "sha256": _file_hash(self._source) if self._source and hashed else None,
                "finished": 0,
            }
            self._run = self._db.table("journal").insert({**line, **_counts(tally)}).last_pk
        else:
            self._db.table("journal").update(self._run, {**_counts(tally), "finished": int(finished)})


def ingest(db: Database, records: Iterable[Paper | Skipped], journal: Journal, *, progress: bool = False) -> Tally:
    """Take papers into the database, `BATCH` to a transaction; of records with one id the first counts.

    A paper that the store has with the same content is left alone; one with other content is replaced under
    a new row.
    """
    from tqdm import tqdm

    tally = Tally()
    seen: dict[str, str] = {}
    shown = tqdm(records, desc="reading", unit="paper", delay=2, disable=None if progress else True, file=sys.stderr)
    papers = _first_of_each(shown, seen, tally)
    while batch := tuple(islice(papers, BATCH)):
        _take(db, batch, journal, tally)
    with db.atomic():
        journal.record(tally, finished=True)
    return tally


def now() -> datetime:
    """The journal's time: SOURCE_DATE_EPOCH where a reproducible build sets it, else the clock."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)


def _first_of_each(
    records: Iterable[Paper | Skipped], seen: dict[str, str], tally: Tally
) -> Iterator[tuple[Paper, str]]:
    """The papers to store, each with its content hash; repeats and what is unfit go into the tally."""
    for record in records:
        if isinstance(record, Skipped):
            tally.skipped.append(record)
            continue
        try:
            paper = storable(record)
        except ValueError as error:
            tally.skipped.append(Skipped(f"paper {record.id!r}", str(error)))
            continue
        content = paper.content_hash
        if paper.id not in seen:
            seen[paper.id] = content
            yield paper, content
        elif seen[paper.id] == content:
            tally.duplicates += 1
        else:
            # Taking the last one instead would change the store back and forth each time the file is added.
            reason = "an earlier record of this input has the same id and other content; the first one counts"
            tally.skipped.append(Skipped(f"paper {paper.id!r}", reason))


def _take(db: Database, batch: tuple[tuple[Paper, str], ...], journal: Journal, tally: Tally) -> None:
    marks = ",".join("?" * len(batch))
    query = f"SELECT id, row, content_hash FROM papers WHERE id IN ({marks})"  # noqa: S608 - question marks only
    stored = {
        identifier: (row, content) for identifier, row, content in db.execute(query, [paper.id for paper, _ in batch])
    }
    changed = [paper for paper, content in batch if stored.get(paper.id, (0, ""))[1] != content]
    replaced = [stored[paper.id][0] for paper in changed if paper.id in stored]
    tally.unchanged += len(batch) - len(changed)
    if not changed:
        return
    enter_log(db)
    with db.atomic():
        for row in replaced:
            db.execute("DELETE FROM papers WHERE row = ?", [row])
        db.table("papers").insert_all(row_of(paper) for paper in changed)
        tally.updated += len(replaced)
        tally.added += len(changed) - len(replaced)
        journal.record(tally)


def _counts(tally: Tally) -> dict[str, int]:
    return {
        "added": tally.added,
        "updated": tally.updated,
        "unchanged": tally.unchanged,
        "duplicates": tally.duplicates,
        "skipped": len(tally.skipped),
    }


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
