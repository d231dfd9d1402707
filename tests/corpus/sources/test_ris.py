from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guide.corpus.sources import Mark, Paper, Skipped
from guide.corpus.sources.ris import Ris
from guide.errors import InputError


def read(folder: Path, text: str | bytes) -> list[Paper | Skipped]:
    path = folder / "refs.ris"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    *records, end = Ris(path).read()
    assert end == Mark(None)
    assert not any(isinstance(one, Mark) for one in records)
    return [one for one in records if not isinstance(one, Mark)]


def only(folder: Path, text: str | bytes) -> Paper:
    (paper,) = read(folder, text)
    assert isinstance(paper, Paper), paper
    return paper


def record(*more: str, title: str = "A title", abstract: str = "Some words.", year: str = "2020") -> str:
    lines = ("TY  - JOUR", f"TI  - {title}", f"AB  - {abstract}", f"PY  - {year}", *more, "ER  - ")
    return "\n".join(lines) + "\n"


def test_a_record_becomes_a_paper(tmp_path: Path) -> None:
    text = record(
        *("T2  - Journal of Tests", "DA  - 2020/07/01", "KW  - nets", "KW  - trees; leaves", "XX  - unknown"),
        *("UR  - http://x.org/a;b", "UR  - http://x.org/c", "DO  - https://doi.org/10.1000/ABC"),
    )
    assert only(tmp_path, text) == Paper(
        id="doi:10.1000/abc",
        title="A title",
        abstract="Some words.",
        year=2020,
        venue="Journal of Tests",
        posted="2020-07",
        url="http://x.org/a;b",
        keywords=("nets", "trees", "leaves"),
    )


def test_the_other_tags_of_the_same_things_are_known(tmp_path: Path) -> None:
    text = "TY  - CONF\nT1  - T\nN2  - A\nY1  - 2019///\nJO  - J\nER  - \n"
    paper = only(tmp_path, text)
    assert (paper.title, paper.abstract, paper.year, paper.venue, paper.posted) == ("T", "A", 2019, "J", None)


def test_an_abstract_on_several_lines_or_in_several_tags_stays_whole(tmp_path: Path) -> None:
    assert only(tmp_path, record("AB  - And more,", "on two lines.")).abstract == "Some words. And more, on two lines."
    assert only(tmp_path, record(abstract="One\ntwo\n\n  three")).abstract == "One two three"


def test_a_text_right_behind_its_tag_keeps_its_first_letter(tmp_path: Path) -> None:
    assert only(tmp_path, record().replace("AB  - ", "AB  -")).abstract == "Some words."


def test_an_arxiv_link_names_the_paper(tmp_path: Path) -> None:
    assert (
        only(tmp_path, record("UR  - https://arxiv.org/abs/1706.03762v5", "DO  - 10.1000/x")).id == "arxiv:1706.03762"
    )
    assert only(tmp_path, record("DO  - 10.48550/arXiv.1706.03762")).id == "arxiv:1706.03762"


def test_the_id_of_a_record_without_a_name_follows_its_title_and_year(tmp_path: Path) -> None:
    first = only(tmp_path, record(title="A  Title"))
    assert first.id.startswith("ris:")
    assert only(tmp_path, record(abstract="Other words.")).id == first.id
    assert only(tmp_path, record(year="2021")).id != first.id
    assert only(tmp_path, record(title="Another")).id != first.id


def test_records_without_an_abstract_or_a_year_are_skipped_with_the_line(tmp_path: Path) -> None:
    *skipped, paper = read(
        tmp_path, "\n\n" + record(abstract="") + "\n" + record(year="") + record(year="soon") + record()
    )
    path = tmp_path / "refs.ris"
    assert skipped == [
        Skipped(f"{path}:3", "abstract is empty"),
        Skipped(f"{path}:9", "year is missing"),
        Skipped(f"{path}:14", "'soon' is not a year"),
    ]
    assert isinstance(paper, Paper)


@pytest.mark.parametrize(
    "broken",
    [
        record().replace("ER  - \n", ""),
        "these are\nonly words\n",
        "TY  - JOUR\nUK  - a\nZZ  - b\ngoes on\nER  - \n",
        "TY  - JOUR\ngoes on\nER  - \n",
        "TY  - JOUR\nER  - \n",
        record(abstract="holds a \0"),
    ],
)
def test_a_broken_record_is_skipped_and_the_others_stay(tmp_path: Path, broken: str) -> None:
    before, skipped, after = read(tmp_path, record() + broken + record())
    assert isinstance(skipped, Skipped)
    assert skipped.where == f"{tmp_path / 'refs.ris'}:6"
    assert isinstance(before, Paper)
    assert before == after


def test_a_file_cut_off_in_a_record_counts_it(tmp_path: Path) -> None:
    for end in range(1, len(record()) - 5):
        whole, cut = read(tmp_path, record() + record()[:end])
        assert isinstance(whole, Paper)
        assert isinstance(cut, Skipped), end


def test_bytes_that_are_not_utf8_are_skipped_where_they_are_used(tmp_path: Path) -> None:
    paper, skipped = read(tmp_path, (record("AU  - M\xfcller") + record(title="M\xfcller")).encode("latin-1"))
    assert isinstance(paper, Paper)
    assert skipped == Skipped(f"{tmp_path / 'refs.ris'}:7", "TI is not UTF-8")


def test_a_byte_order_mark_and_carriage_returns_are_no_text(tmp_path: Path) -> None:
    plain = read(tmp_path, record() + record(year=""))
    assert read(tmp_path, b"\xef\xbb\xbf" + (record() + record(year="")).replace("\n", "\r\n").encode()) == plain


def test_a_file_without_records_is_refused_and_an_empty_one_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path, "\n") == []
    with pytest.raises(InputError, match="holds no RIS record"):
        read(tmp_path, "title,abstract,year\n")


def test_a_missing_package_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rispy", None)
    with pytest.raises(InputError, match=r"rispy is missing.*pip install 'guide-advisor\[formats\]'"):
        read(tmp_path, record())


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        list(Ris(tmp_path / "missing").read())


PLAIN = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0\r\n"), max_size=60)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(PLAIN, PLAIN), max_size=6))
def test_what_a_writer_writes_comes_back_or_is_counted(tmp_path: Path, papers: list[tuple[str, str]]) -> None:
    records = read(tmp_path, "".join(record(title=title, abstract=abstract) for title, abstract in papers))
    assert len(records) == len(papers)
    for (title, abstract), made in zip(papers, records, strict=True):
        title, abstract = " ".join(title.split()), " ".join(abstract.split())
        if title and abstract:
            assert isinstance(made, Paper)
            assert (made.title, made.abstract) == (title, abstract)
        else:
            assert isinstance(made, Skipped)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from(
            ["TY  - JOUR", "ER  - ", "AB  - a", "UK  - b", "ZZ  - c", "words", "", "UR  - d", "TY", "PY  - é"]
        )
        | st.text(st.characters(exclude_categories=("Cs",)), max_size=10)
    )
)
def test_no_lines_stop_the_records_around_them(tmp_path: Path, lines: list[str]) -> None:
    first, *_, last = read(tmp_path, record() + "\n".join(lines) + "\n" + record())
    assert isinstance(first, Paper)
    assert first == last
