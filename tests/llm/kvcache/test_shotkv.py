import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from guide.errors import InputError
from guide.llm.kvcache.eviction import continue_from, evict
from guide.llm.kvcache.observation import prefill
from guide.llm.kvcache.ratio import Kept
from guide.llm.kvcache.shotkv import DrawnTokens, Span, random_units, select_units
from guide.llm.model import Sampling


def _laid_out(modules, start=5):
    """Spans of these modules (id, scores), one after the other; the scores of the prompt, 5 tokens before and after."""
    spans, scores = [], [0.0] * start
    for name, own in modules:
        spans.append(Span(name, len(scores), len(scores) + len(own)))
        scores += own
    scores += [0.0] * 5
    return spans, {0: torch.tensor([scores])}, torch.ones(1, len(scores), dtype=torch.bool)


def test_the_modules_of_the_largest_mean_stay_whole_with_all_that_is_no_module():
    spans, scores, mask = _laid_out([("a", [1.0] * 8), ("b", [3.0] * 4), ("c", [0.9] * 20), ("d", [2.0] * 6)])
    kept = select_units(scores, mask, [spans], Kept(40 / 48), layers=3)
    # 10 protected tokens, then b, d and a; the long module's sum is the largest, and it would fit, but not its mean.
    assert kept.retained == (("a", "b", "d"),)
    expected = [*range(17), *range(37, 48)]
    assert [columns.tolist() for columns in kept.selection.columns] == [[expected]] * 3


def test_a_module_that_no_longer_fits_leaves_its_room_to_the_next():
    spans, scores, mask = _laid_out([("best", [3.0] * 6), ("long", [2.0] * 30), ("short", [1.0] * 4)])
    assert select_units(scores, mask, [spans], Kept(20 / 50), layers=1).retained == (("best", "short"),)


@st.composite
def _prompts(draw):
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=8))
    values = draw(st.lists(st.floats(0, 1), min_size=len(sizes), max_size=len(sizes), unique=True))
    return [(f"m{number}", [value] * size) for number, (size, value) in enumerate(zip(sizes, values, strict=True))]


@given(_prompts(), st.floats(0.05, 1.0), st.randoms(use_true_random=False), st.booleans())
def test_only_whole_modules_survive_within_the_budget_in_whatever_order_they_stand(modules, share, shuffler, lot):
    spans, scores, mask = _laid_out(modules)
    budget = Kept(share).tokens(mask.shape[1])

    def chosen(spans, scores):
        if lot:
            return random_units(mask, [spans], Kept(share), [4], layers=2)
        return select_units(scores, mask, [spans], Kept(share), layers=2)

    if budget < 10:
        with pytest.raises(InputError, match="are protected"):
            chosen(spans, scores)
        return
    units = chosen(spans, scores)
    columns = set(units.selection.columns[0][0].tolist())
    assert len(columns) <= budget
    for span in spans:
        inside = len(columns & set(range(span.start, span.stop)))
        assert inside == (span.tokens if span.id in units.retained[0] else 0)
    assert columns >= {*range(5), *range(mask.shape[1] - 5, mask.shape[1])}
    # Every module that was left out had no room any more.
    assert all(len(columns) + span.tokens > budget for span in spans if span.id not in units.retained[0])

    shuffled = list(modules)
    shuffler.shuffle(shuffled)
    moved, moved_scores, _ = _laid_out(shuffled)
    again = chosen(moved, moved_scores)
    assert set(again.retained[0]) == set(units.retained[0])
    assert again.retained[0] == tuple(name for name, _ in shuffled if name in units.retained[0])


def test_a_protected_module_stays_though_nothing_looks_at_it():
    spans, scores, mask = _laid_out([("ignored", [0.0] * 6), ("watched", [1.0] * 6)])
    guarded = [Span("ignored", spans[0].start, spans[0].stop, protected=True), spans[1]]
    assert select_units(scores, mask, [spans], Kept(16 / 22), layers=1).retained == (("watched",),)
    assert select_units(scores, mask, [guarded], Kept(16 / 22), layers=1).retained == (("ignored",),)


def test_spans_are_counted_from_a_prompt_s_own_first_token_whatever_the_padding():
    spans, scores, mask = _laid_out([("a", [2.0] * 5), ("b", [1.0] * 5)])
    padded = {0: torch.nn.functional.pad(scores[0], (5, 0))}
    read = torch.nn.functional.pad(mask, (5, 0), value=False)
    units = select_units(padded, read, [spans], Kept(0.75), layers=1)
    assert units.retained == (("a",),)
    assert units.selection.columns[0].tolist() == [[*range(5, 15), *range(20, 25)]]


def test_scores_count_from_all_layers():
    spans, first, mask = _laid_out([("a", [1.0] * 5), ("b", [2.0] * 5)])
    _, second, _ = _laid_out([("a", [5.0] * 5), ("b", [1.0] * 5)])
    assert select_units(first, mask, [spans], Kept(0.75), layers=2).retained == (("b",),)
    assert select_units({0: first[0], 1: second[0]}, mask, [spans], Kept(0.75), layers=2).retained == (("a",),)


