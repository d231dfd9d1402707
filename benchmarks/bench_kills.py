"""Whether `guide score` loses a row: kill it at random moments, start it again, compare with an undisturbed run.

Prints one JSON line. The texts are made up and short. Most kills fall while texts are judged; every fourth one falls on
a run that has nothing left to judge, and so on loading, listing and writing. After each kill the database is checked,
and that no worker is left behind.

Example:
    python benchmarks/bench_kills.py --records 20000 --kills 20
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

_WORDS = (
    "deep sparse causal graph model learns robust small noisy label policy kernel image speech search proof".split()  # noqa: SIM905
)
ORPHAN_SECONDS = 60  # a worker ends when it has finished its unit


def main() -> None:
    """Read the options, run, print; exit status 1 if a row was lost, doubled or mis-titled."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=20_000)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run_kills(Path(folder), given.records, given.kills, given.workers, given.seed)
    sys.stdout.write(json.dumps({"benchmark": "kills", **found}) + "\n")
    sys.exit(0 if found["sound"] else 1)


def run_kills(folder: Path, records: int, kills: int, workers: int, seed: int) -> dict[str, Any]:
    """Score `records` made-up texts undisturbed, then killed `kills` times, and compare the two."""
    chance = random.Random(seed)  # noqa: S311 - no secrets
    file = folder / "in.jsonl"
    texts = write_texts(file, records, chance)
    (folder / "clean").mkdir()
    clean, killed = folder / "clean" / "out.jsonl", folder / "killed.jsonl"
    begun = time.perf_counter()
    _start(file, clean, workers).wait()
    undisturbed = time.perf_counter() - begun
    begun = time.perf_counter()
    # What a run takes that has nothing to judge: loading, listing, writing.
    _start(file, clean, workers).wait()
    empty = time.perf_counter() - begun
    judging = max(0.0, undisturbed - empty)
    last = kills // 4
    found: list[int] = []
    for number in range(kills):
        if number == kills - last:
            _start(file, killed, workers).wait()
        # So long that the kills together get through most of the judging, and hardly all of it.
        left = records - _kept(killed.with_suffix(".db"))
        longest = empty + 2.5 * judging / (kills - last) if left and number < kills - last else empty
        found.append(_kill_one(file, killed, workers, chance, longest))
    _start(file, killed, workers).wait()
    faults = compare(texts, killed)
    identical = clean.read_bytes() == killed.read_bytes()
    return {
        "records": records,
        "kills": kills,
        "workers": workers,
        "seed": seed,
        "undisturbed_seconds": round(undisturbed, 1),
        "rows_kept_at_each_kill": found,
        **faults,
        "identical": identical,
        "sound": identical and not any(faults.values()),
    }


def write_texts(file: Path, count: int, chance: random.Random) -> dict[str, str]:
    """Write made-up records; their titles by id, in order."""
    titles = {}
    with file.open("w", encoding="utf-8") as handle:
        for number in range(count):
            name = f"r{number}"
            titles[name] = f"Title {number} on {' '.join(chance.choices(_WORDS, k=2))}"
            text = f"We study {' '.join(chance.choices(_WORDS, k=8))} in case {number}."
            handle.write(json.dumps({"id": name, "title": titles[name], "abstract": text}) + "\n")
    return titles


def compare(titles: dict[str, str], out: Path) -> dict[str, int]:
    """Rows lost, doubled, out of order, under another's title, or without a judgement."""
    rows = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    seen = Counter(row["id"] for row in rows)
    return {
        "lost": sum(name not in seen for name in titles),
        "doubled": sum(count - 1 for count in seen.values()),
        "strange": sum(name not in titles for name in seen),
        "out_of_order": sum(row["id"] != name for row, name in zip(rows, titles, strict=False)),
        "mis_titled": sum(row["title"] != titles.get(row["id"]) for row in rows),
        "not_judged": sum(row["status"] != "ok" for row in rows),
    }


def _kill_one(file: Path, out: Path, workers: int, chance: random.Random, longest: float) -> int:
    """Kill a run at a random moment; how many rows were kept by then. A run that was done before is run again."""
    while True:
        process = _start(file, out, workers)
        time.sleep(chance.uniform(0, longest))
        if process.poll() is None:
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    _await_workers(process.pid)
    return _kept(out.with_suffix(".db"))


def _start(file: Path, out: Path, workers: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "guide.cli", "score", str(file), "--out", str(out), "--workers", str(workers)]
    # A group of its own, so that its workers can be told from others.
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)


def _await_workers(group: int) -> None:
    """Wait until nobody of the group lives. Raises TimeoutError if somebody still does after a while."""
    deadline = time.monotonic() + ORPHAN_SECONDS
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    raise TimeoutError(f"a worker outlives the run by {ORPHAN_SECONDS} seconds")


def _kept(database: Path) -> int:
    """How many judgements the database holds. Raises sqlite3.DatabaseError if it is damaged."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(database)) as db:
        (found,) = db.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(found)
        tables = db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'judgements'").fetchone()[0]
        return int(db.execute("SELECT count(*) FROM judgements").fetchone()[0]) if tables else 0


if __name__ == "__main__":
    main()
