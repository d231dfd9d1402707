import io

from rich.console import Console

from guide.advice.revision import Noise, compare_reviews
from guide.advice.views.revision import count_statuses, print_revision
from guide.review import Finding
from tests.judgements import judgement, review

NOISE = Noise(p_accept=0.01, concern=0.01, source="a test")
CUT = Finding(severity="minor", claim="A [red]claim", quote="They swim.", evidence=(), change="Cut it.")
STAYS = Finding(severity="major", claim="No plan was found", quote=None, evidence=(), change="Add one.")


def _printed(revision, **options):
    out = io.StringIO()
    print_revision(revision, Console(file=out, width=100, highlight=False), **options)
    return " ".join(out.getvalue().split())


def _revised():
    old = review(findings=(STAYS, CUT))
    proposal = old.proposal.model_copy(update={"sha256": "c" * 64})
    return compare_reviews(old, review(proposal=proposal, findings=(STAYS,), judgement=judgement(0.42)), NOISE)


def test_a_save_is_told_by_its_move_its_findings_and_their_number():
    text = _printed(_revised())
    assert "P(accept) 30% -> 42% (+12.0 points, more than rewording does: 3)" in text
    assert "gone with the text: A [red]claim" in text
    assert "1 gone with the text, 1 still open" in text


def test_what_stayed_is_counted_and_shown_only_on_request():
    assert "No plan was found" not in _printed(_revised())
    full = _printed(_revised(), full=True)
    assert "still open: No plan was found" in full
    assert "Noise of rewording: a test." in full


def test_a_small_move_is_said_to_be_within_what_rewording_does():
    text = _printed(compare_reviews(review(), review(judgement=judgement(0.31)), NOISE))
    assert "30% -> 31% (+1.0 points, within what rewording does: 3)" in text


def test_an_unchanged_text_is_said_to_be_that():
    text = _printed(compare_reviews(review(), review(), NOISE))
    assert "The text is unchanged." in text
    assert "(no change)" in text


def test_what_else_differs_is_a_warning():
    plain = review()
    other = plain.provenance.model_copy(update={"store_sha256": "f" * 64})
    assert "also differ in store" in _printed(compare_reviews(plain, review(provenance=other), NOISE))


def test_statuses_are_counted_in_the_order_shown():
    assert list(count_statuses(_revised()).items()) == [("gone", 1), ("open", 1)]
