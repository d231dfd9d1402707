"""The vectors of a store as one snapshot: an index for each kind of module, and the file that names them.

`vectors/index.json` says which files belong together and what their checksums are; it is replaced in one step, after
the files it names are on the disk. A reader has the old snapshot or the new one. FAISS takes what it finds in a file
for an index, flipped bytes included; the checksums are what makes damage visible.
"""

from __future__ import annotations

import errno
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from guide.atomic import replacing, write_text
from guide.corpus.layout import VECTORS, translating, verify_command
from guide.corpus.modules import KINDS
from guide.corpus.vectors import VectorIndex
from guide.errors import StoreError

if TYPE_CHECKING:
    from numpy.typing import NDArray

INDEX = "index.json"
ABSTRACT = KINDS[0]  # the kind that every paper has
_TRIES = 3  # a writer may replace the snapshot between reading its names and opening its files


@dataclass(slots=True)
class Snapshot:
    """The indexes of one store.

    Attributes:
        kinds: index by kind of module, all of `KINDS`.
        trained_on: how many papers the compression was trained on; 0 while the vectors are kept flat.
        is_saved: whether the files of the store hold what the indexes hold.
    """

    kinds: dict[str, VectorIndex]
    trained_on: int = 0
    is_saved: bool = True

    @classmethod
    def create(cls, dimension: int) -> Snapshot:
        """Empty flat indexes."""
        return cls({kind: VectorIndex.create(dimension) for kind in KINDS})

    @classmethod
    def load(cls, folder: Path, dimension: int, *, mapped: bool = False) -> Snapshot:
        """Read the snapshot of the store in `folder`, checksums first (see `VectorIndex.read`).

        Raises:
            StoreError: a file is missing, cut off, altered, not to be read, or of another dimension.
        """
        for tries_left in reversed(range(_TRIES)):
            entries = _read_entries(folder)
            try:
                return cls._open(folder, entries, dimension, mapped=mapped)
            except FileNotFoundError as error:
                if not tries_left:
                    where = error.filename or folder
                    raise StoreError("the vector index is missing", where=where, fix=verify_command(folder)) from error
        raise AssertionError("the last try raises")

    @classmethod
    def _open(cls, folder: Path, entries: dict[str, Any], dimension: int, *, mapped: bool) -> Snapshot:
        kinds = {}
        for kind in KINDS:
            entry = entries["kinds"][kind]
            path = folder / VECTORS / entry["file"]
            try:
                with path.open("rb") as file:
                    found = hashlib.file_digest(file, "sha256").hexdigest()
            except FileNotFoundError:
                raise
            except OSError as error:
                raise _unreadable(path, error) from error
            if found != entry["sha256"]:
                raise StoreError("the vector index is damaged", where=path, fix=verify_command(folder))
            try:
                kinds[kind] = VectorIndex.read(path, dimension, entry["layout"], mapped=mapped)
            except StoreError as error:
                if not path.exists():
                    # A writer has replaced the snapshot since the checksum was taken.
                    raise FileNotFoundError(errno.ENOENT, "gone", str(path)) from error
                raise StoreError(error.what, where=path, fix=verify_command(folder)) from error
        return cls(kinds, entries["trained_on"])

    def __len__(self) -> int:
        """How many papers have a vector."""
        return len(self.kinds[ABSTRACT])

    @property
    def layout(self) -> str:
        """How the vectors are kept: "flat", or the FAISS factory string of the compression."""
        return self.kinds[ABSTRACT].layout

    @property
    def rows(self) -> NDArray[np.int64]:
        """The row numbers of the papers that have a vector, ascending."""
        return self.kinds[ABSTRACT].rows

    def save(self, folder: Path) -> None:
        """Write every index and then the file that names them; the files of the last snapshot are removed.

        Raises:
            StoreError: the disk is full or the folder is not writable; the last snapshot then stands.
        """
        with translating(folder):
            (folder / VECTORS).mkdir(exist_ok=True)
            entries = {kind: _save_index(folder / VECTORS, kind, index) for kind, index in self.kinds.items()}
            whole = {"trained_on": self.trained_on, "kinds": entries}
            text = json.dumps({**whole, "sha256": _digest(whole)}, indent=2) + "\n"
            write_text(folder / VECTORS / INDEX, text)
            self.is_saved = True
            for file in unnamed(folder):
                file.unlink()


def unnamed(folder: Path) -> list[Path]:
    """Index files that no snapshot names: what a killed writer left."""
    with_names = _read_entries(folder)
    named = {entry["file"] for entry in with_names["kinds"].values()}
    return sorted(file for file in (folder / VECTORS).glob("*.faiss") if file.name not in named)


def index_files(folder: Path) -> Iterator[Path]:
    """Every file of the vectors, the log of pending ones included."""
    return (file for file in sorted((folder / VECTORS).glob("*")) if file.is_file())


def _save_index(folder: Path, kind: str, index: VectorIndex) -> dict[str, Any]:
    with replacing(folder / f"{kind}.new") as temporary:
        index.write(temporary)
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    name = f"{kind}-{digest[:12]}.faiss"
    (folder / f"{kind}.new").replace(folder / name)
    return {"file": name, "sha256": digest, "layout": index.layout, "vectors": len(index)}


def _read_entries(folder: Path) -> dict[str, Any]:
    path = folder / VECTORS / INDEX
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise StoreError("the vector index is missing", where=path, fix=verify_command(folder)) from error
    except OSError as error:
        raise _unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise StoreError("the list of vector indexes is damaged", where=path, fix=verify_command(folder)) from error
    stated = found.pop("sha256", None) if isinstance(found, dict) else None
    if stated is None or stated != _digest(found):
        raise StoreError("the list of vector indexes is damaged", where=path, fix=verify_command(folder))
    entries: dict[str, Any] = found
    return entries


def _unreadable(path: Path, error: OSError) -> StoreError:
    what = f"the vector index cannot be read ({error.strerror})"
    return StoreError(what, where=path, fix="Check that you may read it.")


def _digest(entries: dict[str, Any]) -> str | None:
    """The checksum of the list; None if it is nested too deep to be one of ours."""
    try:
        return hashlib.sha256(json.dumps(entries, sort_keys=True).encode()).hexdigest()
    except RecursionError:
        return None
