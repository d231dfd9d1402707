import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from guide.advice.views.bibliography import to_bibtex, to_ris
from tests.judgements import evidence

bibtexparser = pytest.importorskip("bibtexparser", reason="guide-advisor[formats] is not installed")
rispy = pytest.importorskip("rispy", reason="guide-advisor[formats] is not installed")

_COMMANDS = {
    r"\textbackslash{}": "\\", r"\textasciitilde{}": "~", r"\textasciicircum{}": "^",
    **{f"\\{one}": one for one in "{}&%$#_"},
}  # fmt: skip

titles = st.text(alphabet=string.ascii_letters + string.digits + " \\{}&%$#_~^@,=\"'éΔ中-[]<>", min_size=1, max_size=60)
venues = st.sampled_from(["ICML", "Proc. of A & B", "arXiv", ""])
years = st.integers(1950, 2026)


def _cited(rows):
    whole = []
    for number, (title, venue, year) in enumerate(rows):
        item = evidence(f"p{number}")
        changed = {"title": title, "venue": venue, "year": year, "url": f"https://example.org/a_b?q={number}%20#x"}
        whole.append(item.model_copy(update={"paper": item.paper.model_copy(update=changed)}))
    return tuple(whole)


def _plain(escaped):
    """What LaTeX would print, read from left to right."""
    out, at = [], 0
    while at < len(escaped):
        command = next((one for one in _COMMANDS if escaped.startswith(one, at)), None)
        out.append(_COMMANDS[command] if command else escaped[at])
        at += len(command) if command else 1
    return "".join(out)


rows = st.lists(st.tuples(titles, venues, years), min_size=1, max_size=5)


@given(rows)
@settings(max_examples=80, deadline=None)
def test_bibtex_reads_back_as_what_was_written(made):
    read = bibtexparser.parse_string(to_bibtex(_cited(made)))
    assert not read.failed_blocks
    assert len(read.entries) == len(made) == len({entry.key for entry in read.entries})
    for number, (entry, (title, venue, year)) in enumerate(zip(read.entries, made, strict=True)):
        fields = {field.key: field.value for field in entry.fields}
        assert _plain(fields["title"].removeprefix("{").removesuffix("}")) == " ".join(title.split())
        assert fields["year"] == str(year)
        assert fields["url"] == f"https://example.org/a_b?q={number}%20#x"
        assert _plain(fields.get("booktitle", "")) == (venue if venue not in ("", "arXiv") else "")


@given(rows)
@settings(max_examples=80, deadline=None)
def test_ris_reads_back_as_what_was_written(made):
    read = rispy.loads(to_ris(_cited(made)))
    assert len(read) == len(made) == len({entry["id"] for entry in read})
    for entry, (title, venue, year) in zip(read, made, strict=True):
        assert entry.get("title", entry.get("primary_title", "")) == " ".join(title.split())
        assert entry["year"] == str(year)
        assert entry["type_of_reference"] == ("UNPB" if venue in ("", "arXiv") else "CPAPER")


def test_nothing_makes_an_empty_text():
    assert to_bibtex(()) == to_ris(()) == ""


def test_a_line_break_in_a_title_starts_no_field():
    item = _cited([("One\r\nTY  - BOOK", "ICML", 2024)])
    assert to_ris(item).count("\nTY") == 0
    assert len(rispy.loads(to_ris(item))) == 1


def test_a_key_is_the_first_telling_word_and_the_year():
    text = to_bibtex(_cited([("On the Régret of Bandits", "ICML", 2024), ("Regret again", "ICML", 2024)]))
    assert "@inproceedings{regret2024," in text
    assert "@inproceedings{regret2024-2," in text
