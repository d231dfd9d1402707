"""Malformed records between good ones, and compressed files that are cut off."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.faults.commands import add_arguments, run_command
from benchmarks.faults.findings import Findings
from benchmarks.faults.made import HashedWords, make_paper
from guide.corpus.records import parse_paper
from guide.corpus.store import Store
from guide.corpus.verify import verify


def _named_by_id(lines: list[bytes], place: str, named: list[str]) -> bool:
    """Whether a record that is whole in itself, and at odds with an earlier one, is named by its id."""
    try:
        record = json.loads(lines[int(place.rsplit(":", 1)[1]) - 1])
    except ValueError:
        return False
    return isinstance(record, dict) and f"paper {record.get('id')!r}" in named


def feed_malformed(folder: Path) -> Findings:
    """Add files with every kind of unusable record between good ones."""
    findings = Findings()
    good = [json.dumps(make_paper(number)).encode() for number in range(40)]
    base = make_paper(900)
    bad: list[bytes] = [
        b'{"id": "made:900", "title": ',
        b"[1, 2]",
        b'"a string"',
        b"\xff\xfe not UTF-8",
        b"[" * 100_000,
        *(json.dumps({key: value for key, value in base.items() if key != gone}).encode()
          for gone in ("id", "title", "abstract", "year")),
        json.dumps({**base, "year": "2020"}).encode(),
        json.dumps({**base, "year": 10**30}).encode(),
        json.dumps({**base, "abstract": "long " * 2_100_000}).encode(),
        json.dumps({**base, "abstract": "a NUL \x00 in it"}).encode(),
        json.dumps({**base, "id": "made:\x00"}).encode(),
        json.dumps({**base, "title": "half a letter \ud800"}).encode(),
        json.dumps({**base, "keywords": ["\udfff"]}).encode(),
        json.dumps({**base, "keywords": [{}]}).encode(),
        json.dumps({**base, "ratings": [float("nan")]}).encode(),
        json.dumps({**make_paper(3), "title": "The same id with other content"}).encode(),
    ]  # fmt: skip
    repeated = [good[5], good[6], good[6]]
    lines, expected = list(good[:7]), []
    for number, line in enumerate(bad):
        lines += [line, good[7 + number]]
    lines += [b"", b"   ", *repeated, *good[7 + len(bad) :]]
    file = folder / "malformed.jsonl"
    expected = [f"{file}:{number}" for number, line in enumerate(lines, 1) if line in bad]
    file.write_bytes(b"\n".join(lines))
    path = folder / "fed"
    outcome = run_command(folder, *add_arguments(file, path), store=path)
    if not findings.check(outcome.status == 0, f"malformed records stop the add: {outcome.err[-400:]}"):
        return findings
    report = json.loads(outcome.out)
    # A record that is no Paper within the input is named by its id, for it is whole: the place is checked all the same.
    named = [item["where"] for item in report["skipped"]]
    missing = sorted(place for place in set(expected) - set(named) if not _named_by_id(lines, place, named))
    findings.check(len(named) == len(bad), f"{len(named)} skipped of {len(bad)} malformed")
    findings.check(
        not missing,
        f"not named by file and line: {[(one, lines[int(one.rsplit(':', 1)[1]) - 1][:60]) for one in missing]}",
    )
    findings.check(all(item["reason"] for item in report["skipped"]), "a record was skipped without a reason")
    findings.check(report["duplicates"] == len(repeated), f"{report['duplicates']} duplicates of {len(repeated)}")
    findings.counts["malformed"] = len(named)
    due = {paper.id: paper.content_hash for paper in map(parse_paper, map(json.loads, good))}
    _check_fed(path, due, findings, "malformed")
    _feed_cut_gzip(folder, good, findings)
    return findings


def _feed_cut_gzip(folder: Path, good: Sequence[bytes], findings: Findings) -> None:
    whole = gzip.compress(b"\n".join(good), mtime=0)
    for share in (0.3, 0.7, 0.999):
        file = folder / f"cut-{share}.jsonl.gz"
        file.write_bytes(whole[: int(len(whole) * share)])
        path = folder / f"fed-{share}"
        outcome = run_command(folder, *add_arguments(file, path), store=path)
        if not findings.check(outcome.status == 0, f"a cut gzip file stops the add: {outcome.err[-300:]}"):
            continue
        report = json.loads(outcome.out)
        told = any(str(file) in item["where"] and "cut off" in item["reason"] for item in report["skipped"])
        findings.check(told, f"nothing says that {file.name} is cut off: {report['skipped']}")
        findings.counts["cut_gzip"] += 1
        first = [parse_paper(json.loads(line)) for line in good[: report["added"]]]
        _check_fed(path, {paper.id: paper.content_hash for paper in first}, findings, file.name)


def _check_fed(path: Path, due: dict[str, str], findings: Findings, what: str) -> None:
    with Store.open(path) as store:
        held = {paper.id: paper.content_hash for paper in store.export()}
    findings.check(
        held == due, f"{what}: {len(set(due) - set(held))} good papers lost, {len(set(held) - set(due))} others in"
    )
    report = verify(path, encoder=HashedWords())
    findings.check(not report.problems, f"{what}: verify finds {report.problems}")
