from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from guide.corpus.sources import Mark, Paper, Skipped
from guide.corpus.sources.bibtex import Bibtex
from guide.corpus.sources.references import identify, keywords_of, month_of, year_of
from guide.errors import InputError


def read(folder: Path, text: str | bytes) -> list[Paper | Skipped]:
    path = folder / "refs.bib"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    *records, end = Bibtex(path).read()
    assert end == Mark(None)
    assert not any(isinstance(one, Mark) for one in records)
    return [one for one in records if not isinstance(one, Mark)]


def only(folder: Path, text: str | bytes) -> Paper:
    (paper,) = read(folder, text)
    assert isinstance(paper, Paper), paper
    return paper


def entry(key: str = "k", **fields: str) -> str:
    fields = {"title": "A title", "abstract": "Some words.", "year": "2020"} | fields
    return f"@article{{{key},\n" + "".join(f"  {name} = {{{value}}},\n" for name, value in fields.items()) + "}\n"


def test_an_entry_becomes_a_paper(tmp_path: Path) -> None:
    text = entry(
        "doe20", journal="Journal of Tests", month="July", keywords="nets; trees, big", url=r"http://x.org/a\_b%20c~d"
    )
    assert only(tmp_path, text) == Paper(
        id="bibtex:doe20",
        title="A title",
        abstract="Some words.",
        year=2020,
        venue="Journal of Tests",
        posted="2020-07",
        url="http://x.org/a_b%20c~d",
        keywords=("nets", "trees, big"),
    )


def test_biblatex_names_and_capital_names_are_known(tmp_path: Path) -> None:
    text = "@online{k, TITLE={T}, Abstract={A}, date={2021-03-04}, journaltitle={J}}"
    paper = only(tmp_path, text)
    assert (paper.year, paper.posted, paper.venue) == (2021, "2021-03", "J")


def test_latex_becomes_text_and_mathematics_and_bare_signs_stay(tmp_path: Path) -> None:
    paper = only(
        tmp_path,
        entry(
            title=r"{BERT} f{\"u}r $x^{2}$ \& 100\% \emph{more}",
            abstract=r"{We} fall by 5% & rise by #3 in Fig.~1, about ~7, as \'Etienne says.",
        ),
    )
    assert paper.title == "BERT für $x^{2}$ & 100% more"
    assert paper.abstract == "We fall by 5% & rise by #3 in Fig. 1, about ~7, as Étienne says."


def test_a_macro_that_nobody_knows_keeps_its_name(tmp_path: Path) -> None:
    paper = only(tmp_path, entry(title=r"\ours{} and \mbox{others}", abstract=r"\ours beats \texttt{all}."))
    assert (paper.title, paper.abstract) == (r"\ours and others", r"\ours beats all.")


def test_latex_that_cannot_be_decoded_stays_as_it_is(tmp_path: Path) -> None:
    abstract = r"See \href{http://a.b/c}{this} {now}."
    assert only(tmp_path, entry(abstract=abstract)).abstract == abstract


def test_strings_and_joined_values_are_resolved(tmp_path: Path) -> None:
    text = '@string{J = "Journal of " # {Joins}}\n' + entry().replace(
        "year", 'month = "10~" # jul, journal = j,\n year'
    )
    paper = only(tmp_path, text)
    assert (paper.venue, paper.posted) == ("Journal of Joins", "2020-07")


def test_strings_that_double_with_every_line_are_stopped(tmp_path: Path) -> None:
    lines = ["@string{s0 = {ten signs.}}"] + [f"@string{{s{n} = s{n - 1} # s{n - 1}}}" for n in range(1, 60)]
    *skipped, paper = read(tmp_path, "\n".join(lines) + "\n" + entry())
    assert isinstance(paper, Paper)
    assert skipped[0] == Skipped(f"{tmp_path / 'refs.bib'}:16", "a joined value is longer than 200,000 characters")


