import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from guide.errors import InputError, ModelError
from guide.eval.comparison.figures import energy
from guide.eval.comparison.gate import Bound, Thresholds, compare
from guide.eval.comparison.runs import (
    Idea,
    Procedure,
    Question,
    ShowsPosition,
    collect,
    expected_values,
    read_answer,
    read_ideas,
)
from guide.judging import Failure
from guide.llm.model import Answer, Message, Sampling, TextModel
from tests.tiny_qwen2 import TinyQwen2

DIGITS = tuple("0123456789")
TOPICS = ("birds", "tides", "maps", "bread", "chess", "glass", "moss", "trains")
WAYS = ("sparse nets", "trees", "kernels", "graphs", "rules")


def _ask(idea):
    messages = (Message("system", "Score 0-9."), Message("user", f"{idea.title}: {idea.text}"))
    return Question(messages, '{"score": ', messages, frozenset({"A", "B"}))


PROCEDURE = Procedure(_ask, DIGITS, tuple(range(10)), sampling=Sampling(temperature=0, max_tokens=3))
IDEAS = tuple(
    Idea(f"{topic}-{way}", f"{way} for {topic}", f"We learn {topic} with {way} from {number} cases.")
    for number, topic in enumerate(TOPICS)
    for way in WAYS
)
# Forty short proposals tell the two models apart; a hundred would only take longer.
THRESHOLDS = replace(Thresholds(), proposals=Bound("few are enough for a test", low=40))


@pytest.fixture(scope="module")
def whole():
    return collect("whole", IDEAS, load=lambda name: TinyQwen2(), procedure=PROCEDURE)


def test_the_tiny_model_is_a_text_model_that_can_be_looked_into():
    model = TinyQwen2()
    assert isinstance(model, TextModel)
    assert isinstance(model, ShowsPosition)


def test_a_model_is_accepted_against_a_second_run_of_itself(whole):
    again = collect("again", IDEAS, load=lambda name: TinyQwen2(), procedure=PROCEDURE)
    assert np.ptp(whole.scores) > 0.1
    comparison = compare(whole, again, THRESHOLDS, resamples=200)
    assert comparison.verdict == "accepted"
    assert comparison.not_measured == ("citation_validity",)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_model_rounded_to_two_bits_is_refused_for_the_order_of_its_scores(seed):
    run_a = collect("whole", IDEAS, load=lambda name: TinyQwen2(seed), procedure=PROCEDURE)
    run_b = collect("broken", IDEAS, load=lambda name: TinyQwen2(seed, bits=2), procedure=PROCEDURE)
    comparison = compare(run_a, run_b, THRESHOLDS, resamples=200)
    assert comparison.verdict == "refused"
    assert {"spearman", "kendall", "top_k_agreement"} <= set(comparison.failed)


@pytest.mark.parametrize("seed", [0, 1])
def test_a_model_rounded_to_eight_bits_is_accepted(seed):
    run_a = collect("whole", IDEAS, load=lambda name: TinyQwen2(seed), procedure=PROCEDURE)
    run_b = collect("fine", IDEAS, load=lambda name: TinyQwen2(seed, bits=8), procedure=PROCEDURE)
    assert (run_a.scores != run_b.scores).any()
    assert compare(run_a, run_b, THRESHOLDS, resamples=200).failed == ()


def test_rounding_to_more_bits_moves_the_scores_less(whole):
    taus = []
    for bits in (2, 4, 8):
        run = collect("rounded", IDEAS, load=lambda name, bits=bits: TinyQwen2(bits=bits), procedure=PROCEDURE)
        comparison = compare(whole, run, THRESHOLDS, resamples=10)
        taus.append(next(figure.value for figure in comparison.figures if figure.name == "kendall"))
    assert taus == sorted(taus)
    assert taus[-1] > 0.9


