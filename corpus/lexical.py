"""Search by words: SQLite's FTS5 index over titles and abstracts, weighed by rarity.

Any text can be a query. It is cut into words, each word is stemmed by the very tokenizer of the index, and the most
telling ones are asked for. The index keeps which papers have a word, not how often or where: in an abstract a word
that matters once matters, and the counts would take as much room as the rest. A paper's score is the sum of the
weights of its words (tf-idf of the query; Robertson and Spärck Jones, "Relevance weighting of search terms", 1976,
for what is left of BM25 when every frequency is 0 or 1).
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from guide.corpus.schema import TOKENIZER

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from sqlite_utils import Database

MAX_TERMS = 32  # asked for in one query: more cost time and hardly move a ranking
COMMON_SHARE = 0.2  # a word in more than this share of the papers is a stop word
FEW_PAPERS = 50  # below this many, shares mean nothing and no word is a stop word
# Rows read for one query: rare words first, until so many papers have been named. It bounds the time in a store of
# any size.
MAX_POSTINGS = 24_000

_WORD = re.compile(r"[^\W_]+")
_MAX_WORDS = 5_000  # of a query that are looked at
_LOOKUP_AT_ONCE = 500
_KEPT_ROWS = 4_000_000  # rows of postings kept in memory between queries: 32 MB
_KEPT_WORDS = 100_000  # words whose stem is kept in memory between queries

# Not indexed: words that hold a sentence together, which every abstract has. Part of the format: a paper's words
# leave the index by the same list they came in by.
_FUNCTION_WORDS = """
a about above after all also although among an and any are as at be because been before being between both but by
can could did do does during each either et etc even for from further had has have having hence how however i if in
into is it its itself may might more moreover most much must neither no nor not of on only onto or other our out
over own per s same should since so some such t than that the their them then there thereby therefore these they
this those though through thus to too under until up upon us very via was we were what when where whereas whether
which while who whom whose why will with within without would yet you your
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())


@dataclass(frozen=True, slots=True)
class WordHit:
    """A row found by words, and the sum of the weights of the words it has, higher for better."""

    row: int
    score: float


@dataclass(frozen=True, slots=True)
class Term:
    """A word of a query: its stem in the index, how many papers have it, and what it weighs in the query."""

    word: str
    stem: str
    papers: int
    weight: float


def indexed_words(text: str) -> str:
    """The words of `text` that the index takes in, in order: all but `FUNCTION_WORDS`."""
    return " ".join(word for word in _WORD.findall(text) if word.casefold() not in FUNCTION_WORDS)