def test_odd_latex_and_broken_entries_say_nothing_on_their_own(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    read(tmp_path, entry(abstract=r"a \frac{b}") + "@article{x, title={T}\n" + entry())
    assert not caplog.records
    assert not capfd.readouterr().err


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"eprint": "2403.00001v2", "archivePrefix": "arXiv"}, "arxiv:2403.00001"),
        ({"eprint": "math.GT/0309136", "eprinttype": "arxiv", "doi": "10.1000/x"}, "arxiv:math/0309136"),
        ({"url": "https://arxiv.org/pdf/1706.03762v5"}, "arxiv:1706.03762"),
        ({"journal": "arXiv preprint arXiv:1706.03762"}, "arxiv:1706.03762"),
        ({"doi": "10.48550/arXiv.2403.00001"}, "arxiv:2403.00001"),
        ({"doi": r"https://doi.org/10.1000/AB\_c."}, "doi:10.1000/ab_c"),
        ({"eprint": "2403.00001", "archivePrefix": "other"}, "bibtex:k"),
        ({"eprint": "30012345"}, "bibtex:k"),
    ],
)
def test_the_id_is_the_arxiv_number_or_the_doi_or_the_key(tmp_path: Path, fields: dict[str, str], name: str) -> None:
    assert only(tmp_path, entry(**fields)).id == name


def test_entries_without_an_abstract_or_a_year_are_skipped_with_the_line(tmp_path: Path) -> None:
    text = "% made by hand\n" + entry("a", abstract="") + entry("b", year="") + entry("c", year="in press") + entry("d")
    *skipped, paper = read(tmp_path, text)
    path = tmp_path / "refs.bib"
    assert skipped == [
        Skipped(f"{path}:2", "abstract is missing"),
        Skipped(f"{path}:7", "year is missing"),
        Skipped(f"{path}:12", "'in press' is not a year"),
    ]
    assert isinstance(paper, Paper)
    assert paper.id == "bibtex:d"


@pytest.mark.parametrize(
    "broken",
    [
        "@article{x, title={T}, abstract={never closed, year={2020}}\n",
        '@article{x, title="never closed, year={2020}}\n',
        "@article{x, title, year={2020}}\n",
        "@article\n{x, title={T}, abstract={A}, year={2020}}\n",
        "@article x, title={T}\n",
        "@article{, title={T}, abstract={A}, year={2020}}\n",
        entry("x", Abstract="Other words."),
        entry("x", year="2020", abstract="holds a \0"),
    ],
)
def test_a_broken_entry_is_skipped_and_the_others_stay(tmp_path: Path, broken: str) -> None:
    before, skipped, after = read(tmp_path, entry("a") + broken + entry("b"))
    assert isinstance(before, Paper)
    assert isinstance(skipped, Skipped)
    assert skipped.where == f"{tmp_path / 'refs.bib'}:6"
    assert isinstance(after, Paper)
    assert (before.id, after.id) == ("bibtex:a", "bibtex:b")


def test_a_file_cut_off_in_an_entry_counts_it(tmp_path: Path) -> None:
    for end in range(2, len(entry()) - 2):
        assert len(read(tmp_path, entry("a") + entry()[:end])) == 2, end


def test_different_papers_under_one_key_both_stay(tmp_path: Path) -> None:
    first, second, third = read(tmp_path, entry() + entry(title="Another") + entry())
    assert isinstance(first, Paper)
    assert isinstance(second, Paper)
    assert first == third
    assert (second.id[:9], second.title) == ("bibtex:k-", "Another")
    assert second == read(tmp_path, entry() + entry(title="Third") + entry(title="Another"))[2]


def test_entries_in_one_line_under_one_key_both_stay(tmp_path: Path) -> None:
    first, second = read(tmp_path, entry().replace("\n", " ") + entry(title="Another").replace("\n", " "))
    assert isinstance(first, Paper)
    assert isinstance(second, Paper)
    assert (first.title, second.title) == ("A title", "Another")