def test_a_choice_by_lot_differs_with_its_seed_and_keeps_the_same_budget():
    spans, scores, mask = _laid_out([(f"m{number}", [float(number)] * 6) for number in range(10)])
    ranked = select_units(scores, mask, [spans], Kept(0.5), layers=2)
    assert ranked.retained == (("m6", "m7", "m8", "m9"),)
    lots = {random_units(mask, [spans], Kept(0.5), [seed], layers=2).retained[0] for seed in range(5)}
    assert len(lots) > 2
    assert all(len(lot) == 4 for lot in lots)
    assert ranked.retained[0] not in lots


def test_padded_rows_keep_the_same_modules_as_alone_and_can_be_continued(model, padded):
    ids, mask = padded
    spans = [
        [Span("a", 4, 20), Span("b", 20, 33), Span("c", 36, 50)],
        [Span("d", 3, 15), Span("e", 15, 30)],
    ]
    observed = prefill(model, ids, mask, window=6)
    units = select_units(observed.scores, observed.prefix.mask, spans, Kept(0.7), layers=4)
    assert all(0 < len(kept) < len(all_of_it) for kept, all_of_it in zip(units.retained, spans, strict=True))
    greedy = Sampling(temperature=0, max_tokens=6)
    drawn = continue_from(model, evict(observed.prefix, units.selection), greedy).drawn
    alone = prefill(model, ids[1:, 23:], window=6)
    own = select_units(alone.scores, alone.prefix.mask, spans[1:], Kept(0.7), layers=4)
    assert own.retained == units.retained[1:]
    assert continue_from(model, evict(alone.prefix, own.selection), greedy).drawn[0] == drawn[1]


@pytest.mark.parametrize(
    "spans",
    [
        [Span("a", 2, 2)],
        [Span("a", -1, 3)],
        [Span("a", 5, 21)],
        [Span("a", 2, 8), Span("b", 7, 9)],
        [Span("a", 2, 8), Span("a", 8, 9)],
    ],
)
def test_spans_that_cannot_be_are_refused(spans):
    mask = torch.ones(1, 20, dtype=torch.bool)
    with pytest.raises(InputError, match="span"):
        select_units({0: torch.zeros(1, 20)}, mask, [spans], Kept(1.0), layers=1)
    with pytest.raises(InputError, match="span"):
        random_units(mask, [spans], Kept(1.0), [0], layers=1)


def test_what_was_not_observed_or_given_cannot_be_chosen_from():
    spans, scores, mask = _laid_out([("a", [1.0] * 5)])
    for wrong in (
        lambda: select_units({}, mask, [spans], Kept(), layers=1),
        lambda: select_units(scores, mask, [], Kept(), layers=1),
        lambda: select_units(scores, mask, [spans], Kept(), layers=0),
        lambda: random_units(mask, [spans], Kept(), [1, 2], layers=1),
    ):
        with pytest.raises(InputError):
            wrong()


def _step(drawn, attention):
    """Scores of one step by two layers over 3 columns of a prompt and `drawn` tokens."""
    row = [9.0, 9.0, 9.0, *attention(drawn)]
    return {0: torch.tensor([row]), 1: torch.zeros(1, len(row))}


def test_drawn_tokens_that_get_no_attention_leave_first_and_the_last_ones_stay():
    kept = DrawnTokens(Kept(0.5), prompt=3, recent=2)
    assert kept.columns_kept(_step(1, lambda n: [0.5])) is None
    assert kept.columns_kept(_step(2, lambda n: [0.9, 0.1])) is None
    # Two may stay of three; both are recent.
    assert kept.columns_kept(_step(3, lambda n: [0.9, 0.0, 0.1])).tolist() == [[0, 1, 2, 4, 5]]


def test_the_attention_of_every_step_counts():
    kept = DrawnTokens(Kept(0.75), prompt=0, recent=1)
    steps = [[1.0], [0.1, 0.1], [0.5, 0.1], [0.1, 0.1, 0.1], [0.0, 0.3, 0.2, 0.1]]
    answers = [kept.columns_kept({0: torch.tensor([step])}) for step in steps]
    # One of two may stay, so the first leaves; one more leaves at the fifth: the fourth token has 0.3 by then, the
    # second 0.7, though nothing looks at that any more.
    assert [None if answer is None else answer.tolist() for answer in answers] == [None, [[1]], None, None, [[0, 1, 3]]]


def test_the_attention_of_a_token_stays_its_own_when_another_leaves():
    kept = DrawnTokens(Kept(0.5), prompt=0, recent=1)
    steps = [[1.0], [0.1, 0.1], [0.1, 0.1], [0.1, 0.3], [0.0, 0.3, 0.1], [0.1, 0.2, 0.1], [0.0, 0.0, 0.5, 0.1]]
    answers = [kept.columns_kept({0: torch.tensor([step])}) for step in steps]
    assert answers[4].tolist() == [[1, 2]]
    # The fourth token has 0.7 by then, the fifth 0.3, the sixth 0.6.
    assert answers[6].tolist() == [[0, 2, 3]]


def test_at_least_the_last_token_drawn_is_kept():
    with pytest.raises(InputError, match="last token"):
        DrawnTokens(Kept(0.5), prompt=3, recent=0)
