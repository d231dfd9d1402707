import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from guide.eval.comparison.figures import (
    bootstrap_interval,
    effective_rank,
    energy,
    kendall,
    mean,
    ratio,
    share,
    spearman,
    spread,
    spread_ratio,
    standardised_shift,
    top_k_overlap,
)

# Few different values make many ties.
tied_pairs = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=2, max_size=30).map(
    lambda pairs: np.array(pairs, dtype=float).T
)
tables = npst.arrays(np.float64, st.tuples(st.integers(2, 8), st.integers(2, 6)), elements=st.integers(-50, 50))


def _mean_ranks(values):
    return np.array([(values < one).sum() + ((values == one).sum() + 1) / 2 for one in values])


def _pairwise_tau_b(a, b):
    signs_a, signs_b = np.sign(a[:, None] - a), np.sign(b[:, None] - b)
    return (signs_a * signs_b).sum() / np.sqrt((signs_a**2).sum() * (signs_b**2).sum())


@given(tied_pairs)
def test_spearman_is_the_correlation_of_mean_ranks(pair):
    a, b = pair
    found = spearman(a, b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(np.corrcoef(_mean_ranks(a), _mean_ranks(b))[0, 1], abs=1e-12)


@given(tied_pairs)
def test_kendall_counts_pairs_and_corrects_for_ties(pair):
    a, b = pair
    found = kendall(a, b)
    if np.ptp(a) == 0 or np.ptp(b) == 0:
        assert np.isnan(found)
    else:
        assert found == pytest.approx(_pairwise_tau_b(a, b), abs=1e-12)


def test_five_scores_with_two_swapped_neighbours_give_the_textbook_coefficients():
    a, b = np.arange(5.0), np.array([0.0, 2, 1, 3, 4])
    assert spearman(a, b) == pytest.approx(1 - 6 * 2 / (5 * 24))
    assert kendall(a, b) == pytest.approx(1 - 2 * 1 / 10)


@pytest.mark.parametrize("figure", [spearman, kendall, standardised_shift, spread_ratio])
def test_a_row_that_either_model_lacks_is_left_out(figure):
    a, b = np.array([1, 2, np.nan, 4, 5]), np.array([2, 3, 9, np.nan, 4])
    kept = [0, 1, 4]
    assert figure(a, b) == figure(a[kept], b[kept])


@pytest.mark.parametrize("figure", [spearman, kendall, standardised_shift, spread_ratio])
def test_nothing_to_compare_is_undefined(figure):
    assert np.isnan(figure(np.full(4, np.nan), np.arange(4.0)))


@given(
    npst.arrays(np.float64, st.integers(2, 20), elements=st.floats(-10, 10), unique=True),
    st.floats(0.1, 10),
    st.floats(-5, 5),
)
def test_a_stretched_and_shifted_score_has_that_stretch_and_shift(scores, stretch, by):
    changed = stretch * scores + by
    expected = (changed.mean() - scores.mean()) / scores.std() if scores.std() > 1e-6 else None
    if expected is not None:
        assert standardised_shift(scores, changed) == pytest.approx(expected, abs=1e-9)
        assert spread_ratio(scores, changed) == pytest.approx(stretch, rel=1e-6)


def test_equal_scores_that_do_not_vary_have_not_moved():
    same = np.full(4, 5.0)
    assert standardised_shift(same, same) == 0
    assert spread_ratio(same, same) == 1
    assert standardised_shift(same, same - 1) == -np.inf


def test_the_energy_of_equal_logits_is_their_height_and_their_number():
    assert energy(np.full((2, 50), 3.0)) == pytest.approx([-(3 + np.log(50))] * 2)


@given(tables, st.floats(0.5, 4), st.floats(-100, 100))
def test_energy_is_minus_logsumexp_and_falls_with_what_is_added_to_all_logits(logits, temperature, added):
    torch = pytest.importorskip("torch")
    expected = -temperature * torch.logsumexp(torch.tensor(logits) / temperature, dim=-1).numpy()
    assert energy(logits, temperature) == pytest.approx(expected, abs=1e-9)
    assert energy(logits + added, temperature) == pytest.approx(expected - added, abs=1e-9)


def test_the_energy_of_label_probabilities_is_minus_the_log_of_their_sum():
    assert energy(np.log([[0.2, 0.3], [0.01, 0.04]])) == pytest.approx([-np.log(0.5), -np.log(0.05)])


@pytest.mark.parametrize("width", [1, 2, 7])
def test_representations_with_identity_covariance_have_as_many_effective_ranks_as_axes(width):
    rows = np.concatenate([np.eye(width), -np.eye(width)])
    assert effective_rank(rows) == pytest.approx(width)


def test_representations_on_one_line_have_one_effective_rank():
    rows = np.outer([1.0, -2, 5, 0.5], [3.0, 4, -1])
    assert effective_rank(rows) == pytest.approx(1)


def test_two_directions_of_unequal_weight_have_the_exponential_of_their_entropy():
    # Eight rows along the first axis and two along the second: eigenvalues 0.8 and 0.2 of the covariance.
    rows = np.array([[1, 0], [-1, 0]] * 4 + [[0, 1], [0, -1]], dtype=float)
    assert effective_rank(rows) == pytest.approx(np.exp(-(0.8 * np.log(0.8) + 0.2 * np.log(0.2))))


@given(tables, st.integers(0, 9))
def test_effective_rank_agrees_with_the_covariances_eigenvalues_and_sees_no_turn_shift_or_scale(rows, seed):
    centred = rows - rows.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1)
    if not (lengths > 1e-9).all():
        return
    unit = centred / lengths[:, None]
    weights = np.clip(np.linalg.eigvalsh(unit.T @ unit / len(rows)), 0, None)
    weights = weights[weights > 1e-15] / weights.sum()
    expected = np.exp(-(weights * np.log(weights)).sum())
    assert effective_rank(rows) == pytest.approx(expected, rel=1e-6)
    assert 1 - 1e-9 <= effective_rank(rows) <= min(rows.shape) + 1e-9
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(rows.shape[1],) * 2))[0]
    assert effective_rank(3 * rows @ turn + 7) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("rows", [np.ones((3, 4)), np.array([[1.0, 2], [np.nan, 3]]), np.empty((0, 3))])
