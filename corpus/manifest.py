"""What a store holds, in one readable file beside the database.

Everything in manifest.json is derived from the database and the index: it is there so that people and
scripts can see what a store is without opening it, and so that verify can tell a finished store from an
interrupted one.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from guide.atomic import write_text
from guide.corpus.layout import DATABASE, MANIFEST, translating, verify_command
from guide.corpus.papers import month_of
from guide.corpus.schema import FORMAT_VERSION, read_embedder, read_setting
from guide.corpus.snapshot import Snapshot, index_files
from guide.errors import StoreError

if TYPE_CHECKING:
    from sqlite_utils import Database


@dataclass(frozen=True, slots=True)
class Manifest:
    """The summary kept in manifest.json.

    Attributes:
        format_version: of the store's format.
        embedder_id: name of the model behind the vectors.
        embedder_sha256: hash of its weights.
        dimension: of a vector.
        papers: number of papers in the database.
        vectors: number of papers that have vectors.
        layout: how the vectors are kept: "flat", or the FAISS factory string of the compression.
        compression: how the texts of the modules are shortened, "none" if they are not.
        content_hash: SHA-256 of the corpus (see `corpus_hash`).
        cutoff: newest month ("YYYY-MM") in which a paper of the store was posted, if any says.
    """

    format_version: int
    embedder_id: str
    embedder_sha256: str
    dimension: int
    papers: int
    vectors: int
    layout: str
    compression: str
    content_hash: str
    cutoff: str | None


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What `guide corpus info` reports; `dataclasses.asdict` gives its JSON.

    Attributes:
        path: the store's folder.
        format_version: of the store's format.
        embedder_id: name of the model behind the vectors.
        embedder_sha256: hash of its weights.
        dimension: of a vector.
        papers: number of papers.
        by_year: papers by year, oldest first.
        by_venue: papers by venue, largest first; "" is unknown.
        cutoff: newest month ("YYYY-MM") in which a paper was posted, if any says.
        content_hash: SHA-256 of the corpus (see `corpus_hash`).
        vectors: papers that have vectors; fewer than `papers` after an interrupted ingest.
        vectors_by_kind: papers that have a vector of each kind of module.
        layout: how the vectors are kept: "flat", or the FAISS factory string of the compression.
        trained_on: papers that the compression of the vectors was trained on; 0 if they are flat.
        compression: how the texts of the modules are shortened, "none" if they are not.
        sizes: bytes of each file of the store.
    """

    path: str
    format_version: int
    embedder_id: str
    embedder_sha256: str
    dimension: int
    papers: int
    by_year: dict[str, int]
    by_venue: dict[str, int]
    cutoff: str | None
    content_hash: str
    vectors: int
    vectors_by_kind: dict[str, int]
    layout: str
    trained_on: int
    compression: str
    sizes: dict[str, int]


def corpus_hash(db: Database) -> str:
    """SHA-256 (hex) over "id NUL content-hash newline" of every paper, sorted by id.

    Two stores with the same papers have the same hash, whatever order and however many runs they came in.

    Raises:
        sqlite3.DataError: a content hash is not made of bytes.
    """
    digest = hashlib.sha256()
    for identifier, content in db.execute("SELECT id, content_hash FROM papers ORDER BY id"):
        if not isinstance(content, bytes):
            raise sqlite3.DataError(f"the content hash of paper {identifier!r} is altered")
        digest.update(f"{identifier}\0{content.hex()}\n".encode())
    return digest.hexdigest()


def take_stock(db: Database, vectors: Snapshot | None) -> Manifest:
    """The manifest that the database and the vectors call for; None stands for vectors that cannot be read."""
    embedder = read_embedder(db)
    papers, newest = db.execute("SELECT count(*), max(posted) FROM papers").fetchone()
    return Manifest(
        format_version=FORMAT_VERSION,
        embedder_id=embedder.id,
        embedder_sha256=embedder.sha256,
        dimension=embedder.dimension,
        papers=papers,
        vectors=0 if vectors is None else len(vectors),
        layout="" if vectors is None else vectors.layout,
        compression=read_setting(db, "compress") or "none",
        content_hash=corpus_hash(db),
        cutoff=month_of(newest),
    )


def describe(folder: Path, db: Database, vectors: Snapshot) -> StoreInfo:
    """Everything `guide corpus info` says, read from the database rather than from the manifest."""
    stock = take_stock(db, vectors)
    years = db.execute("SELECT year, count(*) FROM papers GROUP BY year ORDER BY year")
    venues = db.execute(
        "SELECT name, count(*) AS n FROM papers JOIN venues USING (venue) GROUP BY name ORDER BY n DESC, name"
    )
    return StoreInfo(
        path=str(folder),
        format_version=stock.format_version,
        embedder_id=stock.embedder_id,
        embedder_sha256=stock.embedder_sha256,
        dimension=stock.dimension,
        papers=stock.papers,
        by_year={str(year): n for year, n in years},
        by_venue=dict(venues.fetchall()),
        cutoff=stock.cutoff,
        content_hash=stock.content_hash,
        vectors=stock.vectors,
        vectors_by_kind={kind: len(index) for kind, index in vectors.kinds.items()},
        layout=stock.layout,
        trained_on=vectors.trained_on,
        compression=stock.compression,
        sizes=sizes(folder),
    )


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file of the store, by its path inside the folder."""
    found = {}
    for file in (folder / DATABASE, folder / MANIFEST, *index_files(folder)):
        # A writer may replace the snapshot at any moment, and then its files go.
        with suppress(FileNotFoundError):
            found[str(file.relative_to(folder))] = file.stat().st_size
    return found


def read_manifest(folder: Path) -> Manifest:
    """Read `folder`/manifest.json.

    Raises:
        StoreError: it is missing, unreadable, not a manifest, or of a newer format.
    """
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise StoreError("the manifest is missing", where=path, fix=verify_command(folder)) from error
    except OSError as error:
        what = f"the manifest cannot be read ({error.strerror})"
        raise StoreError(what, where=path, fix="Check that you may read it.") from error
    except (ValueError, RecursionError) as error:
        raise StoreError("the manifest is not JSON", where=path, fix=verify_command(folder)) from error
    version = found.get("format_version") if isinstance(found, dict) else None
    if isinstance(version, int) and version < FORMAT_VERSION:
        raise StoreError(
            f"the store has format {version}, this program works on format {FORMAT_VERSION}",
            where=path,
            fix=f"Bring it up to date: guide corpus migrate --store {folder}.",
        )
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise StoreError(
            f"the store has format {version}, this program reads formats up to {FORMAT_VERSION}",
            where=path,
            fix="Update guide: pip install --upgrade guide-advisor.",
        )
    try:
        manifest = Manifest(**found)
    except TypeError as error:
        what = "the manifest does not have the entries of a store"
        raise StoreError(what, where=path, fix=verify_command(folder)) from error
    return manifest


def write_manifest(folder: Path, manifest: Manifest) -> bool:
    """Write manifest.json, atomically, unless it says so already; tells whether it was written.

    Raises:
        StoreError: the disk is full or the folder is not writable.
    """
    path = folder / MANIFEST
    text = json.dumps(asdict(manifest), indent=2, ensure_ascii=False) + "\n"
    with translating(folder):
        if path.is_file() and path.read_bytes() == text.encode():
            return False
        write_text(path, text)
    return True
