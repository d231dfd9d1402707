"""The rate of `guide score` with the student and a store, where the time goes, and the bound that the processor sets.

Prints one JSON line. Texts and store are made up: texts of about 220 tokens, papers with as many words whose vectors
are random, which cost a search what real ones do. The machine may be shared: so the rate is given by wall clock and by
the processor time that was really had, and the processor's peak is measured in turn with the profile, by a matrix
product of the encoder's own shape. `rate` and `rate_by_processor_time` hold the loading of every worker;
`rate_without_loading` is what the profile comes to, the rate of a long run.

Example:
    python benchmarks/bench_scoring.py --records 1000 --papers 10000
"""

from __future__ import annotations

import argparse
import functools
import json
import random
import resource
import statistics
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from guide.corpus.encoder import SpanVectors, normalise
from guide.corpus.minilm.model import MINILM_ID, MINILM_SHA256, load_minilm
from guide.corpus.records import Paper
from guide.corpus.store import Store
from guide.scoring.batch import score_submissions
from guide.scoring.judging import Judging
from guide.scoring.outcomes import Setup
from guide.scoring.workers import usable_cores
from guide.text.submissions import Submission, read_submissions

TOKENS = 220
WIDTH, LAYERS, INNER = 384, 6, 1536
SLICE = 64  # texts profiled between two measurements of the peak


def main() -> None:
    """Read the options, build, run, profile, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000)
    parser.add_argument("--papers", type=int, default=10_000, help="in the store that is made up")
    parser.add_argument("--store", type=Path, help="search this store instead")
    parser.add_argument("--workers", type=int, default=usable_cores())
    parser.add_argument("--profiled", type=int, default=256, help="texts to profile, on one core")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = given.store or make_store(folder / "store", given.papers)
        file = folder / "texts.jsonl"
        write_texts(file, given.records)
        setup = Setup(store=str(store))
        children, own = _processor_seconds()
        report = score_submissions(
            read_submissions(str(file)), folder / "out.jsonl", setup=setup, workers=given.workers
        )
        spent = [after - before for after, before in zip(_processor_seconds(), (children, own), strict=True)]
        records = [one for one in read_submissions(str(file), limit=given.profiled) if isinstance(one, Submission)]
        profile = profile_stages(setup, records)
        with Store.open(store) as opened:
            papers = opened.count
    flop = flop_a_text(profile["tokens"])
    line = {
        "benchmark": "scoring",
        "records": given.records,
        "judged": report.judged,
        "papers": papers,
        "workers": given.workers,
        "seconds": round(report.seconds, 1),
        "rate": round(report.rate, 1),
        "processor_seconds": round(sum(spent), 1),
        "rate_by_processor_time": round(given.records * given.workers / sum(spent), 1),
        "rate_without_loading": round(given.workers * 1000 / sum(profile["stages"].values()), 1),
        "profile_ms_a_text": profile["stages"],
        "encoded_a_text": profile["encoded"],
        "tokens_a_text": profile["tokens"],
        "gflop_a_text": round(flop / 1e9, 2),
        "peak_gflops_a_core": profile["peak"],
        "bound_by_peak": round(given.workers * profile["peak"] * 1e9 / flop, 1),
    }
    sys.stdout.write(json.dumps(line) + "\n")


def flop_a_text(tokens: float) -> float:
    """Multiplications and additions of one pass of MiniLM over a window of so many tokens."""
    matrices = 4 * WIDTH * WIDTH + 2 * WIDTH * INNER
    return LAYERS * (2 * tokens * matrices + 4 * tokens * tokens * WIDTH)


def profile_stages(setup: Setup, records: Sequence[Submission]) -> dict[str, Any]:
    """Processor milliseconds a text by stage on one core, and the peak measured in between."""
    from guide.corpus.lexical import Lexicon
    from guide.corpus.minilm.model import MiniLM
    from guide.corpus.vectors import VectorIndex
    from guide.scoring.results import Results
    from guide.student.engine import StudentEngine
    from guide.student.features import Vocabulary

    watch = Stopwatch()
    watch.over(MiniLM, "_run", "embedding")
    watch.over(Lexicon, "search", "words of the store")
    watch.over(VectorIndex, "search", "vectors of the store")
    watch.over(VectorIndex, "cosines", "vectors of the store")
    watch.over(StudentEngine, "judge", "judging")
    watch.over(Vocabulary, "weigh", "judging")
    watch.over(Judging, "_find", "the rest of the search")
    watch.over(Judging, "judge", "reading")
    watch.over(Results, "record", "writing")
    peaks: list[float] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Results(Path(folder) / "profile.db") as results,
        Judging(setup) as judging,
    ):
        results.enter(records)
        settings = results.settings({}, {})
        judging.judge(records[:2])
        watch.clear()
        encoder: Any = judging._encoder
        encoder.encoded = tokens = 0
        for start in range(0, len(records), SLICE):
            peaks.append(measure_peak())
            part = records[start : start + SLICE]
            results.record(settings, part, judging.judge(part))
        tokens = sum(len(encoder._tokenizer.encode(f"{one.title}. {one.text}").ids) for one in records)
    return {
        "stages": {name: round(1000 * seconds / len(records), 2) for name, seconds in watch.seconds.items()},
        "encoded": round(encoder.encoded / len(records), 2),
        "tokens": round(tokens / len(records), 1),
        "peak": round(max(peaks)),
    }


class Stopwatch:
    """Processor seconds by stage, the stages within a stage not counted to it; each thread counts its own."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self._threads = threading.local()

    def over(self, owner: type, name: str, stage: str) -> None:
        """Time a method from now on."""
        plain: Callable[..., Any] = getattr(owner, name)

        @functools.wraps(plain)
        def timed(*args: Any, **options: Any) -> Any:
            within: list[float] = self._threads.__dict__.setdefault("within", [])
            begun = time.thread_time()
            within.append(0.0)
            try:
                return plain(*args, **options)
            finally:
                whole = time.thread_time() - begun
                self.seconds[stage] += whole - within.pop()
                if within:
                    within[-1] += whole

        setattr(owner, name, timed)

    def clear(self) -> None:
        """Begin anew."""
        self.seconds.clear()