def test_a_run_holds_what_the_model_says_and_what_it_holds_inside(whole):
    model = TinyQwen2()
    idea = IDEAS[7]
    prompt = model.render(_ask(idea).score, thinking=False) + '{"score": '
    position = model.last_positions({"x": prompt})["x"]
    digits = [ord(digit) for digit in DIGITS]
    weights = np.exp(position.logits[digits].astype(float))
    assert whole.ids[7] == idea.id
    assert whole.scores[7] == pytest.approx(weights @ np.arange(10) / weights.sum(), rel=1e-5)
    assert whole.energies[7] == pytest.approx(energy(position.logits))
    assert whole.hidden[7] == pytest.approx(position.hidden)
    log_mass = np.log(weights.sum()) + whole.energies[7]
    assert -energy(whole.label_log_probs)[7] == pytest.approx(log_mass, rel=1e-4)


def test_a_label_of_several_tokens_is_refused():
    procedure = replace(PROCEDURE, labels=("10",), values=(10.0,))
    with pytest.raises(InputError, match="not one token"):
        collect("whole", IDEAS[:3], load=lambda name: TinyQwen2(), procedure=procedure)
    with pytest.raises(ValueError, match="2 labels have 1 values"):
        replace(PROCEDURE, labels=("1", "2"), values=(1.0,))


def test_the_loader_is_given_the_name(whole):
    asked = []

    def load(name):
        asked.append(name)
        return TinyQwen2()

    run = collect("some-model", IDEAS[:3], load=load, procedure=PROCEDURE)
    assert asked == ["some-model"]
    assert run.model == "some-model"
    assert run.scores == pytest.approx(whole.scores[:3])


class Served:
    """A chat model with set answers and log-probabilities; what is not set fails."""

    id = "served"
    sha256 = ""
    context = 100
    usage = None

    def __init__(self, answers, log_probs):
        self.answers, self.log_probs = answers, log_probs

    def talk(self, talks):
        assert all(talk.sampling == PROCEDURE.sampling and talk.messages for talk in talks)
        return {
            talk.id: (Answer(self.answers[talk.id], 9, "end"),) if talk.id in self.answers else Failure("busy")
            for talk in talks
        }

    def score_label_talks(self, talks, labels):
        assert labels == DIGITS
        return {id_: self.log_probs.get(id_, Failure("timed out")) for id_ in talks}


def _citing(*names):
    return json.dumps({"citations": names, "verdict": "good"})


def test_a_chat_model_leaves_gaps_where_it_failed():
    ideas = [Idea(name, name, name) for name in "pqrs"]
    certain = np.where(np.arange(10) == 4, 0.0, -np.inf)
    served = Served(
        {"p": _citing("A", "B", "A", "Z"), "q": "I like it.", "r": "<think>{}</think>" + _citing()},
        {"p": certain, "q": np.full(10, -5.0), "s": None},
    )
    run = collect("served", ideas, load=lambda name: served, procedure=PROCEDURE)
    assert run.scores == pytest.approx([4, 4.5, np.nan, np.nan], nan_ok=True)
    assert run.valid_json.tolist() == [True, False, True, False]
    assert run.cited.tolist() == [4, 0, 0, 0]
    assert run.known.tolist() == [3, 0, 0, 0]
    assert run.hidden is None
    comparison = compare(run, run, THRESHOLDS, resamples=50)
    figures = {figure.name: figure for figure in comparison.figures}
    assert (figures["scored"].a, figures["json_validity"].a, figures["citation_validity"].a) == (0.5, 0.5, 0.75)
    assert comparison.not_measured == ("energy", "effective_rank")


