import numpy as np
import pytest

from guide.calibration.base_rates import parse_venue
from guide.corpus.sentences import split_sentences
from guide.engines import EngineChoice, load_engine
from guide.errors import InputError
from guide.judging import JudgeRequest
from guide.student.engine import background_vocabulary, load_student

ICLR = parse_venue("ICLR-2025")
ABSTRACT = (
    "Retrieval-augmented language models state answers with more confidence than their evidence allows once the "
    "documents drift away from the training distribution. We study when a reader should distrust its retriever. "
    "We derive a bound on the calibration error that retrieval adds, and fit a small head that predicts it from "
    "the overlap of the retrieved passages. On six question answering sets with documents from later years, the "
    "head halves the calibration error at the same accuracy, and abstaining on its advice keeps the error rate "
    "under ten per cent. Ablations show that overlap, and not length, carries the signal."
)


@pytest.fixture(scope="module")
def student(encoder):
    return load_student(encoder=encoder)


def _judge(student, text=ABSTRACT, title="Distrusting the retriever", venue=ICLR):
    return student.judge([JudgeRequest("x", title, text, venue)])["x"]


def test_a_judgement_is_whole(student):
    judgement = _judge(student)
    assert sum(judgement.ratings) == pytest.approx(1)
    assert judgement.rating == pytest.approx(np.dot(judgement.ratings, range(1, 11)))
    assert judgement.interval.low < judgement.p_accept < judgement.interval.high
    assert judgement.calibration.status == "calibrated"
    assert judgement.p_correct == pytest.approx(max(judgement.p_accept, 1 - judgement.p_accept))
    assert set(judgement.subscores) == {"soundness", "contribution", "presentation"}
    assert judgement.calibration.n > 5000


def test_a_judgement_does_not_depend_on_its_batch(student):
    others = [JudgeRequest(f"o{n}", f"Title {n}", ABSTRACT[: 200 + 90 * n], ICLR) for n in range(5)]
    together = student.judge([*others, JudgeRequest("x", "Distrusting the retriever", ABSTRACT, ICLR)])["x"]
    assert together.p_accept == pytest.approx(_judge(student).p_accept, abs=1e-5)


def test_answers_are_keyed_by_id(student):
    texts = {f"r{n}": ABSTRACT[n * 40 :] for n in range(4)}
    answers = student.judge([JudgeRequest(name, "T", text, ICLR) for name, text in texts.items()])
    assert set(answers) == set(texts)
    for name, text in texts.items():
        assert answers[name].p_accept == pytest.approx(_judge(student, text, "T").p_accept, abs=1e-5)


def test_two_requests_of_one_id_are_refused(student):
    request = JudgeRequest("x", "T", ABSTRACT, ICLR)
    with pytest.raises(InputError, match="one id"):
        student.judge([request, request])


def test_no_requests_give_no_answers(student):
    assert student.judge([]) == {}


def test_a_higher_base_rate_gives_a_higher_chance_and_the_same_rating(student):
    low, high = _judge(student, venue=parse_venue("ICLR-2030=0.2")), _judge(student, venue=parse_venue("ICLR-2030=0.5"))
    assert low.p_accept < high.p_accept
    assert low.rating == high.rating


def test_another_venue_is_not_calibrated(student):
    judgement = _judge(student, venue=parse_venue("NeurIPS-2024"))
    assert judgement.calibration.status == "not calibrated"
    assert judgement.p_correct is None


def test_three_words_are_judged_but_not_calibrated(student):
    judgement = _judge(student, "deep learning good", "")
    assert judgement.calibration.status == "not calibrated"
    assert any("3 words" in reason for reason in judgement.calibration.reasons)


def test_another_language_is_not_calibrated(student):
    text = "Wir untersuchen, wann ein Sprachmodell seinen Quellen misstrauen sollte. " * 12
    judgement = _judge(student, text, "Misstrauen")
    assert any("(de)" in reason for reason in judgement.calibration.reasons)


def test_the_whole_among_the_variants_is_the_judgement_itself(student):
    count = len(split_sentences(ABSTRACT))
    chances = student.chances_without_each("Distrusting the retriever", ABSTRACT, count, ICLR)
    assert len(chances) == count + 1
    assert chances[0] == pytest.approx(_judge(student).p_accept, abs=1e-5)


def test_a_variant_moves_as_the_text_read_without_that_sentence_does(student):
    sentences = split_sentences(ABSTRACT)
    whole, *variants = student.chances_without_each("Distrusting the retriever", ABSTRACT, len(sentences), ICLR)
    read = [
        _judge(student, " ".join(sentences[:gone] + sentences[gone + 1 :]), "Distrusting the retriever").p_accept
        for gone in range(len(sentences))
    ]
    assert np.corrcoef(whole - np.array(variants), whole - np.array(read))[0, 1] > 0.5


def test_the_shipped_student_saw_nothing_after_2024(student):
    assert student.last_training_year == 2024
    assert student.card["seed"] == 0


def test_the_shipped_parameters_are_small(student):
    from guide.student.parameters import WEIGHTS

    assert sum(file.stat().st_size for file in WEIGHTS.iterdir()) < 10 * 2**20


def test_the_vocabulary_knows_which_words_tell():
    vocabulary = background_vocabulary()
    assert vocabulary.idf_of("calibration") > vocabulary.idf_of("learning") > vocabulary.idf_of("the")


def test_an_unknown_engine_is_an_input_error():
    with pytest.raises(InputError, match="no engine"):
        load_engine(EngineChoice("oracle"))


def test_the_shipped_held_out_scores_tell_accepted_from_rejected():
    from sklearn.metrics import roc_auc_score

    from guide.student.parameters import load

    parameters = load().parameters
    auroc = roc_auc_score(parameters.heldout_accepted, parameters.heldout_evidence)
    assert 0.58 < auroc < 0.70


def test_a_percentile_is_the_share_that_lies_lower():
    from guide.student.engine import _percentile

    percentiles = np.arange(101) * 2.0
    assert _percentile(101.0, percentiles) == pytest.approx(50.5)
    assert (_percentile(-5.0, percentiles), _percentile(999.0, percentiles)) == (0, 100)
