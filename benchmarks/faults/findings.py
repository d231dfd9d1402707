"""What went wrong, counted and in words; and the verdict on a damaged store."""

from __future__ import annotations

import dataclasses
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from benchmarks.faults.commands import add_arguments, run_command
from benchmarks.faults.made import HashedWords
from benchmarks.faults.stores import Answers, Sample, content_hash, read_answers
from guide.corpus.verify import VerifyReport, verify
from guide.errors import StoreError

# What an interrupted run may leave: `verify` names these and the next `add` mends them.
INTERRUPTED = re.compile(
    r"an interrupted ingest|a killed program left it|without vectors, \d+ vectors without paper, 0 twice"
)
Verdict = Literal["refused", "reported", "harmless", "silent", "crashed"]


@dataclass(slots=True)
class Findings:
    """Counts by name, and one line for everything that failed."""

    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def check(self, holds: object, what: str) -> bool:
        """Note a failure unless `holds`."""
        if not holds:
            self.failures.append(what)
        return bool(holds)


def judge(path: Path, sample: Sample, findings: Findings, what: str) -> Verdict:
    """What a damaged copy of the sample does when it is asked, verified and repaired."""
    answers: Answers | None = None
    verdict: Verdict = "harmless"
    try:
        try:
            answers = read_answers(path)
        except StoreError as error:
            verdict = "refused"
            named = str(path) in (error.where or "") and error.fix
            findings.check(named, f"{what}: the error names no file or no mend: {error}")
        report: VerifyReport | None = None
        try:
            report = verify(path, encoder=HashedWords())
        except StoreError as error:
            verdict = "refused"
            findings.check(error.fix, f"{what}: verify's error names no mend: {error}")
        if report is not None and not report.ok:
            verdict = "reported" if answers is not None else "refused"
        elif report is not None and answers is None:
            findings.check(False, f"{what}: the store does not answer and verify calls it sound")
        elif report is not None and answers is not None and answers != sample.answers:
            verdict = "silent"
            differing = [one.name for one in dataclasses.fields(Answers)
                         if getattr(answers, one.name) != getattr(sample.answers, one.name)]  # fmt: skip
            findings.check(False, f"{what}: SILENT, verify calls it sound and {', '.join(differing)} differ")
        if verdict in ("refused", "reported"):
            _mend(path, sample, findings, what)
    except Exception as error:  # noqa: BLE001 - a traceback is a finding of this bench
        verdict = "crashed"
        findings.check(False, f"{what}: {type(error).__name__}: {error}")
    findings.counts[verdict] += 1
    return verdict


def _mend(path: Path, sample: Sample, findings: Findings, what: str) -> None:
    """Do what the errors say; the store must end as the sample is."""
    encoder = HashedWords()
    try:
        ok, said = verify(path, repair=True, encoder=encoder).ok, ""
        if not ok:
            said = " ".join(problem.what for problem in verify(path, encoder=encoder).problems)
    except StoreError as error:
        ok, said = False, str(error)
    if not ok and re.search("build the store again|[Bb]uild a new store|copy|NEW_DIR", said):
        # Only the database cannot be derived from anything.
        findings.check("papers.db" in what, f"{what}: to be built again: {said}")
        findings.counts["mended_by_building_again"] += 1
        return
    for file in sample.files if not ok else ():
        again = run_command(path.parent, *add_arguments(file, path), store=path)
        if not findings.check(again.status == 0, f"{what}: {said[:200]}, but adding again fails: {again.err[-300:]}"):
            return
    ended = verify(path, encoder=encoder)
    findings.check(ended.ok, f"{what}: after the mending verify finds {ended.problems}")
    findings.check(content_hash(path) == sample.hash, f"{what}: after the mending the content is another")
    answers = read_answers(path)
    findings.check(answers.papers == sample.answers.papers, f"{what}: after the mending the papers are others")
    findings.check(answers.texts == sample.answers.texts, f"{what}: after the mending the shortened texts are others")
    facts, due = json.loads(answers.facts), json.loads(sample.answers.facts)
    if facts["mark"] is None:
        # A mark cannot be made again: the source begins at its start, which loses time and no paper.
        findings.counts["marks_given_up"] += 1
        due["mark"] = None
    findings.check(facts == due, f"{what}: after the mending info, mark or settings are others")
    findings.counts["mended"] += ended.ok