def measure_peak() -> float:
    """GFLOP a processor second of one thread in the encoder's widest matrix product: the median of nine runs."""
    random = np.random.default_rng(0)
    tokens = random.normal(size=(TOKENS, WIDTH)).astype(np.float32)
    weights = random.normal(size=(WIDTH, INNER)).astype(np.float32)
    rates = []
    for _ in range(9):
        begun = time.process_time()
        for _ in range(40):
            _ = tokens @ weights
        rates.append(40 * 2 * TOKENS * WIDTH * INNER / (time.process_time() - begun))
    return statistics.median(rates) / 1e9


def write_texts(file: Path, count: int) -> None:
    """JSON lines of made-up submissions of about `TOKENS` tokens."""
    words = _Words(1)
    with file.open("w", encoding="utf-8") as handle:
        for number in range(count):
            record = {"id": f"s{number}", "title": f"{words.draw(6)} {number}", "abstract": words.abstract()}
            handle.write(json.dumps(record) + "\n")


def make_store(path: Path, papers: int) -> Path:
    """A store of made-up papers with random vectors."""
    words = _Words(2)

    def records() -> Iterator[Paper]:
        for number in range(papers):
            yield Paper(f"p{number}", f"{words.draw(6)} {number}", words.abstract(), 2015 + number % 9, "Made up")

    with Store.create_or_open(path, RandomVectors()) as store:
        store.add(records(), source="made up")
    return path


class RandomVectors:
    """Stands in for MiniLM where only the cost of a search matters."""

    id, sha256, dimension = MINILM_ID, MINILM_SHA256, WIDTH

    def __init__(self) -> None:
        self._random = np.random.default_rng(0)

    def encode(self, texts: Sequence[str], *, progress: bool = False) -> NDArray[np.float32]:
        """Unit vectors that have nothing to do with the texts."""
        return self._draw(len(texts))

    def encode_spans(
        self, texts: Sequence[str], spans: Sequence[Sequence[tuple[int, int]]], *, progress: bool = False
    ) -> SpanVectors:
        """As `encode`, for texts and spans."""
        counts = [len(own) for own in spans]
        starts = np.cumsum([0, *counts], dtype=np.int64)
        return SpanVectors(self._draw(len(texts)), self._draw(sum(counts)), np.ones(sum(counts), np.int64), starts, 0)

    def _draw(self, count: int) -> NDArray[np.float32]:
        return normalise(self._random.standard_normal((count, self.dimension), dtype=np.float32))


class _Words:
    """Draws words of MiniLM's own vocabulary, the frequent ones most often (Zipf), with what abstracts say between."""

    _SAYS = ("We propose", "However,", "Our experiments show", "In this paper we study", "Results improve with")

    def __init__(self, seed: int) -> None:
        tokenizer = load_minilm()._tokenizer
        found = (tokenizer.id_to_token(number) for number in range(1_996, 24_000))
        self._words = [word for word in found if word.isascii() and word.isalpha() and len(word) > 2]
        self._shares = list(np.cumsum(1 / (np.arange(len(self._words)) + 10)))
        self._random = random.Random(seed)  # noqa: S311 - no secrets

    def draw(self, count: int) -> str:
        """So many words, every fifth with an ending that makes it two or three word pieces."""
        drawn = self._random.choices(self._words, cum_weights=self._shares, k=count)
        return " ".join(f"{word}oid" if self._random.random() < 0.2 else word for word in drawn)

    def abstract(self) -> str:
        """Eight sentences of about 200 word pieces in all."""
        return " ".join(f"{self._random.choice(self._SAYS)} {self.draw(18)}." for _ in range(8))


def _processor_seconds() -> tuple[float, float]:
    """Of the workers that have ended, and of this process."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
    return used[0].ru_utime + used[0].ru_stime, used[1].ru_utime + used[1].ru_stime


if __name__ == "__main__":
    main()
