"""What keeps a command from its store: another program, another embedder, a file in its place, missing rights."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.faults.commands import add_arguments, run_command
from benchmarks.faults.findings import Findings
from benchmarks.faults.made import HashedWords
from benchmarks.faults.stores import Sample, copy_store, read_answers
from guide.corpus.store import Store

_NOBODY = 65_534  # a user other than root, who may read everything


def get_in_the_way(folder: Path, sample: Sample) -> Findings:
    """A second writer, another embedder, a file for a folder, and a folder that may not be read."""
    findings = Findings()
    path = copy_store(sample, folder / "busy")
    _write_beside_a_writer(folder, path, sample, findings)
    _come_with_another_embedder(folder, path, sample, findings)
    _name_a_file(folder, sample, findings)
    if os.getuid():
        findings.counts["unreadable_skipped_not_root"] += 1
        return findings
    _take_rights_away(folder, path, sample, findings)
    findings.check(read_answers(path) == sample.answers, "in the end the store gives other answers")
    return findings


def _write_beside_a_writer(folder: Path, path: Path, sample: Sample, findings: Findings) -> None:
    with Store.create_or_open(path, HashedWords()):
        second = run_command(folder, *add_arguments(sample.files[0], path), store=path)
        findings.check(second.is_one_line and "another program" in second.err, f"second writer: {second}")
        findings.check(read_answers(path) == sample.answers, "beside a writer a reader gets other answers")
        checked = run_command(folder, "corpus", "verify", "--store", str(path), "--json", store=path)
        findings.check(checked.is_one_line, f"verify beside a writer: {checked}")


def _come_with_another_embedder(folder: Path, path: Path, sample: Sample, findings: Findings) -> None:
    for command in (("search", "speech"), ("add", str(sample.files[0])), ("verify",)):
        told = run_command(folder, "corpus", *command, "--store", str(path), "--json", store=path, encoder="made/other")
        seen = told.err if command[0] != "verify" else told.out
        both = "made/words" in seen and "made/other" in seen
        findings.check(told.status == 1 and both, f"another embedder, {command[0]}: {told}")
        findings.counts["other_embedder"] += 1
    findings.check(read_answers(path) == sample.answers, "another embedder changed the store")


def _name_a_file(folder: Path, sample: Sample, findings: Findings) -> None:
    file = folder / "file"
    file.write_text("no folder", encoding="utf-8")
    for command in _commands(sample):
        told = run_command(folder, "corpus", *command, "--store", str(file), "--json", store=file)
        findings.check(told.is_one_line and str(file) in told.err, f"a file for a folder, {command[0]}: {told}")
        findings.counts["file_for_folder"] += 1


def _take_rights_away(folder: Path, path: Path, sample: Sample, findings: Findings) -> None:
    for mode, place in ((0o000, path), (0o000, path / "papers.db"), (0o000, path / "vectors"), (0o555, path)):
        kept = place.stat().st_mode
        place.chmod(mode)
        for command in _commands(sample):
            if mode == 0o555 and command[0] != "add":
                continue
            told = run_command(folder, "corpus", *command, "--store", str(path), "--json", store=path, user=_NOBODY)
            named = told.is_one_line and str(path) in told.err
            if command[0] == "verify" and told.status == 1 and told.out:
                named = "Permission denied" in told.out
            findings.check(
                named, f"{place.name or 'store'} with mode {mode:o}, {command[0]}: {told.status} {told.err[-400:]}"
            )
            findings.counts["unreadable"] += 1
        place.chmod(kept)


def _commands(sample: Sample) -> tuple[tuple[str, ...], ...]:
    return ("info",), ("search", "speech"), ("add", str(sample.files[0])), ("verify",)
