"""A paper as bytes: JSON without field names, compressed by zstd with a dictionary trained on the corpus.

Abstracts are too short for zstd to learn from one; the dictionary brings what they have in common. It is trained once
a store has enough papers to learn from, and kept in the store: a record names the dictionary it needs.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

import zstandard

from guide.corpus.records import Paper, PeerReview, Section

PLAIN = 0  # the number that stands for "no dictionary"
SAMPLE = 4_000  # records a dictionary is trained on
# Papers at which the first and the second dictionary are trained. Fewer teach one that helps less than it weighs.
TRAINED_AT = (4_000, 64_000)
DICTIONARY_BYTES = 112 * 1024  # what `zstd --train` makes by default; four times as much saved under 2 % more
_LEVEL = 19
# What the trainer would search for at 30 times the cost: lengths of the pieces that make up the dictionary.
_PIECE, _PROBE = 256, 8
# Control characters, which a url seldom has: for the id within it, and before a url that has one of them all the same.
_OWN_ID, _AS_IT_IS = "\x1f", "\x1e"


class DamagedRecordError(ValueError):
    """Bytes that are no record; the message says why."""


@dataclass(frozen=True, slots=True)
class Record:
    """What a store keeps of one paper beside the columns it can be searched by.

    Attributes:
        paper: all of it.
        compressed: by kind of module, the shortened text; a kind that is stored whole is absent.
    """

    paper: Paper
    compressed: Mapping[str, str] = field(default_factory=dict)


class Codec:
    """Packs and unpacks records with the dictionaries of one store."""

    def __init__(self, dictionaries: Mapping[int, bytes]) -> None:
        """Take dictionaries by number, from 1; the highest packs, all unpack.

        Four bytes of checksum go with each record: a flipped bit seldom breaks the compression, and would otherwise
        read as another text.
        """
        self.current = max(dictionaries, default=PLAIN)
        loaded = {number: zstandard.ZstdCompressionDict(raw) for number, raw in dictionaries.items()}
        self._compressor = zstandard.ZstdCompressor(
            level=_LEVEL, dict_data=loaded.get(self.current), write_checksum=True, write_dict_id=False
        )
        self._decompressors = {
            PLAIN: zstandard.ZstdDecompressor(),
            **{number: zstandard.ZstdDecompressor(dict_data=one) for number, one in loaded.items()},
        }

    def pack(self, record: Record) -> bytes:
        """The record's bytes, for `unpack` with the dictionary `current`."""
        return self._compressor.compress(serialise(record))

    def unpack(
        self, raw: bytes, dictionary: int, *, identifier: str, year: int, venue: str, posted: str | None
    ) -> Record:
        """Restore a record; what the store keeps in columns of their own is handed in.

        Raises:
            DamagedRecordError: the bytes are not a record packed with this dictionary.
        """
        try:
            fields: list[Any] = json.loads(self._decompressors[dictionary].decompress(raw))
            title, abstract, url, keywords, decision, ratings, sections, reviews, compressed = [
                *fields,
                *_EMPTY[len(fields) :],
            ]
            paper = Paper(
                id=identifier,
                title=title,
                abstract=abstract,
                year=year,
                venue=venue,
                posted=posted,
                url=_restore_url(url, identifier) or None,
                keywords=tuple(keywords),
                decision=decision or None,
                ratings=tuple(map(float, ratings)),
                sections=tuple(Section(*one) for one in sections),
                reviews=tuple(PeerReview(*one) for one in reviews),
            )
            return Record(paper, dict(compressed))
        except (zstandard.ZstdError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise DamagedRecordError(str(error) or type(error).__name__) from error


_EMPTY: tuple[Any, ...] = ("", "", "", (), "", (), (), (), {})


def serialise(record: Record) -> bytes:
    """A record as the JSON that is compressed: a list, its empty tail left out."""
    paper = record.paper
    fields: list[object] = [
        paper.title,
        paper.abstract,
        _shorten_url(paper.url or "", paper.id),
        paper.keywords,
        paper.decision or "",
        # Most ratings are whole numbers, and 6 takes less room than 6.0.
        [int(one) if one.is_integer() else one for one in paper.ratings],
        [astuple(one) for one in paper.sections],
        [astuple(one) for one in paper.reviews],
        dict(record.compressed),
    ]
    while fields and not fields[-1]:
        fields.pop()
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":")).encode()


def _shorten_url(url: str, identifier: str) -> str:
    """A url with the source's own part of the id, which most have in them, as one sign."""
    if _OWN_ID in url or url.startswith(_AS_IT_IS):
        return _AS_IT_IS + url
    own = identifier.partition(":")[2]
    return url.replace(own, _OWN_ID) if own else url


def _restore_url(url: str, identifier: str) -> str:
    if url.startswith(_AS_IT_IS):
        return url[1:]
    return url.replace(_OWN_ID, identifier.partition(":")[2])


def train_dictionary(samples: Sequence[bytes]) -> bytes:
    """A dictionary of `DICTIONARY_BYTES` for records like these, the same for the same samples.

    Raises:
        zstandard.ZstdError: too few samples, or too short ones.
    """
    trained = zstandard.train_dictionary(DICTIONARY_BYTES, list(samples), k=_PIECE, d=_PROBE, level=_LEVEL)
    return trained.as_bytes()
