"""Ingests killed with SIGKILL: what the store holds then, and what resumed runs end with."""

from __future__ import annotations

import random
import shutil
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.faults.commands import Order, Running, add_arguments
from benchmarks.faults.findings import INTERRUPTED, Findings
from benchmarks.faults.made import HashedWords, write_sources
from benchmarks.faults.stores import AIMS, CalmRun, content_hash, read_answers, run_calmly
from guide.corpus.encoders import load_encoder
from guide.corpus.records import Paper, read_records
from guide.corpus.store import Store
from guide.corpus.verify import verify
from guide.errors import StoreError

# Flat vectors, and a trained layout as in a large store.
LAYOUTS = ("flat", "PCAR24,IVF4,RaBitQ4")


def kill_often(folder: Path, *, kills: int, count: int, seed: int, real: bool = False) -> Findings:
    """Kill ingests until `kills` are done, checking the store after each, and every run that completes."""
    rng = random.Random(seed)  # noqa: S311 - moments to kill at
    findings = Findings()
    files = write_sources(folder / "sources", count)
    calm = {layout: run_calmly(folder / f"calm-{place}", files, layout, real=real)
            for place, layout in enumerate(LAYOUTS[: 1 if real else 2])}  # fmt: skip
    findings.check(len({one.hash for one in calm.values()}) == 1, "the layout of the vectors changes the content hash")
    while findings.counts["kills"] < kills:
        layout = LAYOUTS[findings.counts["runs"] % len(calm)]
        path = folder / "killed"
        shutil.rmtree(path, ignore_errors=True)
        completed = _run_killed(path, files, layout, calm[layout], kills, rng, findings, real=real)
        findings.counts["runs"] += 1
        shown = f"run {findings.counts['runs']}"
        if not completed:
            # What cannot add cannot be killed while it adds: another try might never end.
            break
        if not findings.check(content_hash(path) == calm[layout].hash, f"{shown} ends with {content_hash(path)}"):
            continue
        findings.counts["hash_equal"] += 1
        # The real encoder would take longer to compare a few vectors than the run to be killed.
        report = verify(path, encoder=None if real else HashedWords())
        findings.check(not report.problems, f"{shown} leaves {report.problems}")
        due = calm[layout].answers
        if due is None:
            continue
        answers = read_answers(path)
        findings.check(answers.papers == due.papers, f"{shown} has other papers")
        findings.check(answers.found == due.found, f"{shown} ({layout}) finds other papers")
    return findings


def _run_killed(
    path: Path, files: Iterable[Path], layout: str, calm: CalmRun, kills: int, rng: random.Random, findings: Findings,
    *, real: bool,
) -> bool:  # fmt: skip
    """Add the files, killing and resuming while kills are wanted; tells whether all of them got in."""
    held: dict[str, str] = {}
    for place, file in enumerate(files):
        due = {one.id: one.content_hash for one in read_records(file) if isinstance(one, Paper)}
        for attempt in range(1_000):
            armed = findings.counts["kills"] < kills
            aim = AIMS[findings.counts["tries"] % len(AIMS)] if armed and not real else "any"
            findings.counts["tries"] += 1
            steps, seconds = calm.steps[place], calm.seconds[place]
            kill_at = rng.randint(1, max(1, steps["step"])) if armed and aim == "step" else 0
            order = Order(add_arguments(file, path, layout), path.with_name("log"), path, kill_at)
            running = Running(order, real=real)
            if armed and aim in ("reading", "embedding"):
                # What is left after a kill has fewer steps: later tries wait for the first.
                running.wait_for(aim, rng.randint(1, max(1, steps[aim])) if attempt == 0 else 1)
                time.sleep(rng.uniform(0, seconds / max(4, steps[aim])))
            elif armed and aim == "indexing":
                running.wait_for(aim, 1)
                time.sleep(rng.uniform(0, seconds / 4))
            elif armed and aim == "any":
                time.sleep(rng.uniform(0, seconds if attempt == 0 else seconds / 2))
            if armed and aim != "step":
                running.kill()
            outcome = running.end()
            if outcome.status == 0:
                with Store.open(path) as store:
                    held = {paper.id: paper.content_hash for paper in store.export()}
                break
            if not findings.check(
                outcome.status == -signal.SIGKILL, f"an add after a kill fails: {outcome.err[-300:]}"
            ):
                return False
            findings.counts["kills"] += 1
            findings.counts[f"kills_{'real' if real else aim}"] += 1
            committed = list(due)[: max(0, running.last("reading") - 1) * 100] if not real else []
            held = check_killed(path, held, due, committed, findings, f"{file.name}, {aim} {kill_at or ''}", real=real)
    return True


def check_killed(
    path: Path, before: dict[str, str], due: dict[str, str], committed: Iterable[str], findings: Findings, when: str,
    *, real: bool = False,
) -> dict[str, str]:  # fmt: skip
    """What the store holds after a kill; nothing that was there before or was committed may be missing or altered.

    Args:
        path: the store's folder.
        before: content hashes by id of what it held before the killed run.
        due: the same, of the file that the killed run was adding.
        committed: ids of that file that were committed for certain.
        findings: takes what is wrong.
        when: names the kill in what is wrong.
        real: the store's embedder is the real one.
    """
    expected = set(before) | set(committed)
    try:
        with Store.open(path) as store:
            held = {paper.id: paper.content_hash for paper in store.export()}
    except StoreError as error:
        # A store that has no paper yet may be half made; then the error has to name what mends it.
        findings.counts["opened_too_young"] += 1
        findings.check(not expected, f"killed at {when}, the store does not open: {error}")
        findings.check("guide corpus" in (error.fix or ""), f"killed at {when}, the error names no command: {error}")
        if "verify" in (error.fix or ""):
            try:
                encoder = load_encoder() if real else HashedWords()
                mended = verify(path, repair=True, encoder=encoder).ok
            except StoreError as second:
                mended, error = False, second
            findings.check(
                mended, f"killed at {when}, the named verify --repair does not mend the young store: {error}"
            )
        return before
    lost = expected - set(held)
    findings.counts["papers_lost"] += len(lost)
    findings.check(not lost, f"killed at {when}, {len(lost)} committed papers are gone")
    altered = {
        one for one, content in held.items()
        if content != due.get(one) and (one not in before or before[one] != content)
    } | {one for one in set(before) & set(held) if before[one] == due.get(one) != held[one]}  # fmt: skip
    altered |= {one for one in set(committed) & set(held) if held[one] != due[one]}
    findings.check(not altered, f"killed at {when}, {len(altered)} papers are not what was added")
    try:
        report = verify(path)
    except StoreError as error:
        findings.check(False, f"killed at {when}, verify refuses: {error}")
        return held
    damage = [problem for problem in report.problems if not INTERRUPTED.search(problem.what)]
    findings.check(not damage, f"killed at {when}, verify finds damage: {damage}")
    return held
