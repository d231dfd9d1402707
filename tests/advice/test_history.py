import pytest

from guide.advice.history import append_review, last_review, remember
from guide.errors import InputError
from tests.judgements import review


def _named(title="Zebrafish", source="idea.md", sha256="b" * 64):
    plain = review()
    changed = {"title": title, "source": source, "sha256": sha256}
    return review(proposal=plain.proposal.model_copy(update=changed))


def test_the_first_review_has_nothing_before_it(tmp_path):
    assert remember(tmp_path / "history.jsonl", _named()) is None


def test_each_review_is_one_line_and_comes_back_as_it_was(tmp_path):
    file = tmp_path / "history.jsonl"
    first, second = _named(sha256="1" * 64), _named(sha256="2" * 64)
    remember(file, first)
    assert remember(file, second) == first
    assert last_review(file, first) == second
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2


def test_the_same_title_goes_before_the_same_file_name(tmp_path):
    file = tmp_path / "history.jsonl"
    append_review(file, _named(title="Zebrafish", source="one.md"))
    append_review(file, _named(title="Newts", source="two.md"))
    assert last_review(file, _named(title="Zebrafish", source="two.md")).proposal.source == "one.md"
    assert last_review(file, _named(title="Frogs", source="two.md")).proposal.title == "Newts"
    assert last_review(file, _named(title="Frogs", source="three.md")) is None


def test_two_texts_from_standard_input_are_not_taken_for_one(tmp_path):
    file = tmp_path / "history.jsonl"
    append_review(file, _named(title="", source="-"))
    assert last_review(file, _named(title="", source="-")) is None


def test_a_review_in_another_version_of_the_format_is_passed_over(tmp_path):
    file = tmp_path / "history.jsonl"
    plain = _named()
    earlier = plain.provenance.model_copy(update={"schema_version": 1})
    append_review(file, plain.model_copy(update={"provenance": earlier}))
    assert last_review(file, plain) is None


@pytest.mark.parametrize("line", ["half a li", "[]", '{"proposal": {}}', '{"proposal": 1, "provenance": {}}'])
def test_a_line_that_is_no_review_is_named_and_nothing_is_written(tmp_path, line):
    file = tmp_path / "history.jsonl"
    append_review(file, _named())
    before = file.read_text(encoding="utf-8") + line
    file.write_text(before, encoding="utf-8")
    with pytest.raises(InputError, match="line 2"):
        remember(file, _named())
    assert file.read_text(encoding="utf-8") == before


def test_a_last_line_without_its_end_is_not_joined_to_the_next(tmp_path):
    file = tmp_path / "history.jsonl"
    append_review(file, _named())
    file.write_text(file.read_text(encoding="utf-8").rstrip("\n"), encoding="utf-8")
    append_review(file, _named())
    assert len(file.read_text(encoding="utf-8").splitlines()) == 2


def test_a_folder_that_cannot_be_written_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        append_review(tmp_path / "nowhere" / "history.jsonl", _named())
