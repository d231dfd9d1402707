from __future__ import annotations

import base64
import logging
import pickle
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.errors import InputError
from guide.llm.server.key import Key

KEY = "sk-guide-Zk81vQxW27pLm04T"
keys = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=12, max_size=80)
words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


def pieces(text: str, size: int) -> set[str]:
    return {text[at : at + size] for at in range(len(text) - size + 1)}


@given(keys, words, words)
def test_nothing_is_left_of_a_key_however_it_is_written(key: str, before: str, after: str) -> None:
    raw = key.encode()
    forms = [key, f"Bearer {key}", quote(key, safe=""), raw.hex(), key.lower(), key.upper(), key[2:]]
    shown = Key(key).scrub("\n".join(f"{before} {form} {after}" for form in forms))
    for form in (key, quote(key, safe=""), raw.hex()):
        assert not [
            piece
            for piece in pieces(form.lower(), 10)
            if piece in shown.lower() and piece not in before.lower() and piece not in after.lower()
        ]


@given(keys, st.binary(max_size=9), st.binary(max_size=9))
def test_nothing_is_left_of_a_key_in_base64_wherever_it_stands(key: str, before: bytes, after: bytes) -> None:
    for code in (base64.b64encode(before + key.encode() + after), base64.urlsafe_b64encode(b"Bearer " + key.encode())):
        assert Key(key).scrub(f"header {code.decode()} refused") == "header [key] refused"


def test_a_key_broken_over_two_lines_is_found() -> None:
    code = base64.encodebytes(f"user:{KEY * 4}".encode()).decode()
    assert "\n" in code.strip()
    assert set(Key(KEY).scrub(code).split()) == {"[key]"}


def test_keys_that_look_like_one_are_hidden_though_they_are_others() -> None:
    said = Key("").scrub("Incorrect API key provided: sk-ab***yz. Sent: Bearer 0f5d11a9b7.")
    assert "sk-ab" not in said
    assert "0f5d" not in said


def test_other_words_stay_as_they_are() -> None:
    said = "This model's maximum context length is 4096 tokens; you asked for 5000 (basic plan, bearer of bad news)."
    assert Key(KEY).scrub(said) == said


def test_an_answer_loses_the_whole_key_and_keeps_words_that_are_part_of_it() -> None:
    key = Key("local-development-key")
    assert key.scrub_answer("In development, use local-development-key.") == "In development, use [key]."


def test_neither_its_text_nor_its_pickle_holds_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    key = Key.from_environment()
    assert key.reveal() == KEY
    assert KEY not in f"{key} {key!r} {[key]}"
    pickled = pickle.dumps(key)
    assert KEY.encode() not in pickled
    assert pickle.loads(pickled).reveal() == KEY  # noqa: S301 - read again from the environment


@pytest.mark.parametrize("value", [f"{KEY}\n{KEY}", f"{KEY} x", f"{KEY}é", f"{KEY}\u2028x"])
def test_a_key_that_no_header_can_carry_is_refused_without_showing_it(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("GUIDE_API_KEY", value)
    with pytest.raises(InputError, match="GUIDE_API_KEY") as refused:
        Key.from_environment()
    assert KEY not in str(refused.value)


def test_the_line_break_at_the_end_of_a_file_is_no_part_of_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GUIDE_API_KEY", f" {KEY}\r\n")
    assert Key.from_environment().reveal() == KEY


def test_headers_that_the_openai_package_takes_from_the_environment_are_hidden_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "X-Team: blue\nX-Gateway-Token: gate-55aa77bb99")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("GUIDE_API_KEY", "guide-only-112233")
    said = Key.from_environment().scrub(f"sent gate-55aa77bb99, {KEY} and guide-only-112233")
    assert said == "sent [key], [key] and [key]"


def test_libraries_log_no_key_while_it_is_hidden_and_log_as_before_afterwards(
    caplog: pytest.LogCaptureFixture,
) -> None:
    library, ours = logging.getLogger("httpcore2.http11"), logging.getLogger("guide.tests")
    with caplog.at_level(logging.DEBUG):
        with Key(KEY).hidden_in_logs():
            library.debug("headers %r", [(b"authorization", f"Bearer {KEY}".encode())])
            library.debug("100% of " + KEY)
            try:
                raise ValueError(KEY)
            except ValueError:
                library.exception("lost")
            ours.debug("said %s", "nothing")
        library.debug("other %s", "words")
    assert KEY not in caplog.text
    assert [record.getMessage() for record in caplog.records][-2:] == ["said nothing", "other words"]
    assert "ValueError: [key]" in caplog.text
    assert library.filters == []
