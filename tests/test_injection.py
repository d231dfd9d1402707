"""Text that speaks to the reviewer is reported and moves no score: forty attacks, each against its clean idea."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from guide.advisor import review_idea
from guide.corpus.minilm.model import MiniLM
from guide.corpus.store import Store
from guide.review import Review
from tests.injections import INJECTIONS, PAPERS, Injection

MOST_MOVED = 0.02
# What every review of so short a text in Markdown or LaTeX says.
_ORDINARY = ("LaTeX is read", "no title was found", "left out: 1 image")


@pytest.fixture(scope="module")
def reviewed(tmp_path_factory: pytest.TempPathFactory, encoder: MiniLM) -> Callable[..., Review]:
    """Review a document against a store of some papers; what was reviewed before is not reviewed again."""
    known: dict[tuple[object, ...], Review] = {}

    def make(text: str, suffix: str = ".md", papers=PAPERS) -> Review:
        key = (text, suffix, papers)
        if key not in known:
            folder = tmp_path_factory.mktemp("injected")
            with Store.create_or_open(folder / "store", encoder) as store:
                store.add(papers)
            file = Path(folder, f"idea{suffix}")
            file.write_text(text, encoding="utf-8")
            known[key] = review_idea(str(file), store=str(folder / "store"))
        return known[key]

    return make


@pytest.mark.parametrize("injection", INJECTIONS, ids=lambda injection: injection.name)
def test_an_injected_idea_is_reported_and_scored_as_its_clean_one(
    injection: Injection, reviewed: Callable[..., Review]
) -> None:
    clean = reviewed(injection.clean(), injection.suffix)
    injected = reviewed(injection.document(), injection.suffix, injection.papers())
    said = set(injected.proposal.warnings) - set(clean.proposal.warnings)
    assert [warning for warning in said if not warning.startswith(_ORDINARY)]
    assert injected.judgement.p_accept == pytest.approx(clean.judgement.p_accept, abs=MOST_MOVED)


def test_there_are_forty_attacks() -> None:
    assert len({injection.name for injection in INJECTIONS}) == len(INJECTIONS) == 40
