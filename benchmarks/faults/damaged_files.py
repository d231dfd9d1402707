"""Damaged files of a store: bytes flipped in each, records altered, files cut off, gone or swapped."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.faults.findings import Findings, judge
from benchmarks.faults.stores import Sample, build_sample, copy_store, store_files
from guide.corpus.codec import Codec, DamagedRecordError
from guide.corpus.records import canonical


def flip_bytes(folder: Path, sample: Sample, *, in_database: int, elsewhere: int, seed: int) -> Findings:
    """Change one byte at a time of a copy: in the database at random, in its records, and in every other file."""
    rng = random.Random(seed)  # noqa: S311 - places to damage
    findings = Findings()
    for name in store_files(sample.path):
        data = (sample.path / name).read_bytes()
        if name == "papers.db":
            places = [(rng.randrange(len(data)), rng.randrange(1, 256)) for _ in range(in_database)]
            places += list(_aimed(sample.path / name, data, rng, in_database // 2))
        else:
            places = [(rng.randrange(len(data)), rng.randrange(1, 256)) for _ in range(elsewhere)]
        for at, mask in places:
            path = copy_store(sample, folder / "flipped")
            (path / name).write_bytes(data[:at] + bytes([data[at] ^ mask]) + data[at + 1 :])
            findings.counts["flips"] += 1
            findings.counts[f"flips_{name.split('-')[0]}"] += 1
            judge(path, sample, findings, f"{name} byte {at} ^ {mask:#04x}")
    return findings


def _aimed(file: Path, data: bytes, rng: random.Random, count: int) -> Iterator[tuple[int, int]]:
    """Places and masks in what is read but derived from nothing: papers, a setting, a source's mark."""
    for words in (b'"page":7', b"extractive"):
        at = data.find(words)
        if at >= 0:
            yield at + len(words) - 1, 1  # 7 becomes 6: still sound JSON
            yield at + len(words) - 1, 0xC0
    rows = _records(file)
    for _, blob, _ in rng.sample(rows, min(count, len(rows))):
        at = data.find(blob)
        if at >= 0:
            yield at + rng.randrange(len(blob)), rng.randrange(1, 256)
    for identifier, blob, _ in rng.sample(rows, min(count, len(rows))):
        # What a row has before its record: id, year, venue, month, content hash.
        at = data.find(blob)
        start = data.rfind(identifier.encode(), 0, at)
        if start >= 0:
            yield start, 1  # made: becomes lade: an id like any other, which no other paper has
            yield start + rng.randrange(at - start), rng.randrange(1, 256)


def flip_records(sample: Sample, *, records: int) -> Findings:
    """Change every byte of some packed records in turn: each must be refused, or its hash must tell."""
    findings = Findings()
    file = sample.path / "papers.db"
    with closing(sqlite3.connect(file)) as db:
        codec = Codec(dict(db.execute("SELECT dictionary, bytes FROM dictionaries")))
    silent = []
    for identifier, blob, dictionary in _records(file)[:records]:
        whole = json.loads(sample.answers.papers[identifier])
        columns = {name: whole[name] for name in ("year", "venue", "posted")}
        for at in range(len(blob)):
            findings.counts["record_flips"] += 1
            flipped = blob[:at] + bytes([blob[at] ^ 1]) + blob[at + 1 :]
            try:
                record = codec.unpack(flipped, dictionary, identifier=identifier, **columns)
            except DamagedRecordError:
                continue
            same_paper = canonical(dataclasses.asdict(record.paper)) == sample.answers.papers[identifier]
            if same_paper and canonical(dict(record.compressed)) != sample.answers.texts[identifier]:
                silent.append(f"{identifier} byte {at}")
    findings.counts["silent"] = len(silent)
    findings.check(
        not silent, f"shortened texts alter in silence, the papers' hashes stay: {len(silent)}, {silent[:3]}"
    )
    return findings


def _records(file: Path) -> list[tuple[str, bytes, int]]:
    with closing(sqlite3.connect(file)) as db:
        return db.execute("SELECT id, record, dictionary FROM papers ORDER BY row").fetchall()


def cut_files(
    folder: Path, sample: Sample, *, lengths: Sequence[float | None] = (0, 1, 100, 0.5, -1, None)
) -> Findings:
    """Cut each file at several lengths, remove each, and swap the vectors of another store in.

    Args:
        folder: to work in.
        sample: the store to damage copies of.
        lengths: in bytes, from the end if negative; below 1 a share of the file; None removes it.
    """
    findings = Findings()
    for name in store_files(sample.path):
        size = (sample.path / name).stat().st_size
        for wanted in lengths:
            length = None if wanted is None else int(wanted * size if 0 < wanted < 1 else wanted) + size * (wanted < 0)
            path = copy_store(sample, folder / "cut")
            if length is None:
                (path / name).unlink()
            else:
                os.truncate(path / name, length)
            findings.counts["cuts"] += 1
            if judge(path, sample, findings, f"{name} cut at {length}") == "harmless":
                # The last byte may be a newline, or the unused end of a page.
                findings.check(length == size - 1, f"{name} cut at {length}: not noticed")
    # As many papers, so that the rows are the same and only the vectors tell.
    count = len(sample.files[0].read_text(encoding="utf-8").splitlines())
    other = build_sample(folder, count, name="other", others=True)
    path = copy_store(sample, folder / "swapped")
    shutil.rmtree(path / "vectors")
    shutil.copytree(other.path / "vectors", path / "vectors")
    findings.counts["swaps"] += 1
    findings.check(judge(path, sample, findings, "vectors/ of another store") == "reported", "a swap is not reported")
    return findings
