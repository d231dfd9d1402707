from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guide.corpus.sources import Mark, Paper, Skipped
from guide.corpus.sources.table import Table
from guide.errors import InputError


def read(folder: Path, text: str | bytes) -> list[Paper | Skipped]:
    path = folder / "papers.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    *records, end = Table(path).read()
    assert end == Mark(None)
    assert not any(isinstance(one, Mark) for one in records)
    return [one for one in records if not isinstance(one, Mark)]


def only(folder: Path, text: str | bytes) -> Paper:
    (paper,) = read(folder, text)
    assert isinstance(paper, Paper), paper
    return paper


HEADER = "title,abstract,year\n"
GOOD = "A title,Some words.,2020\n"


def test_a_row_becomes_a_paper(tmp_path: Path) -> None:
    text = (
        "id,title,abstract,year,venue,posted,url,keywords,decision,ratings\n"
        'p1,"A title, long",Some words.,2020,Tests,2019-11,http://x.org,nets; trees,Accept,6;8.5\n'
    )
    assert only(tmp_path, text) == Paper(
        id="p1",
        title="A title, long",
        abstract="Some words.",
        year=2020,
        venue="Tests",
        posted="2019-11",
        url="http://x.org",
        keywords=("nets", "trees"),
        decision="Accept",
        ratings=(6.0, 8.5),
    )


def test_other_names_of_the_columns_are_known(tmp_path: Path) -> None:
    text = "Paper Title,Abstract,Year,Conference,Date,Link,Notes\nT,A,2020.0,V,3 May 2020,http://x.org,n\n"
    paper = only(tmp_path, text)
    assert (paper.title, paper.year, paper.venue) == ("T", 2020, "V")
    assert (paper.posted, paper.url) == ("2020-05", "http://x.org")


def test_the_plainest_name_wins_where_two_columns_fit(tmp_path: Path) -> None:
    assert only(tmp_path, "journal,venue,title,abstract,year\nJ,V,T,A,2020\n").venue == "V"


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_the_delimiter_shows_in_the_header(tmp_path: Path, delimiter: str, quoting: int) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting)
    writer.writerows([["title", "abstract", "year", "a,b;c"], ["T, t; t\tt", 'A "q"', "2020", ""]])
    paper = only(tmp_path, out.getvalue())
    assert (paper.title, paper.abstract) == ("T, t; t t", 'A "q"')


def test_the_id_of_a_row_without_one_follows_its_title_and_year(tmp_path: Path) -> None:
    first = only(tmp_path, HEADER + GOOD)
    assert first.id.startswith("csv:")
    assert only(tmp_path, HEADER + "a  Title,Other words.,2020\n").id == first.id
    assert only(tmp_path, HEADER + GOOD.replace("2020", "2021")).id != first.id
    assert only(tmp_path, HEADER + "Another,Some words.,2020\n").id != first.id


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("T,,2020\n", "abstract is empty"),
        ("T,A,\n", "year is missing"),
        ("T,A,soon\n", "'soon' is not a year"),
        ("T,A\n", "the row has 2 cells, the header 3"),
        ("T,A,2020,more\n", "the row has 4 cells, the header 3"),
        ('T,"A"x,2020\n', "the row is broken: ',' expected after '\"'"),
        ("T,a \0 b,2020\n", "abstract holds a NUL character"),
        (f"T,{'long ' * 2_000_000},2020\n", "abstract is longer than 100,000 characters"),
    ],
)
def test_a_row_that_cannot_be_used_is_skipped_and_the_others_stay(tmp_path: Path, row: str, reason: str) -> None:
    before, skipped, after = read(tmp_path, HEADER + GOOD + row + GOOD)
    assert skipped == Skipped(f"{tmp_path / 'papers.csv'}:3", reason)
    assert isinstance(before, Paper)
    assert before == after


@pytest.mark.parametrize("posted", ["03/05/2024", "2024-13", "recently"])
def test_a_date_that_cannot_be_read_is_not_left_out_in_silence(tmp_path: Path, posted: str) -> None:
    (skipped,) = read(tmp_path, f"title,abstract,year,posted\nT,A,2024,{posted}\n")
    assert isinstance(skipped, Skipped)
    assert skipped.reason == "posted is not a month written YYYY-MM"


@pytest.mark.parametrize(
    ("posted", "month"), [("", None), ("2023", None), ("2022-12-31", "2022-12"), ("2022/12/01", "2022-12")]
)
def test_a_day_gives_its_month(tmp_path: Path, posted: str, month: str | None) -> None:
    assert only(tmp_path, f"title,abstract,year,posted\nT,A,2023,{posted}\n").posted == month


