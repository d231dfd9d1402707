from __future__ import annotations

import pytest

from guide.errors import InputError
from guide.llm.server.retry import Patience, seconds_asked, without_prompt

NOON = 1_795_694_400.0  # Thu, 26 Nov 2026 12:00:00 GMT


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "Thu, 26 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"retry-after": "Thu, 26 Nov 2026 12:00:30 GMT", "date": "Thu, 26 Nov 2026 12:00:20 GMT"}, 10.0),
        ({"retry-after": "Thu, 26 Nov 2026 11:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "Thu, 26 Nov 99999 12:00:00 GMT"}, None),
    ],
)
def test_a_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert seconds_asked(headers, NOON) == seconds


def test_waits_double_and_differ_and_are_never_over_the_longest() -> None:
    patience = Patience(backoff=1.0, longest_wait=10.0)
    assert all(2.0 <= patience.pause(2, None) < 4.0 for _ in range(50))
    assert len({patience.pause(1, None) for _ in range(50)}) > 40
    assert patience.pause(5_000, None) == 10.0
    assert patience.pause(1, 1e300) == 10.0


def test_a_server_that_asks_for_no_wait_is_given_the_usual_one() -> None:
    assert Patience(backoff=1.0).pause(1, 0.0) >= 1.0


@pytest.mark.parametrize("wrong", [{"tries": 0}, {"deadline": 0.0}, {"backoff": -1.0}, {"longest_wait": float("nan")}])
def test_patience_without_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError):
        Patience(**wrong)  # type: ignore[arg-type]


def test_what_a_server_said_is_one_short_printable_line_without_the_prompt() -> None:
    prompt = "We train a model\non moonlight and show that it learns."
    said = 'bad input "We train a model\\non moonlight and show"\x1b[31m at once\n' + "x" * 500
    told = without_prompt(said, prompt)
    assert told.startswith('bad input "[prompt]"?[31m at once xxx')
    assert len(told) == 200


def test_a_short_prompt_is_left_out_too() -> None:
    assert without_prompt("cannot rate Gödel today", "Gödel") == "cannot rate [prompt] today"
