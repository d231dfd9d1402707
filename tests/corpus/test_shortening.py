from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from guide.corpus.compress import Compressed, Extractive, Untouched, count_tokens, settle
from guide.corpus.modules import split_modules
from guide.corpus.records import Paper, Section
from guide.corpus.shortening import CompressionCounts, Shortener
from tests.corpus.fakes import paper

SENTENCES = (
    "Routers decide where a packet goes.",
    "Many of the older designs were made by hand and grew over the years.",
    "We propose a learned router whose routes adapt to the delays of the network.",
    "The model is trained on traces with a loss over the delays.",
    "The weather in the town was fine.",
    "On a ring the delay falls by 12% (p < 0.05).",
    "It does not help on a star.",
    "Experiments show that the learned router lowers the delay of the network.",
)
LONG = " ".join(SENTENCES)
TEXTS = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=12).map(" ".join)
SECTIONS = st.lists(
    st.builds(Section, st.sampled_from(["Introduction", "Method", "Experiments", "Thoughts"]), TEXTS), max_size=3
)
PAPERS = st.lists(st.builds(lambda text, parts: paper(1, abstract=text, sections=tuple(parts)), TEXTS, SECTIONS))


class LosesNumbers:
    """Keeps the first half of a text's words, whatever is in the other."""

    method = "half"
    id = "half-1"

    def compress(self, texts: Sequence[str]) -> list[Compressed]:
        return [settle(text, " ".join(text.split()[: len(text.split()) // 2])) for text in texts]


@given(PAPERS, st.sampled_from([0.2, 0.6, 1.0]))
def test_each_module_is_given_as_the_compressor_leaves_it_and_a_whole_one_is_absent(
    papers: list[Paper], rate: float
) -> None:
    compressor = Extractive(rate)
    given_out = Shortener(compressor)(papers)
    assert len(given_out) == len(papers)
    for one, shortened in zip(papers, given_out, strict=True):
        modules = split_modules(one)
        results = compressor.compress([module.text for module in modules])
        expected = {
            module.kind: result.text for module, result in zip(modules, results, strict=True) if not result.whole
        }
        assert shortened == expected


@given(PAPERS)
def test_the_counts_are_those_of_all_modules(papers: list[Paper]) -> None:
    shortener = Shortener(Extractive(0.5))
    given_out = shortener(papers)
    texts = [module.text for one in papers for module in split_modules(one)]
    kept = [
        shortened.get(module.kind, module.text)
        for one, shortened in zip(papers, given_out, strict=True)
        for module in split_modules(one)
    ]
    shortened_modules = sum(map(len, given_out))
    assert shortener.counts == CompressionCounts(
        method="extractive-1@0.5",
        modules=len(texts),
        whole=len(texts) - shortened_modules,
        guarded=0,
        tokens_before=sum(map(count_tokens, texts)),
        tokens_after=sum(map(count_tokens, kept)),
    )


@given(PAPERS, st.integers(0, 5))
def test_in_however_many_parts_the_papers_come_the_sum_is_the_same(papers: list[Paper], cut: int) -> None:
    at_once, in_parts = Shortener(Extractive(0.4)), Shortener(Extractive(0.4))
    whole = at_once(papers)
    assert list(chain(in_parts(papers[:cut]), in_parts([]), in_parts(papers[cut:]))) == whole
    assert in_parts.counts == at_once.counts


def test_without_papers_there_is_nothing_to_count() -> None:
    shortener = Shortener(Extractive(0.5))
    assert shortener([]) == []
    assert shortener.counts == CompressionCounts("extractive-1@0.5", 0, 0, 0, 0, 0)


def test_what_would_lose_a_number_or_a_negation_is_counted_as_guarded_and_whole() -> None:
    shortener = Shortener(LosesNumbers())
    plain = Paper("a", "Plain", "The router is learned and the routes adapt.", 2020, "")
    risky = Paper("b", "Risky", "The router is learned and it does not fail.", 2020, "")
    first, second = shortener([plain, risky])
    assert first["abstract"] == "The router is learned"
    assert "abstract" not in second
    texts = [module.text for one in (plain, risky) for module in split_modules(one)]
    risky_modules = sum("not" in text for text in texts)
    assert (shortener.counts.modules, shortener.counts.guarded) == (len(texts), risky_modules)
    assert shortener.counts.whole == risky_modules


def test_a_method_that_keeps_everything_hands_on_nothing() -> None:
    shortener = Shortener(Untouched())
    assert shortener([paper(1, abstract=LONG)]) == [{}]
    counts = shortener.counts
    assert counts.modules == counts.whole > 1
    assert counts.tokens_before == counts.tokens_after > 0


def test_papers_of_one_kind_of_text_do_not_mix() -> None:
    texts = (LONG, "One sentence only.", " ".join(reversed(SENTENCES)))
    together = Shortener(Extractive(0.5))([paper(number, abstract=text) for number, text in enumerate(texts)])
    alone = [Shortener(Extractive(0.5))([paper(number, abstract=text)])[0] for number, text in enumerate(texts)]
    assert together == alone
    assert together[0]["abstract"] != together[2]["abstract"]
    assert "abstract" not in together[1]
