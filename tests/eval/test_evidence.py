from dataclasses import replace

import pytest

from guide.corpus.records import Paper
from guide.corpus.starter import starter_path
from guide.corpus.store import Store
from guide.errors import InputError
from guide.eval.evidence import cutoff_of, gather_evidence, shuffle_evidence

IDEA = Paper(
    id="q1",
    title="Sorting tokens before attention",
    abstract="We sort the tokens of a sequence by their keys, so that attention reads near ones only. Translation gets "
    "faster, and its quality stays.",
    year=0,
    venue="",
)


@pytest.fixture(scope="module")
def known():
    """A paper that the starter store has, asked for as if it were submitted."""
    with Store.open(starter_path()) as store:
        row = next(iter(store.entries_at(range(store.count))))
        identifier = store.entries_at([row])[row].id
        paper = next(iter(store.papers([identifier]).values()))
    return Paper(id="q2", title=paper.title, abstract=paper.abstract, year=0, venue="")


def test_a_submission_never_finds_itself(encoder, known):
    found = gather_evidence(starter_path(), [IDEA, known], cutoff="2024-09", encoder=encoder)
    assert known.title not in [item.paper.title for item in found.priors["q2"].evidence]
    assert found.left_out["submissions that found themselves, left out"] == 1


def test_nothing_later_than_the_cutoff_is_shown(encoder):
    found = gather_evidence(starter_path(), [IDEA], cutoff="2015-06", encoder=encoder)
    evidence = found.priors["q1"].evidence
    assert evidence
    assert all((item.paper.posted or f"{item.paper.year}-01") <= "2015-06" for item in evidence)
    assert found.left_out["papers posted after the cut-off, left out"] > 0
    assert (found.cutoff, found.papers) == ("2015-06", 270)


def test_shuffled_evidence_is_never_ones_own(encoder, known):
    papers = [IDEA, known, Paper("q3", "Protein folds", "We fold proteins with a diffusion model.", 0, "")]
    found = gather_evidence(starter_path(), papers, cutoff="2024-09", encoder=encoder)
    ids = [paper.id for paper in papers]
    for seed in range(5):
        shuffled = shuffle_evidence(found, ids, seed)
        assert all(shuffled.priors[one] is not found.priors[one] for one in ids)
        assert {id(prior) for prior in shuffled.priors.values()} == {id(prior) for prior in found.priors.values()}


def test_the_cutoff_is_the_venues_deadline_unless_one_is_given():
    assert cutoff_of("ICLR-2025", None) == "2024-09"
    assert cutoff_of("ICLR-2025", "2024-01") == "2024-01"
    assert cutoff_of("ours", "2024-01") == "2024-01"
    with pytest.raises(InputError, match="no literature cut-off is known for ours"):
        cutoff_of("ours", None)


def test_a_paper_of_the_submissions_own_identifier_is_itself_whatever_it_says_now(encoder):
    """A camera-ready version has another title and other words."""
    (first, *_) = gather_evidence(starter_path(), [IDEA], cutoff="2024-09", encoder=encoder).priors["q1"].evidence
    assert ":" in first.paper.id
    own = replace(IDEA, id=first.paper.id)
    found = gather_evidence(starter_path(), [own], cutoff="2024-09", encoder=encoder)
    prior = found.priors[own.id]
    assert own.id not in [one.paper.id for one in prior.evidence]
    assert own.id not in [one.paper_id for one in prior.passages]
    assert found.left_out["submissions that found themselves, left out"] == 1


def test_shuffled_evidence_does_not_bring_a_submission_back_to_itself(encoder, known):
    """The other's nearest papers hold the submission, which its own search left out."""
    beside = Paper("q4", "A note", f"We ask the same. {known.abstract[:300]} Our answer is another.", 0, "")
    found = gather_evidence(starter_path(), [known, beside], cutoff="2024-09", encoder=encoder)
    assert known.title in [one.paper.title for one in found.priors["q4"].evidence]
    shuffled = shuffle_evidence(found, ["q2", "q4"], 0)
    assert known.title not in [one.paper.title for one in shuffled.priors["q2"].evidence]
