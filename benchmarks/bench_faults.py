"""Kill, fill up, flip, cut off and swap what a store is made of, and print one JSON line of how it bore it.

The papers are made up. Most commands run in forked processes with an encoder that hashes words, which is quick and
the same everywhere; `--real-kills` of the kills hit the installed command with its own encoder. Exit status 1 if a
committed paper was lost, a run ended with another content, or a damaged store gave a wrong answer without a word.

Example:
    python benchmarks/bench_faults.py --kills 50 --papers 1500
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.faults.damaged_files import cut_files, flip_bytes, flip_records
from benchmarks.faults.disks import fill_disks
from benchmarks.faults.findings import Findings
from benchmarks.faults.kills import kill_often
from benchmarks.faults.malformed import feed_malformed
from benchmarks.faults.obstacles import get_in_the_way
from benchmarks.faults.stores import build_sample

_SHARES = (0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.1, 1.3, 1.6, 2.0)  # sizes of a disk, by what a store needs


def main() -> None:
    """Read the options, do the damage, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50, help="kills in all")
    parser.add_argument("--real-kills", type=int, default=5, help="of these, of the installed command with its encoder")
    parser.add_argument("--papers", type=int, default=1_500, help="papers of a killed ingest")
    parser.add_argument("--real-papers", type=int, default=150, help="papers where the real encoder embeds them")
    parser.add_argument("--flips", type=int, default=60, help="bytes flipped at random in papers.db")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    begun = time.perf_counter()
    line: dict[str, Any] = {"papers": options.papers, "seed": options.seed}
    failures: list[str] = []
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        folder.chmod(0o711)  # another user is to meet the store's own permissions, not those of its parent
        for name, found in do_damage(folder, options):
            line[name] = dict(found.counts)
            failures += [f"{name}: {failure}" for failure in found.failures]

    def total(count: str, *parts: str) -> int:
        return sum(line[part].get(count, 0) for part in parts)

    killed = ("kills", "real_kills")
    line |= {
        "kills_survived": total("kills", *killed),
        "hash_equal": f"{total('hash_equal', *killed)}/{total('runs', *killed)}",
        "papers_lost": total("papers_lost", *killed),
        "silent_failures": total("silent", "flips", "record_flips", "cuts"),
        "failed": len(failures),
        "failures": failures[:40],
        "seconds": round(time.perf_counter() - begun, 1),
    }
    print(json.dumps(line))
    sys.exit(bool(failures))


def do_damage(folder: Path, options: argparse.Namespace) -> Iterator[tuple[str, Findings]]:
    """Every part of the bench, by the name it has in the line that is printed."""
    seed, real_kills = options.seed, options.real_kills
    yield "kills", kill_often(folder / "kills", kills=options.kills - real_kills, count=options.papers, seed=seed)
    yield (
        "real_kills",
        kill_often(folder / "real", kills=real_kills, count=options.real_papers, seed=seed, real=True)
        if real_kills
        else Findings(),
    )
    yield "full_disk", fill_disks(folder / "full", count=800, shares=_SHARES)
    yield "malformed", feed_malformed(folder)
    sample = build_sample(folder, 400)
    yield "flips", flip_bytes(folder, sample, in_database=options.flips, elsewhere=12, seed=seed)
    yield "record_flips", flip_records(sample, records=40)
    yield "cuts", cut_files(folder, sample)
    yield "in_the_way", get_in_the_way(folder, sample)


if __name__ == "__main__":
    main()
