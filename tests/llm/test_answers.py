from __future__ import annotations

import json
import re
import time
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.judging import Failure
from guide.llm.answers import ParsedAnswer, ReviewAnswer, answer_schema, element_ids, parse_answer
from guide.llm.json_answers import MAX_CHARACTERS

FINDING: dict[str, Any] = {
    "severity": "major",
    "element": "novelty",
    "claim": 'The bound is the one of [E1], in {other} words: it\'s "known".',
    "quote": "We derive a bound",
    "evidence": ["E1"],
    "known": True,
    "change": "Say what is new beyond it.",
}
SECOND = {**FINDING, "severity": "minor", "element": "related-work", "evidence": [], "known": False, "quote": ""}
WHOLE: dict[str, Any] = {
    "summary": "It's about caches, e.g. {a: b}.",
    "findings": [FINDING, SECOND],
    "rationale": [{"sentence": "E1 has the bound.", "evidence": ["E1"]}],
}

texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40).map(str.strip).filter(bool)
keys = st.lists(st.from_regex(r"E[0-9]{1,2}", fullmatch=True), max_size=3, unique=True)
findings = st.fixed_dictionaries(
    {
        "severity": st.sampled_from(["major", "minor"]),
        "element": st.sampled_from(element_ids()),
        "claim": texts,
        "quote": st.one_of(st.just(""), texts),
        "evidence": keys,
        "known": st.booleans(),
        "change": texts,
    }
).map(lambda finding: {key: finding[key] for key in FINDING})
answers = st.fixed_dictionaries(
    {
        "summary": texts,
        "findings": st.lists(findings, max_size=3),
        "rationale": st.lists(st.fixed_dictionaries({"sentence": texts, "evidence": keys}), max_size=3),
    }
).map(lambda answer: {key: answer[key] for key in WHOLE})
# What stands around an answer: no tag that ends thinking, no brackets that could be an answer's own.
prose = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="<{`~"), max_size=60)


def _parse(text: str) -> ParsedAnswer:
    parsed = parse_answer(text)
    assert isinstance(parsed, ParsedAnswer), parsed
    return parsed


def _as_json(parsed: ParsedAnswer) -> Any:
    return json.loads(parsed.answer.model_dump_json())


@given(answers)
def test_a_valid_answer_is_read_as_it_stands(answer: dict[str, Any]) -> None:
    parsed = _parse(json.dumps(answer))
    assert _as_json(parsed) == answer
    assert parsed.repairs == {}


@given(answers, prose, prose, prose, st.booleans(), st.booleans())
def test_a_valid_answer_survives_thinking_fences_and_prose(
    answer: dict[str, Any], thought: str, before: str, after: str, fenced: bool, escaped: bool
) -> None:
    body = json.dumps(answer, ensure_ascii=escaped, indent=2 if fenced else None)
    if fenced:
        body = f"```json\n{body}\n```"
    parsed = _parse(f"<think>{thought}</think>{before}\n{body}\n{after}")
    assert _as_json(parsed) == answer
    assert set(parsed.repairs) <= {"thinking", "fence", "prose"}
    assert parsed.repairs["thinking"] == 1


@given(answers.filter(lambda answer: answer["findings"]), st.data(), prose, st.booleans())
def test_every_complete_finding_survives_a_cut_after_it(
    answer: dict[str, Any], data: st.DataObject, thought: str, fenced: bool
) -> None:
    kept = data.draw(st.integers(1, len(answer["findings"])))
    start = json.dumps({"summary": answer["summary"], "findings": answer["findings"][:kept]})[:-2]
    rest = json.dumps(answer)[len(start) :]
    cut = data.draw(st.integers(0, max(0, len(rest) - 1)))
    whole_again = len(json.dumps({**answer, "findings": answer["findings"][: kept + 1]})) - len(start)
    text = f"<think>{thought}</think>\n" + ("```json\n" if fenced else "") + start + rest[: min(cut, whole_again)]
    parsed = _parse(text)
    assert _as_json(parsed)["findings"][:kept] == answer["findings"][:kept]
    assert _as_json(parsed)["findings"] == answer["findings"][: len(parsed.answer.findings)]
    assert parsed.repairs["cut off"] == 1