def test_ratings_that_are_no_numbers_skip_the_row(tmp_path: Path) -> None:
    bad, infinite = read(tmp_path, "title,abstract,year,ratings\nT,A,2023,6;good\nT,A,2023,inf\n")
    assert isinstance(bad, Skipped)
    assert bad.reason == "the rating 'good' is not a number"
    assert isinstance(infinite, Skipped)


def test_a_quoted_cell_cut_off_at_the_end_is_skipped(tmp_path: Path) -> None:
    before, cut = read(tmp_path, HEADER + GOOD + 'T,"words that\nend')
    assert isinstance(before, Paper)
    assert cut == Skipped(f"{tmp_path / 'papers.csv'}:3", "the row is broken: unexpected end of data")


def test_a_quote_never_closed_does_not_swallow_the_rest(tmp_path: Path) -> None:
    quoted = '"A title","Some words.",2020\n'
    records = read(tmp_path, HEADER + 'T,"never closed,2020\n' + quoted + quoted)
    assert isinstance(records[0], Skipped)
    assert isinstance(records[-1], Paper)


def test_cells_keep_their_lines_and_rows_their_numbers(tmp_path: Path) -> None:
    paper, skipped = read(tmp_path, "\n" + HEADER + '\nT,"One\r\n\r\ntwo",2020\n\nT,,2020\n')
    assert isinstance(paper, Paper)
    assert paper.abstract == "One\r\n\r\ntwo"
    assert isinstance(skipped, Skipped)
    assert skipped.where.endswith("papers.csv:8")


def test_a_byte_order_mark_and_carriage_returns_are_no_text(tmp_path: Path) -> None:
    plain = read(tmp_path, HEADER + GOOD + "T,,2020\n")
    assert read(tmp_path, b"\xef\xbb\xbf" + (HEADER + GOOD + "T,,2020\n").replace("\n", "\r\n").encode()) == plain
    assert read(tmp_path, (HEADER + GOOD + "T,,2020\n").replace("\n", "\r")) == plain


def test_empty_cells_beyond_the_header_are_no_harm(tmp_path: Path) -> None:
    assert only(tmp_path, HEADER + "T,A,2020,, \n").title == "T"


def test_bytes_that_are_not_utf8_are_skipped_where_they_are_used(tmp_path: Path) -> None:
    text = "title,abstract,year,author\nT,A,2020,M\xfcller\nM\xfcller,A,2020,a\n".encode("latin-1")
    paper, skipped = read(tmp_path, text)
    assert isinstance(paper, Paper)
    assert skipped == Skipped(f"{tmp_path / 'papers.csv'}:3", "title is not UTF-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("title,abstract\nT,A\n", "papers.csv:1: the header has no column year; it has: title, abstract"),
        ("\nname;date\n", "papers.csv:2: the header has no column title and no abstract and no year; it has: name"),
        ("", "it has: nothing"),
        ("title,year,Abstract,abstract\n", "the header names the column abstract twice"),
    ],
)
def test_a_header_that_misses_a_column_is_refused_with_what_it_has(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        read(tmp_path, text)
    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        list(Table(tmp_path / "missing").read())


CELL = st.text(st.characters(exclude_categories=("Cs",)), max_size=60)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(CELL, CELL), max_size=6),
    st.sampled_from(",;\t"),
    # csv's writer quotes a line's end only where it holds a sign of its own line terminator.
    st.sampled_from(
        [("\r\n", csv.QUOTE_MINIMAL), ("\r\n", csv.QUOTE_ALL), ("\n", csv.QUOTE_ALL), ("\r", csv.QUOTE_ALL)]
    ),
)
def test_what_a_writer_writes_comes_back_or_is_counted(
    tmp_path: Path, papers: list[tuple[str, str]], delimiter: str, ends: tuple[str, int]
) -> None:
    newline, quoting = ends
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline, quoting=quoting)
    writer.writerow(["title", "abstract", "year"])
    writer.writerows([title, abstract, "2020"] for title, abstract in papers)
    records = read(tmp_path, out.getvalue())
    assert len(records) == len(papers)
    for (title, abstract), record in zip(papers, records, strict=True):
        if title.split() and abstract.strip() and "\0" not in title + abstract:
            assert isinstance(record, Paper)
            assert (record.title, record.abstract) == (" ".join(title.split()), abstract.strip())
        else:
            assert isinstance(record, Skipped)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=80) | st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"a", b"\0", b"2020"])).map(b"".join)
)
def test_no_bytes_stop_the_rows_before_them(tmp_path: Path, rest: bytes) -> None:
    first, *_ = read(tmp_path, (HEADER + GOOD).encode() + rest)
    assert isinstance(first, Paper)