def test_representations_that_are_all_equal_or_no_numbers_have_no_rank(rows):
    assert np.isnan(effective_rank(rows))


@given(tables, st.integers(1, 6))
def test_a_model_shares_all_of_its_top_labels_with_itself(logits, k):
    assert (top_k_overlap(logits, logits, k) == 1).all()


@given(tables, st.integers(1, 6), st.integers(0, 99))
def test_the_overlap_is_that_of_the_two_sets(logits, k, seed):
    other = logits + np.random.default_rng(seed).normal(size=logits.shape)
    k = min(k, logits.shape[1])

    def top(row):
        return set(sorted(range(len(row)), key=lambda label: (-row[label], label))[:k])

    expected = [len(top(one) & top(two)) / k for one, two in zip(logits, other, strict=True)]
    assert top_k_overlap(logits, other, k) == pytest.approx(expected)


def test_noise_lowers_the_overlap_towards_chance():
    random = np.random.default_rng(0)
    logits = random.normal(size=(2000, 10))
    little, much = (mean(top_k_overlap(logits, logits + by * random.normal(size=logits.shape), 3)) for by in (0.3, 100))
    assert much < little < 1
    assert much == pytest.approx(0.3, abs=0.02)


def test_a_row_without_numbers_has_no_overlap():
    logits = np.array([[1.0, 2, 3], [np.nan] * 3])
    assert np.isnan(top_k_overlap(logits, logits, 2)).tolist() == [False, True]


def test_shares_ratios_and_means_of_nothing_are_undefined_not_errors():
    assert np.isnan(share(np.zeros(2, int), np.zeros(2, int)))
    assert np.isnan(mean(np.array([np.nan])))
    assert np.isnan(spread(np.array([])))
    assert ratio(0.0, 0.0) == 1
    assert ratio(2.0, 0.0) == np.inf


def test_the_interval_of_a_mean_is_that_of_normal_theory():
    values = np.random.default_rng(1).normal(size=400)
    low, high = bootstrap_interval(lambda rows: values[rows].mean(), 400, resamples=4000, seed=0, level=0.95)
    half = 1.96 * values.std() / 20
    assert (low, high) == pytest.approx((values.mean() - half, values.mean() + half), abs=0.01)


def test_figures_of_one_seed_see_the_same_resamples():
    seen = []
    for _ in range(2):
        seen.append([])
        bootstrap_interval(
            lambda rows: seen[-1].append(rows.tolist()) or 0.0, 5, resamples=20, seed=3, level=0.9
        )  # fmt: skip
    assert seen[0] == seen[1]
    assert len({tuple(rows) for rows in seen[0]}) > 1


def test_resamples_that_leave_a_figure_undefined_are_left_out():
    values = np.array([0.0, 1, np.nan])

    def of(rows):
        return mean(values[rows])

    assert bootstrap_interval(of, 3, resamples=500, seed=0, level=0.95) == (0, 1)
    undefined = bootstrap_interval(lambda rows: np.nan, 3, resamples=50, seed=0, level=0.95)
    assert np.isnan(undefined).all()


def test_an_infinite_resample_makes_the_end_infinite_not_undefined():
    values = np.array([1.0, 2, 3, np.inf])
    low, high = bootstrap_interval(lambda rows: values[rows].mean(), 4, resamples=500, seed=0, level=0.95)
    assert low >= 1
    assert high == np.inf
