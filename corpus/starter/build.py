"""Building the starter store, to the same bytes each time: `python -m guide.corpus.starter.build`.

The same papers, encoder and versions of SQLite and FAISS give the same files. The papers go in sorted by id,
in one run, at a fixed time, embedded in float32; the database is then packed, and the counters and the
version number that SQLite keeps in its header are set to zero. Another processor may round the last bit of
some vectors differently.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from guide.corpus import schema
from guide.corpus.layout import DATABASE, LOCK, check_free, translating
from guide.corpus.records import Paper, Skipped, read_records
from guide.corpus.starter import papers_path, starter_path
from guide.corpus.store import AddReport, Store
from guide.errors import InputError

if TYPE_CHECKING:
    from guide.corpus.encoder import Encoder

BUILT_AT = datetime(2025, 1, 1, tzinfo=UTC)  # what the journal says; any fixed time will do

# SQLite's file format, section 1.3: change counter, version-valid-for number, version of the library. The
# first two only need to be equal, the third is for information.
_VOLATILE = ((24, 4), (92, 4), (96, 4))


def build(output: Path, encoder: Encoder, *, papers: Path | None = None) -> AddReport:
    """Build the starter store in the folder `output`, replacing what is there.

    Args:
        output: the store's folder.
        encoder: embeds the papers; use float32, whose rounding moves least from machine to machine.
        papers: JSON lines of the papers; the package's own by default.

    Raises:
        InputError: a record of `papers` cannot be used, or an id is there twice.
        StoreError: the folder cannot be written, or holds something that is no store.
    """
    source = papers or papers_path()
    records = sorted(_clean(source), key=lambda paper: paper.id)
    with translating(output):
        if output.exists():
            check_free(output)
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".starter.") as scratch:
            made = Path(scratch) / "store"
            with Store.create_or_open(made, encoder) as store:
                report = store.add(records, source=source, at=BUILT_AT, progress=True)
            _pack(made)
            (made / LOCK).unlink()
            if output.exists():
                shutil.rmtree(output)
            made.rename(output)
    return report


def _clean(source: Path) -> list[Paper]:
    """The papers of the file; here, unlike in a user's file, a bad record is a mistake to be mended."""
    papers: dict[str, Paper] = {}
    for record in read_records(source):
        if isinstance(record, Skipped):
            raise InputError(record.reason, where=record.where, fix="Mend the record.")
        if record.id in papers:
            raise InputError(f"the id {record.id!r} is there twice", where=source, fix="Remove one of the two.")
        papers[record.id] = record
    return list(papers.values())


def _pack(folder: Path) -> None:
    with closing(schema.connect(folder, "write")) as db:
        db.execute("INSERT INTO papers_fts(papers_fts) VALUES ('optimize')")
        db.execute("VACUUM")
    with (folder / DATABASE).open("rb+") as file:
        for offset, length in _VOLATILE:
            file.seek(offset)
            file.write(bytes(length))


def main() -> None:
    """Build the starter store of the package and say what came of it."""
    from guide.corpus.encoders import load_encoder

    report = build(starter_path(), load_encoder("minilm"))
    with Store.open(starter_path()) as store:
        info = store.info()
    sys.stdout.write(
        f"{starter_path()}: {report.added} papers, {sum(info.sizes.values()):,} bytes, "
        f"content {info.content_hash[:12]}, {report.seconds:.1f} s\n"
    )


if __name__ == "__main__":
    main()