class Lexicon:
    """The words of one store's database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._papers: int | None = None
        self._frequencies: dict[str, int] = {}
        self._postings: dict[str, NDArray[np.int64]] = {}
        self._known_stems: dict[str, tuple[str, ...]] = {}
        # A throwaway index with the same tokenizer: FTS5 offers no other way to ask how it reads a word.
        self._stemmer = sqlite3.connect(":memory:", isolation_level=None)
        self._stemmer.execute(f"CREATE VIRTUAL TABLE words USING fts5(word, tokenize='{TOKENIZER}')")
        self._stemmer.execute("CREATE VIRTUAL TABLE stems USING fts5vocab('words', 'instance')")

    def close(self) -> None:
        """Let go of the stemmer; the store's database stays open."""
        self._stemmer.close()

    def forget(self) -> None:
        """Forget what was looked up so far; the database has changed."""
        self._papers = None
        self._frequencies.clear()
        self._postings.clear()

    def choose_terms(self, text: str) -> tuple[Term, ...]:
        """The words of `text` worth asking for, most telling first: at most `MAX_TERMS`, by tf-idf.

        Words that no paper has and stop words are left out; of a text with nothing but stop words, the three
        rarest stay.
        """
        found = indexed_words(" ".join(word.group() for word in islice(_WORD.finditer(text), _MAX_WORDS)))
        counts = Counter(found.split())
        occurrences: Counter[str] = Counter()
        spelling: dict[str, str] = {}
        # One word for each stem: "model" and "models" are one term, twice as frequent.
        for word, stems in self._stems(counts).items():
            for stem in stems:
                occurrences[stem] += counts[word]
                spelling.setdefault(stem, word)
        frequencies = {stem: papers for stem, papers in self._lookup(occurrences).items() if papers}
        papers = self._count()
        common = papers * COMMON_SHARE if papers >= FEW_PAPERS else papers
        telling = [stem for stem, having in frequencies.items() if having <= common]
        if not telling:
            telling = sorted(frequencies, key=lambda stem: frequencies[stem])[:3]
        terms = [
            Term(
                spelling[stem],
                stem,
                frequencies[stem],
                (1 + math.log(occurrences[stem])) * math.log(1 + papers / frequencies[stem]),
            )
            for stem in telling
        ]
        return tuple(sorted(terms, key=lambda term: (-term.weight, term.stem))[:MAX_TERMS])

    def search(self, texts: Mapping[str, str], limit: int) -> dict[str, list[WordHit]]:
        """The `limit` papers that answer the words of each text best, best first, by the text's key.

        At most `MAX_POSTINGS` rows are read for all the texts together, beginning with the rarest words.
        """
        terms = {key: self.choose_terms(text) for key, text in texts.items()}
        budget = MAX_POSTINGS
        rows: dict[str, NDArray[np.int64]] = {}
        for stem, papers in sorted(
            {(t.stem, t.papers) for some in terms.values() for t in some}, key=lambda p: p[::-1]
        ):
            # The rarest word is asked for whatever it costs: without one there is no answer.
            if rows and papers > budget:
                break
            rows[stem] = self._rows(stem)
            budget -= papers
        return _best(terms, rows, limit)

    def _count(self) -> int:
        """How many papers the store has; counting walks through them all, so it is done once."""
        if self._papers is None:
            self._papers = int(self._db.execute("SELECT count(*) FROM papers").fetchone()[0])
        return self._papers

    def _rows(self, stem: str) -> NDArray[np.int64]:
        """The papers that have a stem, ascending."""
        if stem not in self._postings:
            if sum(map(len, self._postings.values())) > _KEPT_ROWS:
                self._postings.clear()
            # One text in place of a tuple a row: two and a half times as fast.
            query = "SELECT group_concat(doc) FROM papers_postings WHERE term = ?"
            (found,) = self._db.execute(query, [stem]).fetchone()
            self._postings[stem] = np.fromstring(found or "", dtype=np.int64, sep=",")
        return self._postings[stem]

    def _stems(self, words: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """How the index reads each word: one stem as a rule, none for letters unknown to it, or several."""
        unique = list(dict.fromkeys(words))
        if len(self._known_stems) > _KEPT_WORDS:
            self._known_stems.clear()
        new = [word for word in unique if word not in self._known_stems]
        if new:
            found: dict[str, tuple[str, ...]] = dict.fromkeys(new, ())
            self._stemmer.execute("BEGIN")
            self._stemmer.executemany("INSERT INTO words(rowid, word) VALUES (?, ?)", enumerate(new))
            for at, stem in self._stemmer.execute("SELECT doc, term FROM stems ORDER BY doc, offset"):
                found[new[at]] += (stem,)
            self._stemmer.execute("ROLLBACK")
            self._known_stems |= found
        return {word: self._known_stems[word] for word in unique}

    def _lookup(self, stems: Iterable[str]) -> dict[str, int]:
        """In how many papers each stem occurs, as the index spells it."""
        wanted = dict.fromkeys(stems)
        new = [stem for stem in wanted if stem not in self._frequencies]
        for start in range(0, len(new), _LOOKUP_AT_ONCE):
            part = new[start : start + _LOOKUP_AT_ONCE]
            marks = ",".join("?" * len(part))
            query = f"SELECT term, doc FROM papers_vocabulary WHERE term IN ({marks})"  # noqa: S608 - marks only
            self._frequencies.update(dict.fromkeys(part, 0))
            self._frequencies.update(self._db.execute(query, part).fetchall())
        return {stem: self._frequencies[stem] for stem in wanted}


def _best(
    terms: Mapping[str, Iterable[Term]], rows: Mapping[str, NDArray[np.int64]], limit: int
) -> dict[str, list[WordHit]]:
    """The best `limit` papers of each text by the summed weights of its words, then by row."""
    if not rows:
        return {key: [] for key in terms}
    # The texts share most of their words, so the rows are sorted once for all of them.
    papers, places = np.unique(np.concatenate(list(rows.values())), return_inverse=True)
    ends = np.cumsum([len(part) for part in rows.values()])
    place = {stem: places[end - len(rows[stem]) : end] for stem, end in zip(rows, ends.tolist(), strict=True)}
    best = {}
    for key, some in terms.items():
        scores = np.zeros(len(papers))
        for term in some:
            if term.stem in place:
                # A paper has a word once, so no place comes twice.
                scores[place[term.stem]] += term.weight
        named = np.flatnonzero(scores)
        if len(named) > limit:
            # All that reach the score of the last one wanted, because equal scores are ordered by row.
            least = np.partition(scores[named], len(named) - limit)[len(named) - limit]
            named = named[scores[named] >= least]
        order = named[np.lexsort((named, -scores[named]))][:limit]
        best[key] = [WordHit(int(papers[at]), float(scores[at])) for at in order]
    return best