@pytest.mark.parametrize(
    ("damage", "kind"),
    [
        (lambda text: text.replace("}, {", "},\n{").replace("}]", "},]"), "trailing comma"),
        (lambda text: repr(json.loads(text)), "single quotes"),
        (lambda text: text.replace('"known": true', '"known": True'), "other syntax"),
        (lambda text: text.replace("a bound", "a\nbound"), "other syntax"),
        (lambda text: text.replace('"summary":', "summary:"), "other syntax"),
        (lambda text: text.replace('"quote": ""', '"quote": NaN'), "not a number"),
        (lambda text: text.replace('"major"', '"Major"'), "wrong type"),
        (lambda text: text.replace('"related-work"', '"Related Work"'), "wrong type"),
        (lambda text: text.replace('["E1"]', '"[E1]"'), "wrong type"),
        (lambda text: text.replace('["E1"]', "[1]"), "wrong type"),
        (lambda text: text.replace('"known": true', '"known": "yes"'), "wrong type"),
        (lambda text: text.replace('"evidence": []', '"evidence": null'), "missing key"),
        (lambda text: text.replace('"quote": "", ', ""), "missing key"),
        (lambda text: text.replace('"known":', '"mood": 3, "known":'), "unknown key"),
        (lambda text: text.replace('{"summary"', '{"reasoning": "hm", "summary"'), "unknown key"),
    ],
)
def test_what_is_broken_is_mended_and_counted(damage: Any, kind: str) -> None:
    text = json.dumps(WHOLE)
    broken = damage(text)
    assert broken != text
    parsed = _parse(broken)
    expected = _as_json(_parse(text))
    got = _as_json(parsed)
    assert parsed.repairs.get(kind), parsed.repairs  # type: ignore[call-overload]
    assert json.loads(re.sub(r"\\n", " ", json.dumps(got))) == expected


def test_a_broken_answer_in_a_fence_is_mended_and_the_prose_after_it_left_out() -> None:
    broken = json.dumps(WHOLE).replace("}]", "},]")
    parsed = _parse(f"Here is {{the}} review:\n```json\n{broken}\n```\nI hope that {{helps}}.")
    assert _as_json(parsed) == _as_json(_parse(json.dumps(WHOLE)))
    assert set(parsed.repairs) == {"fence", "prose", "trailing comma"}


def test_a_finding_cut_in_its_last_sentence_is_not_kept() -> None:
    text = json.dumps(WHOLE)
    parsed = _parse(text[: text.rindex("Say what is new") + 8])
    assert [finding.element for finding in parsed.answer.findings] == ["novelty"]
    assert parsed.repairs == {"cut off": 1, "missing key": 1}


def test_an_answer_cut_in_its_rationale_keeps_an_empty_list_of_findings() -> None:
    parsed = _parse('{"summary": "Fine.", "findings": [], "rationale": [{"sentence": "It is')
    assert parsed.answer == ReviewAnswer(summary="Fine.", findings=(), rationale=())
    assert parsed.repairs == {"cut off": 1, "missing key": 1}


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"element": "style"}, 1),
        ({"severity": "purple"}, 1),
        ({"claim": ""}, 1),
        ({"change": None}, 1),
        ({"claim": ["a", "b"]}, 1),
        ({"evidence": {}}, 2),
    ],
)
def test_a_finding_without_what_it_needs_is_dropped_and_counted(change: dict[str, Any], kept: int) -> None:
    parsed = _parse(json.dumps({**WHOLE, "findings": [{**FINDING, **change}, SECOND]}))
    assert len(parsed.answer.findings) == kept
    assert parsed.repairs.get("unusable item", 0) == 2 - kept


def test_a_doubtful_flag_does_not_claim_that_an_idea_is_known() -> None:
    parsed = _parse(json.dumps({**WHOLE, "findings": [{**FINDING, "known": "perhaps"}]}))
    assert parsed.answer.findings[0].known is False


