"""What a store holds, in one readable file beside the database.

Everything in manifest.json is derived from the database and the index: it is there so that people and
scripts can see what a store is without opening it, and so that verify can tell a finished store from an
interrupted one.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from guide.atomic import write_text
from guide.corpus.layout import DATABASE, MANIFEST, VECTORS, translating, verify_command
from guide.corpus.schema import FORMAT_VERSION, read_embedder
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
        vectors: number of vectors in the index.
        content_hash: SHA-256 of the corpus (see `corpus_hash`).
        cutoff: newest month ("YYYY-MM") in which a paper of the store was posted, if any says.
    """

    format_version: int
    embedder_id: str
    embedder_sha256: str
    dimension: int
    papers: int
    vectors: int
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
        vectors: papers that have a vector; fewer than `papers` after an interrupted ingest.
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
    sizes: dict[str, int]


def corpus_hash(db: Database) -> str:
    """SHA-256 (hex) over "id NUL content-hash newline" of every paper, sorted by id.

    Two stores with the same papers have the same hash, whatever order and however many runs they came in.
    """
    digest = hashlib.sha256()
    for identifier, content in db.execute("SELECT id, content_hash FROM papers ORDER BY id"):
        digest.update(f"{identifier}\0{content}\n".encode())
    return digest.hexdigest()


def take_stock(db: Database, vectors: int) -> Manifest:
    """The manifest that the database, and an index of `vectors` vectors, call for."""
    embedder = read_embedder(db)
    papers, cutoff = db.execute("SELECT count(*), max(posted) FROM papers").fetchone()
    return Manifest(
        format_version=FORMAT_VERSION,
        embedder_id=embedder.id,
        embedder_sha256=embedder.sha256,
        dimension=embedder.dimension,
        papers=papers,
        vectors=vectors,
        content_hash=corpus_hash(db),
        cutoff=cutoff,
    )


def describe(folder: Path, db: Database, vectors: int) -> StoreInfo:
    """Everything `guide corpus info` says, read from the database rather than from the manifest."""
    stock = take_stock(db, vectors)
    years = db.execute("SELECT year, count(*) FROM papers GROUP BY year ORDER BY year")
    venues = db.execute("SELECT venue, count(*) AS n FROM papers GROUP BY venue ORDER BY n DESC, venue")
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
        sizes=sizes(folder),
    )


def sizes(folder: Path) -> dict[str, int]:
    """Bytes of each file of the store, by its path inside the folder."""
    files = [folder / DATABASE, folder / MANIFEST, *sorted((folder / VECTORS).glob("*.faiss"))]
    return {str(file.relative_to(folder)): file.stat().st_size for file in files if file.is_file()}


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
