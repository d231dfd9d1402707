from __future__ import annotations

from typing import get_args

import pytest

from guide.llm.thinking.labels import LabelScore
from guide.llm.thinking.trace import Boundary, Stop, Trace, end_thinking


@pytest.mark.parametrize("text", ["It holds.", "It holds.\n", "It holds. \n\n"])
def test_thinking_ends_alike_whoever_ended_it(text: str) -> None:
    assert end_thinking(text) == "It holds.\n</think>\n\n"


def test_no_thinking_ends_too() -> None:
    assert end_thinking("", "[end]") == "\n[end]\n\n"


@pytest.mark.parametrize("stop", get_args(Stop))
def test_only_a_run_that_was_stopped_saved_anything(stop: Stop) -> None:
    boundaries = (Boundary(30, LabelScore(5, 1, 1, 1)), Boundary(60, LabelScore(5, 1, 1, 1)))
    trace = Trace("text", 60, 100, 2, boundaries, stop)
    assert trace.tokens_saved == (40 if stop in {"agreed", "undecided", "repetition"} else 0)
    assert trace.probes == 2
