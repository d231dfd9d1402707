"""The files that the results of a batch are written to: JSON lines and CSV, each whole or not at all."""

from __future__ import annotations

import csv
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from guide.atomic import replacing
from guide.errors import InputError

_DATABASES = (".db", ".sqlite", ".sqlite3")
_SIGNALS = ("disagreement", "entropy", "coverage", "distance", "citations")
_COLUMNS = (
    "id", "title", "rank", "rating", "p_accept", "interval_low", "interval_high", "interval_level", "p_correct",
    "calibration", "status", *_SIGNALS, "ratings", "doubts", "prior", "self_excluded", "after_cutoff",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where results go.

    Attributes:
        database: the file of results, from which a later run goes on.
        jsonl: None where none is wanted.
        csv: None where none is wanted.
    """

    database: Path
    jsonl: Path | None
    csv: Path | None

    @property
    def written(self) -> tuple[Path, ...]:
        """What the user asked for: the exports, or the database where there are none."""
        return tuple(path for path in (self.jsonl, self.csv) if path is not None) or (self.database,)


@contextmanager
def resolve_outputs(out: Path) -> Iterator[Outputs]:
    """What `--out` asks for: a folder gets all three files; a .csv, .db or any other name (JSON lines) that one.

    The database of a file stands beside it under the same name with .db. That of a pipe or a device, which has no
    beside, is temporary.

    Raises:
        InputError: there is no folder to write in.
    """
    if not out.resolve().parent.is_dir():
        parent = out.parent
        raise InputError("the folder to write in does not exist", where=out, fix=f"Make it: mkdir -p {parent}")
    if out.exists() and not out.is_file() and not out.is_dir():
        with tempfile.TemporaryDirectory(prefix="guide-") as folder:
            yield Outputs(Path(folder) / "scores.db", out, None)
    elif out.is_dir() or not (out.suffix or out.exists()):
        yield Outputs(out / "scores.db", out / "scores.jsonl", out / "scores.csv")
    elif out.suffix in _DATABASES:
        yield Outputs(out, None, None)
    elif out.suffix == ".csv":
        yield Outputs(out.with_suffix(".db"), None, out)
    else:
        yield Outputs(out.with_suffix(".db"), out, None)


def write_jsonl(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write a JSON object for every row, in order. Raises OSError as `replacing` does."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as handle:
        for row in rows:
            handle.write(json.dumps(_nested(row), ensure_ascii=False) + "\n")


def write_csv(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """Write a line for every row, in order, lists as JSON. Raises OSError as `replacing` does."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(map(_flat, rows))


def _nested(row: dict[str, Any]) -> dict[str, Any]:
    low, high, level = row["interval_low"], row["interval_high"], row["interval_level"]
    interval = None if low is None else {"low": low, "high": high, "level": level}
    first = ("id", "title", "rating", "p_accept", "p_correct", "status", "rank")
    last = ("ratings", "calibration", "doubts", "signals", "prior", "self_excluded", "after_cutoff")
    return {name: row[name] for name in first} | {"interval": interval} | {name: row[name] for name in last}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    signals = row["signals"] or {}
    flat = {name: row[name] if name in row else signals.get(name) for name in _COLUMNS}
    return {
        name: json.dumps(value, ensure_ascii=False) if isinstance(value, list) else value
        for name, value in flat.items()
    }
