"""Batch scoring: no row is lost, doubled or under another's title, whenever the run is stopped.

The input is put down first, then its texts are judged a unit at a time, each unit kept in one transaction, and the
files are written last from what is kept. A second run computes only what is missing. The student judges every text by
itself on one thread, so it does not matter what a text was judged beside, by which worker, or in which run: the files
are the same to the byte.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from guide import __version__
from guide.errors import InputError
from guide.scoring.files import resolve_outputs, write_csv, write_jsonl
from guide.scoring.judging import Judging, requests_of
from guide.scoring.outcomes import Setup
from guide.scoring.results import Listing, Results, Ties
from guide.scoring.workers import Crew, OneProcess, Processes, choose_workers

if TYPE_CHECKING:
    from guide.scoring.forecast import Forecast
    from guide.scoring.outcomes import Identity
    from guide.text.submissions import Submission, Unreadable

_ALONE_AT_ONCE = 32  # submissions kept in one transaction: half a second's work
_TOGETHER_AT_ONCE = 64  # asked of a language model at a time


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """What came of a batch.

    Attributes:
        records: in the input.
        judged: of them, with a judgement.
        failed: of them, without.
        reasons: why not, counted.
        computed: texts judged by this run.
        kept: texts judged by earlier runs.
        repeats: records whose text stands earlier in the input; they share its judgement.
        ties: records that share their rank with another.
        self_excluded: papers of the store left out, over all records, because they are the submission itself.
        after_cutoff: papers of the store brought up and left out, over all records, because they are too late.
        seconds: wall time, loading included.
        rate: texts judged a second of it.
        engine: name of the engine.
        spent: what a language model was made to do for it; "" for other engines.
        written: the files.
    """

    records: int
    judged: int
    failed: int
    reasons: dict[str, int]
    computed: int
    kept: int
    repeats: int
    ties: Ties
    self_excluded: int
    after_cutoff: int
    seconds: float
    rate: float
    engine: str
    spent: str
    written: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run would do.

    Attributes:
        listing: what the input holds.
        kept: texts judged by earlier runs under the same options.
        pending: texts to judge.
        forecast: what that would take.
    """

    listing: Listing
    kept: int
    pending: int
    forecast: Forecast


def score_submissions(
    records: Iterable[Submission | Unreadable],
    out: Path,
    *,
    setup: Setup | None = None,
    workers: int | None = None,
    ray: str | None = None,
    retry_failed: bool = True,
) -> ScoreReport:
    """Judge submissions and write a row for every record, in order.

    Args:
        records: what to judge, and what cannot be, with the reason.
        out: see `resolve_outputs`.
        setup: who judges and how.
        workers: processes to judge with; None chooses.
        ray: address of a Ray cluster to judge on.
        retry_failed: whether a text that failed in an earlier run is tried again.

    Raises:
        InputError: there are no records, or something that was asked for cannot be used.
        GuideError: the results cannot be read or written, or a worker died. What was judged is kept.
    """
    begun = time.perf_counter()
    setup = _absolute(setup or Setup())
    # Read before anything is made: a source that is not there leaves nothing behind.
    records = _begun(records)
    with ExitStack() as stack:
        outputs = stack.enter_context(resolve_outputs(out))
        outputs.database.parent.mkdir(exist_ok=True)
        results = stack.enter_context(Results(outputs.database))
        listing = _enter(results, records)
        crew = stack.enter_context(_crew(setup, listing.texts, workers, ray))
        settings = results.settings(_content(setup, crew.identity), _asked(setup))
        pending = results.settle(settings, retry_failed=retry_failed)
        _judge(results, crew, settings, pending, setup)
        if outputs.jsonl is not None:
            write_jsonl(outputs.jsonl, results.rows())
        if outputs.csv is not None:
            write_csv(outputs.csv, results.rows())
        seconds = time.perf_counter() - begun
        statuses = results.statuses()
        itself, late = results.left_out()
        judged = statuses.pop("ok", 0)
        return ScoreReport(
            records=listing.records,
            judged=judged,
            failed=listing.records - judged,
            reasons=statuses,
            computed=pending,
            kept=listing.texts - pending,
            repeats=listing.repeats,
            ties=results.ties(),
            self_excluded=itself,
            after_cutoff=late,
            seconds=seconds,
            rate=pending / seconds,
            engine=crew.identity.engine,
            spent=crew.spent,
            written=tuple(map(str, outputs.written)),
        )