def test_a_citation_counts_as_known_only_where_its_source_was_given():
    def ask(idea):
        return replace(_ask(idea), sources=frozenset({idea.id.upper()}))

    served = Served({name: _citing("P", "Q") for name in "pq"} | {"r": _citing("P")}, {"p": np.full(10, -5.0)})
    ideas = [Idea(name, name, name) for name in "pqr"]
    run = collect("served", ideas, load=lambda name: served, procedure=replace(PROCEDURE, ask=ask))
    assert run.known.tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("log_probs", "said"), [({}, "timed out"), ({"p": None}, "tells no probabilities"), ({"p": Failure("401")}, "401")]
)
def test_a_server_without_a_single_score_is_an_error_not_a_comparison(log_probs, said):
    with pytest.raises(ModelError, match=said):
        collect("s", [Idea("p", "t", "x")], load=lambda name: Served({}, log_probs), procedure=PROCEDURE)


@pytest.mark.parametrize(
    ("text", "citations"),
    [
        ('{"citations": []}', ()),
        (' {"citations": ["A", "A"], "n": 1}\n', ("A", "A")),
        ('<think>is {"citations": ["X"]} right?</think>\n{"citations": ["A"]}', ("A",)),
        ('{"citations": ["A"]', None),
        ('```json\n{"citations": ["A"]}\n```', None),
        ('{"citations": "A"}', None),
        ('{"citations": [1]}', None),
        ('{"score": 3}', None),
        ('{"citations": [], "score": NaN}', None),
        ('["citations"]', None),
        ("", None),
        ("[" * 100_000, None),
    ],
)
def test_only_a_json_object_with_a_list_of_citations_is_valid(text, citations):
    assert read_answer(text) == citations


@given(st.text(max_size=100))
def test_reading_any_text_never_fails(text):
    assert read_answer(text) is None or isinstance(read_answer(text), tuple)


@given(npst.arrays(np.float64, (3, 4), elements=st.floats(-2000, 0)))
def test_an_expected_value_lies_between_the_least_and_the_most(log_probs):
    values = expected_values(log_probs, (1, 2, 3, 7))
    assert (values >= 1 - 1e-9).all()
    assert (values <= 7 + 1e-9).all()
    assert values == pytest.approx(expected_values(log_probs - 500, (1, 2, 3, 7)))


def test_equal_labels_have_the_middle_and_impossible_ones_no_value():
    rows = np.array([[-9.0, -9, -9], [0, -np.inf, -np.inf], [-np.inf] * 3, [np.nan] * 3])
    assert expected_values(rows, (1, 2, 3)) == pytest.approx([2, 1, np.nan, np.nan], nan_ok=True)


@pytest.fixture
def records(tmp_path):
    file = tmp_path / "proposals.jsonl"
    lines = [
        {"id": "a", "title": " Songs  of birds ", "abstract": "We record them.\nCode: https://github.com/x/birds."},
        {"title": "No name", "abstract": "It has none."},
        {"id": "a", "title": "Again", "abstract": "A second one."},
        {"id": 7, "title": "Number", "abstract": "Named by a number."},
        {"id": "b", "title": "", "abstract": "x"},
        {"id": "c", "title": "x"},
    ]
    file.write_text("\n".join([*map(json.dumps, lines), "no json"]) + "\n")
    return file


def test_proposals_are_read_as_guide_score_reads_them(records):
    ideas, left_out = read_ideas(records)
    assert [(idea.id, idea.title) for idea in ideas] == [
        ("a", "Songs of birds"), ("line-2", "No name"), ("7", "Number"),
    ]  # fmt: skip
    assert "github" not in ideas[0].text
    assert ideas[0].text.startswith("We record them.")
    assert left_out == {
        "the id is not unique": 1, "title is missing": 1, "abstract is missing": 1, "the line is not JSON": 1,
    }  # fmt: skip


def test_the_limit_counts_records_whether_or_not_they_can_be_used(records):
    ideas, left_out = read_ideas(records, limit=3)
    assert len(ideas) == 2
    assert left_out == {"the id is not unique": 1}


def test_a_file_without_a_usable_record_is_an_error(tmp_path):
    file = tmp_path / "empty.jsonl"
    file.write_text('{"title": "x"}\n')
    with pytest.raises(InputError, match="no record can be used"):
        read_ideas(file)
