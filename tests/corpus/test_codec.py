from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus import codec
from guide.corpus.codec import Codec, DamagedRecordError, Record, serialise, train_dictionary
from guide.corpus.records import Paper, PeerReview, Section
from tests.corpus.fakes import paper, papers

DICTIONARY = train_dictionary([serialise(Record(one)) for one in papers(3_000)])

texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=30)
scores = st.none() | st.floats(allow_nan=False, allow_infinity=False)
stored = st.builds(
    Paper,
    id=texts,
    title=texts,
    abstract=texts,
    year=st.integers(1900, 2100),
    venue=texts,
    posted=st.none() | st.just("2020-01"),
    url=st.none() | texts.filter(bool),
    keywords=st.lists(texts).map(tuple),
    decision=st.none() | texts.filter(bool),
    ratings=st.lists(st.floats(allow_nan=False, allow_infinity=False)).map(tuple),
    sections=st.lists(st.builds(Section, texts, texts)).map(tuple),
    reviews=st.lists(st.builds(PeerReview, scores, scores, summary=texts)).map(tuple),
)
records = st.builds(Record, stored, st.dictionaries(st.sampled_from(["abstract", "method"]), texts.filter(bool)))


def restore(packed: bytes, given_codec: Codec, dictionary: int, one: Paper) -> Record:
    return given_codec.unpack(packed, dictionary, identifier=one.id, year=one.year, venue=one.venue, posted=one.posted)


@pytest.mark.parametrize("dictionaries", [{}, {1: DICTIONARY}])
@given(record=records)
def test_any_record_comes_back_as_it_was(dictionaries: dict[int, bytes], record: Record) -> None:
    made = Codec(dictionaries)
    assert made.current == len(dictionaries)
    assert restore(made.pack(record), made, made.current, record.paper) == record


@pytest.mark.parametrize(
    ("identifier", "url"),
    [
        ("arxiv:2101.00001", "https://arxiv.org/abs/2101.00001"),
        ("no-prefix", "https://example.org/no-prefix"),
        ("a:b", "\x1fcontrol"),
        ("a:b", "\x1econtrol"),
        ("a:", "https://example.org"),
    ],
)
def test_urls_come_back_as_they_were(identifier: str, url: str) -> None:
    record = Record(paper(1, id=identifier, url=url))
    assert restore(Codec({}).pack(record), Codec({}), 0, record.paper) == record


def test_a_url_that_ends_in_the_id_takes_less_room() -> None:
    own, other = (
        Record(paper(1, id="or:AbCdEfGh", url=f"https://openreview.net/{end}")) for end in ("AbCdEfGh", "XyZwVuTs")
    )
    assert len(serialise(own)) < len(serialise(other))


def test_a_dictionary_halves_a_record_at_least() -> None:
    record = Record(paper(5_000))
    assert len(Codec({1: DICTIONARY}).pack(record)) < 0.5 * len(Codec({}).pack(record))


def test_training_on_the_same_records_gives_the_same_dictionary() -> None:
    assert train_dictionary([serialise(Record(one)) for one in papers(3_000)]) == DICTIONARY
    assert len(DICTIONARY) <= codec.DICTIONARY_BYTES


def test_no_flipped_bit_is_read_as_another_text() -> None:
    made = Codec({1: DICTIONARY})
    record = Record(paper(7), {"abstract": "A shorter text of it."})
    packed = made.pack(record)
    for at in range(len(packed)):
        for bit in range(8):
            broken = packed[:at] + bytes([packed[at] ^ 1 << bit]) + packed[at + 1 :]
            try:
                found = restore(broken, made, 1, record.paper)
            except DamagedRecordError:
                continue
            assert found == record


@pytest.mark.parametrize("raw", [b"", b"nothing", b"\x28\xb5\x2f\xfd", Codec({}).pack(Record(paper(1)))[:-3]])
def test_bytes_that_are_no_record_are_damaged(raw: bytes) -> None:
    with pytest.raises(DamagedRecordError):
        restore(raw, Codec({}), 0, paper(1))


def test_a_dictionary_that_is_gone_is_damage() -> None:
    packed = Codec({1: DICTIONARY}).pack(Record(paper(1)))
    with pytest.raises(DamagedRecordError):
        restore(packed, Codec({}), 1, paper(1))
