"""Search by words: SQLite's FTS5 index over titles and abstracts, ranked by BM25.

Any text can be a query. It is cut into words, each word is stemmed by the very tokenizer of the index, and
the most telling ones are asked for, each quoted, joined by OR: nothing of the text is ever read as FTS5's
query language.
"""

from __future__ import annotations

import math
import re
import sqlite3
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from guide.corpus.schema import TOKENIZER

if TYPE_CHECKING:
    from sqlite_utils import Database

MAX_TERMS = 32  # asked for in one query: more cost time and hardly move a ranking
COMMON_SHARE = 0.2  # a word in more than this share of the papers is a stop word
FEW_PAPERS = 50  # below this many, shares mean nothing and no word is a stop word

_WORD = re.compile(r"[^\W_]+")
_MAX_WORDS = 5_000  # of a query that are looked at
_LOOKUP_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class WordHit:
    """A row found by words, and its BM25 score, higher for better."""

    row: int
    bm25: float


class Lexicon:
    """The words of one store's database."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._frequencies: dict[str, int] = {}
        # A throwaway index with the same tokenizer: FTS5 offers no other way to ask how it reads a word.
        self._stemmer = sqlite3.connect(":memory:", isolation_level=None)
        self._stemmer.execute(f"CREATE VIRTUAL TABLE words USING fts5(word, tokenize='{TOKENIZER}')")
        self._stemmer.execute("CREATE VIRTUAL TABLE stems USING fts5vocab('words', 'instance')")

    def close(self) -> None:
        """Let go of the stemmer; the store's database stays open."""
        self._stemmer.close()

    def forget(self) -> None:
        """Forget the frequencies looked up so far; the database has changed."""
        self._frequencies.clear()

    def document_frequency(self, terms: Iterable[str]) -> dict[str, int]:
        """In how many papers each term occurs, in title or abstract, whatever its ending or accents.

        A term of several words counts as its rarest word; one without letters or digits occurs in no paper.
        """
        terms = list(dict.fromkeys(terms))
        words = {term: _WORD.findall(term) for term in terms}
        stems = self._stems([word for found in words.values() for word in found])
        frequencies = self._lookup(stem for found in stems.values() for stem in found)
        return {
            term: min((frequencies[stem] for word in found for stem in stems.get(word, ())), default=0)
            for term, found in words.items()
        }

    def choose_terms(self, text: str) -> tuple[str, ...]:
        """The words of `text` worth asking for, most telling first: at most `MAX_TERMS`, by tf-idf.

        Words that no paper has and stop words are left out; of a text with nothing but stop words, the three
        rarest stay.
        """
        counts = Counter(word.group() for word in islice(_WORD.finditer(text), _MAX_WORDS))
        stems = {word: found for word, found in self._stems(counts).items() if found}
        frequencies = self._lookup(stem for found in stems.values() for stem in found)
        papers = self._db.execute("SELECT count(*) FROM papers").fetchone()[0]
        # One word for each stem: "model" and "models" are one term, twice as frequent.
        chosen: dict[tuple[str, ...], str] = {}
        occurrences: Counter[tuple[str, ...]] = Counter()
        for word, found in stems.items():
            occurrences[found] += counts[word]
            chosen.setdefault(found, word)
        rarity = {found: min(frequencies[stem] for stem in found) for found in chosen}
        known = [found for found in chosen if rarity[found]]
        common = papers * COMMON_SHARE if papers >= FEW_PAPERS else papers
        telling = [found for found in known if rarity[found] <= common]
        if not telling:
            telling = sorted(known, key=lambda found: rarity[found])[:3]
        weights = {
            found: (1 + math.log(occurrences[found])) * math.log(1 + papers / rarity[found]) for found in telling
        }
        telling.sort(key=lambda found: -weights[found])
        return tuple(chosen[found] for found in telling[:MAX_TERMS])

    def search(self, text: str, limit: int) -> list[WordHit]:
        """The `limit` papers that answer the words of `text` best, best first; none if no word is known."""
        terms = self.choose_terms(text)
        if not terms:
            return []
        query = " OR ".join(f'"{term}"' for term in terms)
        found = self._db.execute(
            "SELECT rowid, rank FROM papers_fts WHERE papers_fts MATCH ? ORDER BY rank, rowid LIMIT ?",
            [query, limit],
        )
        return [WordHit(row, -rank) for row, rank in found]

    def _stems(self, words: Iterable[str]) -> dict[str, tuple[str, ...]]:
        """How the index reads each word: one stem as a rule, none for letters unknown to it, or several."""
        unique = list(dict.fromkeys(words))
        self._stemmer.execute("BEGIN")
        self._stemmer.executemany("INSERT INTO words(rowid, word) VALUES (?, ?)", enumerate(unique))
        stems: dict[str, tuple[str, ...]] = dict.fromkeys(unique, ())
        for at, stem in self._stemmer.execute("SELECT doc, term FROM stems ORDER BY doc, offset"):
            stems[unique[at]] += (stem,)
        self._stemmer.execute("ROLLBACK")
        return stems

    def _lookup(self, stems: Iterable[str]) -> dict[str, int]:
        """Document frequency of stems, as the index spells them."""
        wanted = dict.fromkeys(stems)
        new = [stem for stem in wanted if stem not in self._frequencies]
        for start in range(0, len(new), _LOOKUP_AT_ONCE):
            part = new[start : start + _LOOKUP_AT_ONCE]
            marks = ",".join("?" * len(part))
            query = f"SELECT term, doc FROM papers_vocabulary WHERE term IN ({marks})"  # noqa: S608 - marks only
            self._frequencies.update(dict.fromkeys(part, 0))
            self._frequencies.update(self._db.execute(query, part).fetchall())
        return {stem: self._frequencies[stem] for stem in wanted}
