"""Ingests on disks that are too small, which are then enlarged."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.commands import Outcome, add_arguments, run_command
from benchmarks.faults.findings import INTERRUPTED, Findings
from benchmarks.faults.made import HashedWords, write_sources
from benchmarks.faults.stores import content_hash, run_calmly
from guide.corpus.store import Store
from guide.corpus.verify import verify
from guide.errors import StoreError


@contextmanager
def _small_disk(folder: Path, size: int) -> Iterator[bool]:
    """A file system of `size` bytes in `folder`; gives False where mounting is not permitted."""
    folder.mkdir(parents=True, exist_ok=True)
    command = shutil.which("mount")
    done = (
        command
        and not subprocess.run(
            [command, "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
    )
    try:
        yield bool(done)
    finally:
        if done:
            subprocess.run(["umount", str(folder)], check=True)


def fill_disks(folder: Path, *, count: int, shares: Sequence[float]) -> Findings:
    """Add on disks of these shares of what a calm run leaves, then enlarge them and add again."""
    findings = Findings()
    files = write_sources(folder / "sources", count)
    calm = run_calmly(folder / "calm", files, "flat", real=False)
    needed = sum(file.stat().st_size for file in (folder / "calm").rglob("*") if file.is_file())
    for share in shares:
        disk = folder / "disk"
        with _small_disk(disk, int(needed * share)) as mounted:
            if not mounted:
                findings.counts["skipped_for_want_of_the_right_to_mount"] += 1
                return findings
            path = disk / "store"
            for file in files:
                outcome = run_command(folder, *add_arguments(file, path, "flat"), store=path)
                if outcome.status:
                    findings.counts["disks_full"] += 1
                    _check_full(path, outcome, share, findings)
                    break
            enlarged = ["mount", "-o", f"remount,size={needed * 20}", str(disk)]
            subprocess.run(enlarged, check=True, capture_output=True)
            for file in files:
                again = run_command(folder, *add_arguments(file, path, "flat"), store=path)
                findings.check(again.status == 0, f"disk of {share}: with room it still fails: {again.err[-300:]}")
            ended = content_hash(path) if not again.status else "none"
            findings.check(ended == calm.hash, f"disk of {share}: the content ends as {ended}")
            report = verify(path, encoder=HashedWords())
            findings.check(not report.problems, f"disk of {share}: in the end verify finds {report.problems}")
            findings.counts["completed"] += ended == calm.hash
    return findings


def _check_full(path: Path, outcome: Outcome, share: float, findings: Findings) -> None:
    said = outcome.err.strip()[-300:]
    findings.check(outcome.is_one_line and outcome.status == 1, f"disk of {share}: not one line and status 1: {said}")
    findings.check("disk is full" in outcome.err, f"disk of {share}: the error does not say so: {said}")
    if not (path / "manifest.json").exists():
        findings.counts["disks_too_small_for_a_store"] += 1
        return
    try:
        with Store.open(path) as store:
            sum(1 for _ in store.export())
        damage = [problem for problem in verify(path).problems if not INTERRUPTED.search(problem.what)]
        findings.check(not damage, f"disk of {share}: verify finds {damage}")
    except StoreError as error:
        findings.check(False, f"disk of {share}: the store on the full disk cannot be read: {error}")
