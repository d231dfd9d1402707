"""What a shortened text may not lose."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from guide.corpus.guards import find_guarded, find_lost, holds_guarded

_SAMPLES = (
    "the model n't not no never without fails only don't can\u2019t non-convex few-shot 3 3.2% 12 ms 2x -0.3 < 0.05 "
    "p = ± 1,024 3.5e-4 [12] [3, 5-7] (Roe, 2020) et al. \\cite{roe} @roe2020 at least than to minus two "
    "twice percent , . ; _not_ not, (not improve) novel nothing; knot only. GPT-4 10² ½ $\\leq$ 5 No Only NOT Twice"
)
WORDS = st.sampled_from(_SAMPLES.split())
TEXTS = st.one_of(st.text(), st.lists(WORDS).map(" ".join))


def _texts(text: str, kind: str) -> list[str]:
    return [item.text for item in find_guarded(text) if item.kind == kind]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("It gains 3.2 points.", ["3.2 points"]),
        ("It gains 10% more.", ["10% more"]),
        ("It runs in 5 ms on a chip with 64 GB.", ["5 ms", "64 GB"]),
        ("The shift is -0.3, as before.", ["-0.3"]),
        ("The shift is minus 2 here.", ["minus 2 here"]),
        ("This holds (p < 0.05) always.", ["p < 0.05"]),
        ("Scores are 71.2 ± 0.4 overall.", ["71.2 ±", "71.2 ± 0.4 overall"]),
        ("It needs 1,024 steps at a rate of 3.5e-4.", ["1,024 steps", "of 3.5e-4"]),
        ("It is 2x faster.", ["2x faster"]),
        ("It needs at least 3 rounds.", ["at least 3 rounds"]),
        ("More than 40 users came.", ["More than 40 users"]),
        ("From 3 to 5 layers.", ["From 3 to", "3 to 5 layers"]),
        ("Layers 3-5 matter.", ["3-5 matter"]),
        ("It is twice as fast.", ["twice as"]),
        ("GPT-4 wins.", ["GPT-4 wins"]),
        ("A bound $\\leq$ 5 holds.", ["bound $\\leq$ 5 holds"]),
        ("Of order 10² only.", ["10² only"]),
    ],
)
def test_a_number_is_guarded_with_its_sign_and_its_unit(text: str, wanted: list[str]) -> None:
    assert _texts(text, "number") == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("It does not improve.", ["not improve"]),
        ("It doesn't help, and can\u2019t.", ["doesn't help", "can\u2019t"]),
        ("No method works without labels.", ["No method", "without labels"]),
        ("Neither A nor B.", ["Neither A", "nor B"]),
        ("It fails, unless tuned.", ["fails", "unless tuned"]),
        ("Only on small, non-convex tasks.", ["Only on", "non-convex tasks"]),
        ("It is *not* so; hardly new.", ["*not* so", "hardly new"]),
        ("A novel knot in another note.", []),
        ("Nothing else, except rain.", ["Nothing else", "except rain"]),
    ],
)
def test_a_negation_is_guarded_with_the_word_after_it(text: str, wanted: list[str]) -> None:
    assert _texts(text, "negation") == wanted


@pytest.mark.parametrize(
    "key",
    [
        "[12]", "[3, 5-7]", "[Roe et al., 2020]", "(Roe, 2020)", "(see Roe and Poe, 2019b; Moe, 2021)",
        "\\cite{roe,poe}",
        "\\citep[see][p. 4]{roe}", "Roe et al. (2020)", "Roe and Poe (2020)", "@roe2020", "\\citet*{roe}",
    ],
)  # fmt: skip
def test_a_citation_key_is_guarded_as_one(key: str) -> None:
    items = find_guarded(f"As was shown by {key} long ago.")
    assert [(item.kind, item.text) for item in items] == [("citation", key)]


def test_an_address_is_no_citation() -> None:
    assert _texts("Write to jane@example.org today.", "citation") == []


def test_what_agrees_loses_nothing() -> None:
    assert find_lost("It is fast. It does not grow by 3%.", "It does not grow by 3%.") == ()


@pytest.mark.parametrize(
    ("source", "stored", "lost"),
    [
        ("It does not grow.", "It does grow.", ("not grow",)),
        ("It does not quite grow.", "It does not grow.", ("not quite", "added: not grow")),
        ("It gains 10% here.", "It gains 10 here.", ("10% here", "added: 10 here")),
        ("So p < 0.05 holds.", "So p 0.05 holds.", ("p < 0.05 holds", "added: 0.05 holds")),
        ("It fell by 3 dB. It fell by 3 dB.", "It fell by 3 dB.", ("by 3 dB",)),
        ("It grew.", "It never grew.", ("added: never grew",)),
        ("First 1 cat, then 2 dogs.", "First 2 dogs, then 1 cat.", ("1 cat",)),
        ("As [12] says.", "As says.", ("[12]",)),
        ("A shift of -0.3 K.", "A shift of 0.3 K.", ("of -0.3 K", "added: of 0.3 K")),
    ],
)
def test_what_is_missing_added_or_moved_is_named(source: str, stored: str, lost: tuple[str, ...]) -> None:
    assert find_lost(source, stored) == lost


@given(TEXTS)
@example("1\x1c2")
def test_the_spans_are_whole_words_in_order(text: str) -> None:
    starts = []
    for item in find_guarded(text):
        starts.append(item.start)
        assert item.start == 0 or text[item.start - 1].isspace()
        assert item.end == len(text) or text[item.end].isspace()
        assert item.text in " ".join(text[item.start : item.end].split())
    assert starts == sorted(starts)


@given(TEXTS)
def test_every_digit_and_every_plain_negation_is_inside_a_span(text: str) -> None:
    covered = set()
    for item in find_guarded(text):
        covered.update(range(item.start, item.end))
    assert all(place in covered for place, sign in enumerate(text) if sign.isdecimal())
    at = 0
    for word in text.split():
        at = text.index(word, at)
        if word.lower().strip(".,;_*()") in {"not", "no", "never", "without", "fails", "only", "don't", "cannot"}:
            assert at in covered
        at += len(word)


@given(TEXTS)
def test_the_quick_look_never_misses_what_the_search_finds(text: str) -> None:
    assert holds_guarded(text) or not find_guarded(text)


@given(TEXTS, TEXTS)
def test_nothing_is_lost_exactly_if_the_lists_agree(source: str, stored: str) -> None:
    agree = [item.text for item in find_guarded(source)] == [item.text for item in find_guarded(stored)]
    assert (find_lost(source, stored) == ()) == agree
