import json
import multiprocessing
import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata

from guide.errors import GuideError, InputError
from guide.scoring.outcomes import Near, Outcome, Search
from guide.scoring.results import Results, input_key
from guide.text.submissions import Submission, Unreadable
from tests.judgements import judgement

SETTINGS = {"engine": "fake-1"}


def submission(name, text="Text.", **changed):
    fields = {"id": name, "title": f"Title of {name}", "text": text, "modules": {}, "where": "in.jsonl:1"}
    return Submission(**{**fields, "sha256": f"hash of {text}", **changed})


def judged(p=0.5, **changed):
    return Outcome(judgement(p, **changed))


@pytest.fixture
def results(tmp_path):
    with Results(tmp_path / "scores.db") as opened:
        yield opened


def fill(results, records, outcomes=()):
    """Enter the records and give their pending texts the outcomes, in order."""
    listing = results.enter(records)
    settings = results.settings(SETTINGS, SETTINGS)
    results.settle(settings)
    answers = iter(outcomes)
    for unit in list(results.pending(2)):
        given_out = [outcome for _, outcome in zip(unit, answers, strict=False)]
        if len(given_out) == len(unit):
            results.record(settings, unit, given_out)
    return listing


def test_every_record_has_a_row_in_order_with_what_came_of_it(results):
    records = [submission("b", "one"), Unreadable("x", None, "title is missing", "in.jsonl:2"), submission("a", "two")]
    search = Search((Near("p1", 0.75),), ("p2",), 3)
    listing = fill(results, records, [judged(0.25), Outcome(judgement(0.5), None, search)])
    assert (listing.records, listing.unreadable, listing.repeats, listing.texts) == (3, 1, 0, 2)
    first, second, third = results.rows()
    assert [(row["id"], row["title"], row["status"]) for row in (first, second, third)] == [
        ("b", "Title of b", "ok"),
        ("x", None, "unreadable: title is missing"),
        ("a", "Title of a", "ok"),
    ]
    assert (first["p_accept"], first["rank"], first["interval_low"]) == (0.25, 2, 0.15)
    assert first["ratings"] == list(judgement().ratings)
    assert first["signals"]["coverage"] == 0.5
    assert first["prior"] is None
    assert (third["prior"], third["self_excluded"], third["after_cutoff"]) == (
        [{"id": "p1", "similarity": 0.75}],
        ["p2"],
        3,
    )
    assert results.left_out() == (1, 3)
    assert (second["rank"], second["p_accept"], second["ratings"]) == (None, None, None)


def test_a_repeated_id_keeps_its_line_and_is_not_judged(results):
    fill(results, [submission("a", "one"), submission("a", "two")], [judged()])
    assert [row["status"] for row in results.rows()] == ["ok", "unreadable: the id is not unique"]


def test_records_of_one_text_share_a_judgement_and_keep_their_ids_and_titles(results):
    listing = fill(results, [submission("a"), submission("b"), submission("c", "else")], [judged(0.3), judged(0.2)])
    assert (listing.repeats, listing.texts) == (1, 2)
    assert [(row["id"], row["title"], row["p_accept"], row["rank"]) for row in results.rows()] == [
        ("a", "Title of a", 0.3, 1),
        ("b", "Title of b", 0.3, 1),
        ("c", "Title of c", 0.2, 3),
    ]
    assert (results.ties().submissions, results.ties().ranks) == (2, 1)


def test_one_text_as_an_idea_and_as_a_record_are_judged_apart(results):
    assert input_key(submission("a")) != input_key(submission("a", form="idea"))
    assert fill(results, [submission("a"), submission("b", form="idea")]).repeats == 0


def test_only_what_is_missing_is_pending_and_failures_are_tried_again(results):
    records = [submission(name, name) for name in "abcd"]
    fill(results, records, [judged(), Outcome(None, "no answer"), judged()])
    # The second unit was incomplete, so nothing of it was kept.
    settings = results.settings(SETTINGS, SETTINGS)
    results.enter(records)
    assert results.settle(settings) == 3
    assert [[one.id for one in unit] for unit in results.pending(2)] == [["b", "c"], ["d"]]
    results.enter(records)
    assert results.settle(settings, retry_failed=False) == 2
    assert results.statuses() == {"missing": 2, "failed: no answer": 1, "ok": 1}


