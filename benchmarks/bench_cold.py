"""A cold review: processor seconds, wall seconds and peak memory of whole processes, beside another installation's.

    python benchmarks/bench_cold.py --previous OTHER/bin/guide

Runs the commands in turn, so that a busy machine slows both alike, and prints the medians as one JSON line.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMANDS = {"review": ["review", str(ROOT / "examples" / "idea.md")], "help": ["--help"]}


@dataclass(frozen=True, slots=True)
class Cost:
    """What one process took.

    Attributes:
        processor: seconds of processor time, of user and system together.
        wall: seconds on the clock.
        megabytes: peak resident memory.
    """

    processor: float
    wall: float
    megabytes: float


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--previous", help="the command `guide` of an earlier release, to measure beside this one")
    options = parser.parse_args()
    programs = {"this": [sys.executable, "-m", "guide.cli"]}
    if options.previous:
        programs["previous"] = [options.previous]
    found = {(program, command): [] for program in programs for command in COMMANDS}
    for number in range(options.runs + 1):
        for program, command in found:
            cost = run([*programs[program], *COMMANDS[command]])
            if number:  # the first run of each only warms the disk's cache
                found[program, command].append(cost)
    print(json.dumps({f"{command}, {program}": asdict(median(costs)) for (program, command), costs in found.items()}))


def run(command: list[str]) -> Cost:
    """Run a command to its end. Raises CalledProcessError where it fails."""
    begun = time.perf_counter()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - begun
    if status:
        raise subprocess.CalledProcessError(os.waitstatus_to_exitcode(status), command)
    return Cost(usage.ru_utime + usage.ru_stime, wall, usage.ru_maxrss / 1024)


def median(costs: list[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(
        round(statistics.median(cost.processor for cost in costs), 2),
        round(statistics.median(cost.wall for cost in costs), 2),
        round(statistics.median(cost.megabytes for cost in costs)),
    )


if __name__ == "__main__":
    main()