def test_a_draft_in_the_thinking_is_no_answer() -> None:
    draft = json.dumps({**WHOLE, "summary": "A draft."})
    assert _parse(f"<think>First {draft}</think>{json.dumps(WHOLE)}").answer.summary == WHOLE["summary"]
    assert isinstance(parse_answer(f"<think>First {draft}</think>That was it."), Failure)


def test_the_last_whole_answer_counts() -> None:
    last = {**WHOLE, "summary": "Revised."}
    parsed = _parse(f"{json.dumps(WHOLE)}\nOn second thought:\n{json.dumps(last)}")
    assert parsed.answer.summary == "Revised."


def test_an_answer_in_an_envelope_is_found() -> None:
    parsed = _parse(json.dumps({"review": WHOLE}))
    assert len(parsed.answer.findings) == 2


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("I cannot review this.", "no JSON object"),
        ("[1, 2]", "no JSON object"),
        ("<think>I must", "within its thinking"),
        ('{"summary": "The idea', "cut off before its first finding"),
        ('{"summary": "x", "findings": [{"severity": "major", "claim": "c', "cut off before its first finding"),
        ('{"summary": "x", "findings": "none"}', "no JSON"),
        ("x" * (MAX_CHARACTERS + 1), "longer than"),
    ],
)
def test_no_answer_says_why(text: str, why: str) -> None:
    failure = parse_answer(text)
    assert isinstance(failure, Failure)
    assert why in failure.reason


@given(st.one_of(st.text(), st.text("{}[]\"':,\\` \nE1").map(lambda tail: json.dumps(WHOLE)[:-30] + tail)))
def test_any_text_gives_an_answer_or_a_reason(text: str) -> None:
    parsed = parse_answer(text)
    assert parsed.reason if isinstance(parsed, Failure) else all(count > 0 for count in parsed.repairs.values())


@pytest.mark.parametrize("unit", ['{"summary": "', '{"findings": [', "[", "{", "'", '"', "\\", '{"a": ', "```\n"])
def test_a_loop_of_a_broken_model_ends_in_time(unit: str) -> None:
    begun = time.perf_counter()
    parse_answer((unit * (MAX_CHARACTERS // len(unit)))[:MAX_CHARACTERS])
    assert time.perf_counter() - begun < 20


def test_the_schema_is_strict_and_small_enough_for_constrained_decoding() -> None:
    schema = answer_schema()
    objects = []

    def walk(node: Any, depth: int) -> None:
        assert depth <= 10
        assert set(node) <= {"type", "properties", "required", "additionalProperties", "items", "enum"}
        if node["type"] == "object":
            assert node["additionalProperties"] is False
            assert node["required"] == list(node["properties"])
            objects.append(node)
        for below in [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]:
            walk(below, depth + 1)

    walk(schema, 1)
    assert len(objects) == 3
    assert len(json.dumps(schema)) < 1500


def test_schema_and_values_have_the_same_keys() -> None:
    schema = answer_schema()
    assert schema["required"] == list(ReviewAnswer.model_fields)
    for name in ("findings", "rationale"):
        model = ReviewAnswer.model_fields[name].annotation.__args__[0]  # type: ignore[union-attr]
        assert schema["properties"][name]["items"]["required"] == list(model.model_fields)


@given(answers)
def test_what_the_schema_allows_is_read_without_repairs(answer: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(answer_schema()).validate(answer)
    assert _parse(json.dumps(answer)).repairs == {}


def test_half_a_surrogate_pair_becomes_a_character_that_can_be_printed() -> None:
    parsed = _parse(json.dumps({**WHOLE, "summary": "a\ud800b"}))
    assert parsed.answer.summary == "a\ufffdb"
    assert parsed.repairs == {"other syntax": 1}


def test_findings_have_no_quota() -> None:
    assert _parse('{"summary": "Sound.", "findings": [], "rationale": []}').answer.findings == ()
