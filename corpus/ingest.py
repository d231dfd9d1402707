"""Taking papers into the database: batches, duplicates, and the journal of what came from where."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guide.corpus.codec import Record
from guide.corpus.papers import PaperTable, content_hash
from guide.corpus.records import Paper, Skipped, canonical, storable
from guide.corpus.schema import digest_of, enter_log
from guide.corpus.shortening import CompressionCounts
from guide.corpus.sources import Mark

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
        embedded: papers embedded, those that an interrupted run had left over included.
        compression: what the compression of the texts did; None if there was none.
        seconds: wall-clock time of the whole call.
        papers_per_second: papers read (all but the skipped) by `seconds`.
    """

    added: int
    updated: int
    unchanged: int
    duplicates: int
    skipped: tuple[Skipped, ...]
    embedded: int
    compression: CompressionCounts | None
    seconds: float
    papers_per_second: float


@dataclass(slots=True)
class Tally:
    """The counts of a run so far, and whether it trained a dictionary."""

    added: int = 0
    updated: int = 0
    unchanged: int = 0
    duplicates: int = 0
    skipped: list[Skipped] = field(default_factory=list)
    trained: bool = False

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

    def __init__(self, db: Database, source: Path | str | None, at: datetime | None) -> None:
        self._db = db
        self._source = source
        self._at = at or now()
        self._run: int | None = None

    def record(self, tally: Tally, *, finished: bool = False) -> None:
        """Write the counts so far, inside the caller's transaction."""
        if self._run is None:
            if finished:
                return
            file = self._source if isinstance(self._source, Path) else None
            line = {
                "at": self._at.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "source": file.name if file else self._source,
                "sha256": _file_hash(file) if file and file.is_file() else None,
                "finished": 0,
            }
            self._run = self._db.table("journal").insert({**line, **_counts(tally)}).last_pk
        else:
            self._db.table("journal").update(self._run, {**_counts(tally), "finished": int(finished)})


def ingest(
    db: Database,
    records: Iterable[Paper | Skipped | Mark],
    journal: Journal,
    *,
    compress: Callable[[Sequence[Paper]], Sequence[Mapping[str, str]]] | None = None,
    source: str | None = None,
    progress: bool = False,
) -> Tally:
    """Take papers into the database, `BATCH` to a transaction; of records with one id the first counts.

    A paper that the store has with the same content is left alone; one with other content is replaced under
    a new row. A mark of the source is committed with the papers before it.

    Args:
        db: the store's database.
        records: papers, what was skipped between them, and the marks of a source that can go on from there.
        journal: takes the counts.
        compress: shortens the modules of a batch of papers; by default nothing is shortened.
        source: the name that marks are kept under; without one they are passed over.
        progress: show progress on standard error if it is a terminal.
    """
    from tqdm import tqdm

    tally = Tally()
    table = PaperTable(db)
    seen: dict[str, bytes] = {}
    shown = tqdm(records, desc="reading", unit="paper", delay=2, disable=None if progress else True, file=sys.stderr)
    batch: list[tuple[Paper, bytes]] = []

    def commit(mark: Mark | None = None) -> None:
        _take(db, table, batch, mark if source else None, source or "", compress, journal, tally)
        batch.clear()

    for record in _first_of_each(shown, seen, tally):
        if isinstance(record, Mark):
            commit(record)
            continue
        batch.append(record)
        if len(batch) == BATCH:
            commit()
    commit()
    with db.atomic():
        journal.record(tally, finished=True)
    return tally


def read_mark(db: Database, source: str) -> dict[str, Any] | None:
    """Where an interrupted run of this source can go on; None to begin at the start.

    A mark that is not as it was written does not count: beginning again costs time, going on at a wrong place papers.
    """
    row = db.execute("SELECT state, digest FROM marks WHERE source = ?", [source]).fetchone()
    if row is None or row[1] != digest_of(source, row[0]):
        return None
    return dict(json.loads(row[0]))


def altered_marks(db: Database) -> list[str]:
    """The sources whose mark is not as it was written."""
    rows = db.execute("SELECT source, state, digest FROM marks")
    return [source for source, state, digest in rows if digest != digest_of(source, state)]


def now() -> datetime:
    """The journal's time: SOURCE_DATE_EPOCH where a reproducible build sets it, else the clock."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    return datetime.fromtimestamp(int(epoch), UTC) if epoch.isdecimal() else datetime.now(UTC)


def _first_of_each(
    records: Iterable[Paper | Skipped | Mark], seen: dict[str, bytes], tally: Tally
) -> Iterator[tuple[Paper, bytes] | Mark]:
    """The papers to store, each with its content hash; repeats and what is unfit go into the tally."""
    for record in records:
        if isinstance(record, Mark):
            yield record
            continue
        if isinstance(record, Skipped):
            tally.skipped.append(record)
            continue
        try:
            paper = storable(record)
        except ValueError as error:
            tally.skipped.append(Skipped(f"paper {record.id!r}", str(error)))
            continue
        content = content_hash(paper)
        if paper.id not in seen:
            seen[paper.id] = content
            yield paper, content
        elif seen[paper.id] == content:
            tally.duplicates += 1
        else:
            # Taking the last one instead would change the store back and forth each time the file is added.
            reason = "an earlier record of this input has the same id and other content; the first one counts"
            tally.skipped.append(Skipped(f"paper {paper.id!r}", reason))


def _take(
    db: Database,
    table: PaperTable,
    batch: Sequence[tuple[Paper, bytes]],
    mark: Mark | None,
    source: str,
    compress: Callable[[Sequence[Paper]], Sequence[Mapping[str, str]]] | None,
    journal: Journal,
    tally: Tally,
) -> None:
    """Commit a batch, and the mark behind it, in one transaction."""
    stored = table.hashes([paper.id for paper, _ in batch])
    changed = [paper for paper, content in batch if stored.get(paper.id, (0, None))[1] != content]
    replaced = [stored[paper.id][0] for paper in changed if paper.id in stored]
    tally.unchanged += len(batch) - len(changed)
    if not changed and mark is None:
        return
    shortened = compress(changed) if compress else [{} for _ in changed]
    enter_log(db)
    with db.atomic():
        table.delete(replaced)
        table.insert([Record(paper, texts) for paper, texts in zip(changed, shortened, strict=True)])
        tally.trained |= table.train()
        tally.updated += len(replaced)
        tally.added += len(changed) - len(replaced)
        if changed:
            journal.record(tally)
        if mark is not None:
            _write_mark(db, source, mark)


def _write_mark(db: Database, source: str, mark: Mark) -> None:
    if mark.state is None:
        db.execute("DELETE FROM marks WHERE source = ?", [source])
    else:
        at, state = now().strftime("%Y-%m-%dT%H:%M:%SZ"), canonical(mark.state)
        db.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?, ?)", [source, state, at, digest_of(source, state)])


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