def test_an_edited_record_and_other_settings_are_judged_anew(results):
    fill(results, [submission("a", "one")], [judged()])
    results.enter([submission("a", "one, edited")])
    assert results.settle(results.settings(SETTINGS, SETTINGS)) == 1
    results.enter([submission("a", "one")])
    assert results.settle(results.settings({"engine": "fake-2"}, SETTINGS)) == 1


def test_a_unit_is_kept_whole_or_not_at_all(results):
    records = [submission("a", "one"), submission("b", "two")]
    results.enter(records)
    settings = results.settings(SETTINGS, SETTINGS)
    results.settle(settings)
    broken = Outcome(judgement(), None, Search((), (), object()))
    with pytest.raises(InputError):
        results.record(settings, records, [judged(), broken])
    assert results.statuses() == {"missing": 2}
    assert len(next(results.pending(5))) == 2


def test_an_input_that_breaks_off_leaves_the_list_as_it_was(results):
    fill(results, [submission("a")], [judged()])

    def breaking():
        yield submission("z")
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="gone"):
        results.enter(breaking())
    assert [row["id"] for row in results.rows()] == ["a"]


def test_what_is_entered_to_be_undone_is_undone(results):
    fill(results, [submission("a")], [judged()])
    with results.undone():
        assert results.enter([submission("b", "two")]).records == 1
    assert [row["id"] for row in results.rows()] == ["a"]


@given(chances=st.lists(st.sampled_from([None, 0.0, 0.1, 0.5, 0.5000001, 1.0]), min_size=1, max_size=12))
def test_ranks_are_scipys_with_ties_at_their_best_place(tmp_path_factory, chances):
    records = [submission(str(number), str(number)) for number in range(len(chances))]
    with Results(tmp_path_factory.mktemp("ranks") / "scores.db") as results:
        results.enter(records)
        settings = results.settings(SETTINGS, SETTINGS)
        outcomes = [Outcome(None, "none") if p is None else judged(p, interval=judgement().interval) for p in chances]
        results.record(settings, records, outcomes)
        results.settle(settings)
        ranks = [row["rank"] for row in results.rows()]
        known = [p for p in chances if p is not None]
        expected = iter(rankdata([-p for p in known], method="min"))
        assert ranks == [None if p is None else int(next(expected)) for p in chances]
        assert results.ties().submissions == sum(known.count(p) > 1 for p in known)


def test_half_a_surrogate_pair_breaks_nothing(results):
    fill(results, [submission("a\ud800", title="T\udfff")], [judged()])
    assert [(row["id"], row["title"]) for row in results.rows()] == [("a?", "T?")]


def test_a_database_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "mine.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE mine (row)")
    before = path.read_bytes()
    with pytest.raises(InputError, match="something else"):
        Results(path)
    assert path.read_bytes() == before


def test_a_text_file_is_no_database(tmp_path):
    path = tmp_path / "scores.db"
    path.write_text("a letter to a friend " * 100, encoding="utf-8")
    with pytest.raises(InputError, match="--out FILE"):
        Results(path)


def test_a_newer_format_is_refused(tmp_path):
    Results(tmp_path / "scores.db").close()
    with closing(sqlite3.connect(tmp_path / "scores.db")) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(InputError, match="format 99"):
        Results(tmp_path / "scores.db")


def test_a_second_run_at_the_same_time_is_refused(results):
    with pytest.raises(GuideError, match="another guide score"):
        Results(results.path)


def test_the_lock_of_a_run_that_died_is_gone(tmp_path):
    path = tmp_path / "scores.db"
    process = multiprocessing.get_context("spawn").Process(target=_open_and_die, args=(path,))
    process.start()
    process.join()
    assert process.exitcode == -9
    with Results(path) as results:
        assert results.statuses() == {}


def _open_and_die(path):
    import os
    import signal

    Results(path)
    os.kill(os.getpid(), signal.SIGKILL)


def test_rows_are_json_that_any_reader_takes(results):
    fill(results, [submission("a")], [judged()])
    assert json.loads(json.dumps(list(results.rows()), allow_nan=False))