def plan_scoring(
    records: Iterable[Submission | Unreadable], out: Path, *, setup: Setup | None = None, retry_failed: bool = True
) -> Plan:
    """What `score_submissions` would do, without loading an engine or writing anything (see there).

    Whether the engine or the store changed since an earlier run is not looked into: then more is to be judged.
    """
    from guide.scoring.forecast import forecast

    setup = _absolute(setup or Setup())
    with ExitStack() as stack:
        outputs = stack.enter_context(resolve_outputs(out))
        database = outputs.database
        # An empty file is what a run leaves that was killed at its very beginning.
        if not database.is_file() or not database.stat().st_size:
            database = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="guide-"))) / "scores.db"
        results = stack.enter_context(Results(database))
        with results.undone():
            listing = _enter(results, records)
            known = results.settings_asked(_asked(setup))
            pending = listing.texts if known is None else results.settle(known, retry_failed=retry_failed)
            texts = (one for unit in results.pending(_TOGETHER_AT_ONCE) for one in unit)
            told = forecast(setup.engine, list(requests_of(texts, setup)))
        return Plan(listing, listing.texts - pending, pending, told)


def _enter(results: Results, records: Iterable[Submission | Unreadable]) -> Listing:
    from tqdm import tqdm

    shown = tqdm(records, desc="reading", unit="record", delay=2, disable=None, file=sys.stderr)
    return results.enter(shown)


def _begun(records: Iterable[Submission | Unreadable]) -> Iterator[Submission | Unreadable]:
    """The records, the first of them read. Raises InputError where there is none."""
    waiting = iter(records)
    first = next(waiting, None)
    if first is None:
        fix = "Give JSON lines or CSV with title and abstract, or a folder of texts."
        raise InputError("there are no records", fix=fix)
    return chain([first], waiting)


def _judge(results: Results, crew: Crew, settings: int, pending: int, setup: Setup) -> None:
    from tqdm import tqdm

    size = _ALONE_AT_ONCE if setup.alone else _TOGETHER_AT_ONCE
    bar = tqdm(total=pending, desc="scoring", unit="text", delay=2, disable=None, file=sys.stderr)
    with bar:
        for unit, outcomes in crew.run(results.pending(size)):
            results.record(settings, unit, outcomes)
            bar.update(len(unit))


@contextmanager
def _crew(setup: Setup, texts: int, workers: int | None, ray: str | None) -> Iterator[Crew]:
    if ray is not None:
        from guide.scoring.distributed import OnRay

        with OnRay(setup, ray, workers) as on_ray:
            yield on_ray
        return
    count = choose_workers(setup, texts) if workers is None else workers
    if count == 1:
        with Judging(setup) as judging:
            yield OneProcess(judging)
        return
    if setup.engine.max_tokens_total is not None:
        raise InputError(
            "a cap on tokens cannot be kept by several workers", fix="Leave out --workers, or --max-tokens-total."
        )
    with Processes(setup, count) as processes:
        yield processes


def _content(setup: Setup, identity: Identity) -> dict[str, Any]:
    """All but the text that a row depends on, by content."""
    return {
        "guide": __version__,
        **asdict(identity),
        "model": setup.engine.model,
        "venue": setup.venue,
        "cutoff": setup.cutoff,
        "form": setup.form,
        "count": setup.count,
    }


def _asked(setup: Setup) -> dict[str, Any]:
    """The options as the user gave them."""
    asked = asdict(setup)
    asked["engine"]["calibration"] = setup.engine.calibration and str(setup.engine.calibration)
    return asked


def _absolute(setup: Setup) -> Setup:
    """The setup with paths that hold in a worker, which may stand in another folder."""
    calibration = setup.engine.calibration and setup.engine.calibration.resolve()
    store = setup.store and str(Path(setup.store).resolve())
    return replace(setup, store=store, engine=replace(setup.engine, calibration=calibration))