def test_a_field_given_twice_matters_only_where_it_is_used(tmp_path: Path) -> None:
    assert only(tmp_path, entry(note="a", year="2020}, note = {b")).year == 2020
    (skipped,) = read(tmp_path, entry(year="2020}, year = {2021"))
    assert isinstance(skipped, Skipped)
    assert skipped.reason == "year stands twice, with different values"


def test_bytes_that_are_not_utf8_are_skipped_where_they_are_used(tmp_path: Path) -> None:
    text = (entry("a", author="M\xfcller") + entry("b", title="M\xfcller")).encode("latin-1")
    paper, skipped = read(tmp_path, text)
    assert isinstance(paper, Paper)
    assert skipped == Skipped(f"{tmp_path / 'refs.bib'}:7", "title is not UTF-8")


def test_a_byte_order_mark_and_carriage_returns_are_no_text(tmp_path: Path) -> None:
    text = b"\xef\xbb\xbf" + (entry("a", title="A\nB") + entry("b", year="")).replace("\n", "\r\n").encode()
    paper, skipped = read(tmp_path, text)
    assert isinstance(paper, Paper)
    assert paper.title == "A B"
    assert isinstance(skipped, Skipped)
    assert skipped.where.endswith("refs.bib:7")


def test_a_file_without_entries_is_refused_and_an_empty_one_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path, "\n") == []
    with pytest.raises(InputError, match="holds no BibTeX entry"):
        read(tmp_path, "title,abstract,year\n")


def test_a_missing_package_is_named_with_its_cure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bibtexparser.middlewares", None)
    with pytest.raises(InputError, match=r"bibtexparser is missing.*pip install 'guide-advisor\[formats\]'"):
        read(tmp_path, entry())


@pytest.mark.parametrize(
    ("text", "month"),
    [
        *(
            ("jul", "2020-07"),
            ("7", "2020-07"),
            ("July", "2020-07"),
            ("2019-11-02", "2019-11"),
            ("3 May 2021", "2021-05"),
        ),
        *((text, None) for text in ("13", "", "spring", "2020", "2020-00")),
    ],
)
def test_months_are_read_in_words_numbers_and_days(text: str, month: str | None) -> None:
    assert month_of(text, 2020) == month


def test_years_and_keywords_are_read_as_they_are_written() -> None:
    assert [year_of(text) for text in ("2020", "2020/05//", "2020///", "")] == [2020, 2020, 2020, None]
    assert keywords_of("a, b ,,c") == ["a", "b", "c"]
    assert identify(["no paper"], doi="none") is None


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        list(Bibtex(tmp_path / "missing").read())


# All signs but those that BibTeX or LaTeX give a meaning.
PLAIN = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\\{}$~`'\"@\0"), max_size=60)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(PLAIN, PLAIN, st.booleans()), max_size=6))
def test_what_a_writer_writes_comes_back_or_is_counted(tmp_path: Path, papers: list[tuple[str, str, bool]]) -> None:
    text = "".join(
        entry(f"k{number}", title=title, abstract=abstract)
        if braces
        else f'@misc(k{number}, year = 2020, title = "{title}", abstract = "{abstract}")\n'
        for number, (title, abstract, braces) in enumerate(papers)
    )
    records = read(tmp_path, text)
    assert len(records) == len(papers)
    for (title, abstract, _), record in zip(papers, records, strict=True):
        title, abstract = " ".join(title.split()), " ".join(abstract.split())
        if title and abstract:
            assert isinstance(record, Paper)
            assert (record.title, record.abstract) == (title, abstract)
        else:
            assert isinstance(record, Skipped)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.text(st.sampled_from('@{}()"#,=\\$~%\n\r ak1\x00\x85é'))
    | st.binary(max_size=80).map(lambda one: one.decode("latin-1"))
)
def test_no_text_stops_the_entries_around_it(tmp_path: Path, text: str) -> None:
    first, *_, last = read(tmp_path, entry("a") + text + "\n" + entry("b"))
    assert isinstance(first, Paper)
    assert first.id == "bibtex:a"
    assert isinstance(last, Paper)
    assert last.title == "A title"
