"""Batch scoring: one line out for every record in, and the file whole or not at all."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from guide.atomic import replacing
from guide.calibration import DEFAULT_VENUE, Venue, parse_venue
from guide.corpus.jsonl import Skipped, read_jsonl
from guide.engines import Engine, JudgeRequest, Spends
from guide.engines.choice import STUDENT, EngineChoice, load_engine
from guide.engines.language import Failure
from guide.errors import InputError
from guide.instructions import without_instructions
from guide.leakage import strip_leaks
from guide.review import Judgement
from guide.sanitise import neutralise

_BATCH = 256


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """What came of a batch.

    Attributes:
        judged: records with a judgement.
        failed: records without.
        reasons: why not, counted.
        seconds: wall time, loading included.
        rate: records a second.
        spent: what a language model was made to do for it; "" for other engines.
    """

    judged: int
    failed: int
    reasons: dict[str, int]
    seconds: float
    rate: float
    spent: str = ""


@dataclass(frozen=True, slots=True)
class _Row:
    """One line to write; `text` is None where the record cannot be judged, and `status` then says why."""

    id: str
    title: str | None
    text: str | None
    status: str


def score_file(
    file: Path, out: Path, *, engine: EngineChoice = STUDENT, venue: str = DEFAULT_VENUE, limit: int | None = None
) -> ScoreReport:
    """Judge the records of `file` (JSON lines: id, title, abstract) and write a line for each to `out`, in order.

    A record without an id is named after its line; a second record of one id keeps its line, unjudged.

    Raises:
        InputError: `file` cannot be read or is empty, or `out` has no folder to be written in.
    """
    from tqdm import tqdm

    stated_for = parse_venue(venue)
    if not out.parent.is_dir():
        raise InputError("the folder to write in does not exist", where=out, fix=f"Make it: mkdir -p {out.parent}")
    begun = time.perf_counter()
    rows = islice(_rows(file), limit)
    first = next(rows, None)
    if first is None:
        raise InputError("the file has no records", where=file, fix="Give JSON lines with title and abstract.")
    loaded = load_engine(engine)
    reasons: Counter[str] = Counter()
    judged = failed = 0
    bar = tqdm(desc="scoring", unit="record", delay=2, disable=None, file=sys.stderr)
    with replacing(out) as temporary, temporary.open("w", encoding="utf-8") as handle, bar:
        batch = [first, *islice(rows, _BATCH - 1)]
        while batch:
            answers = _judge(batch, loaded, stated_for)
            for row in batch:
                answer = answers[row.id] if row.text is not None else Failure(row.status)
                handle.write(json.dumps(_line(row, answer), ensure_ascii=False) + "\n")
                if isinstance(answer, Failure):
                    failed += 1
                    reasons[answer.reason] += 1
                else:
                    judged += 1
            bar.update(len(batch))
            batch = list(islice(rows, _BATCH))
    seconds = time.perf_counter() - begun
    spent = loaded.spent if isinstance(loaded, Spends) else ""
    return ScoreReport(judged, failed, dict(reasons), seconds, (judged + failed) / seconds, spent)


def _rows(file: Path) -> Iterator[_Row]:
    seen: set[str] = set()
    for number, line in enumerate(read_jsonl(file), start=1):
        if isinstance(line, Skipped):
            yield _Row(f"record-{number}", None, None, f"error: {line.reason}")
            continue
        row = _row(f"line-{line[0]}", line[1])
        if row.id in seen:
            row = _Row(row.id, row.title, None, "error: the id is not unique")
        seen.add(row.id)
        yield row


def _row(place: str, record: dict[str, Any]) -> _Row:
    identifier = record.get("id")
    name = str(identifier) if isinstance(identifier, str | int) and identifier != "" else place
    title, abstract = record.get("title"), record.get("abstract")
    if not isinstance(title, str) or not title.strip():
        return _Row(name, None, None, "error: title is missing")
    title = _judged(title)
    if not isinstance(abstract, str) or not abstract.strip():
        return _Row(name, title, None, "error: abstract is missing")
    return _Row(name, title, " ".join(strip_leaks(_judged(abstract)).text.split()), "ok")


def _judged(text: str) -> str:
    """A text without hidden parts, control tokens and what speaks to the reviewer."""
    return " ".join(without_instructions(neutralise(text).text).text.split())


def _judge(batch: list[_Row], engine: Engine, venue: Venue) -> Mapping[str, Judgement | Failure]:
    return engine.judge(
        [JudgeRequest(row.id, row.title or "", row.text, venue) for row in batch if row.text is not None]
    )


def _line(row: _Row, answer: Judgement | Failure) -> dict[str, Any]:
    judgement = None if isinstance(answer, Failure) else answer
    return {
        "id": row.id,
        "title": row.title,
        "rating": judgement and judgement.rating,
        "p_accept": judgement and judgement.p_accept,
        "p_correct": judgement and judgement.p_correct,
        "status": answer.reason if isinstance(answer, Failure) else row.status,
    }
