"""What a language model learns from: proposals, the answer wanted for each, and what people said of them.

Two kinds of records are read. Peer reviews (`reviews`, each with a rating, strengths and weaknesses) are put into the
form of an answer by rule: a sentence of a weakness is a finding, about the element of the rubric that its words point
to. Answers of a teacher (`answer`, and where it thought `thinking`) are taken as they are. Prior work is not shown:
the records have none.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from guide.calibration.base_rates import parse_venue
from guide.corpus.jsonl import Skipped, read_jsonl
from guide.corpus.sentences import split_sentences
from guide.errors import InputError
from guide.judging import Failure, JudgeRequest
from guide.llm.answers import AnsweredFinding, Reason, ReviewAnswer, Severity, element_ids, parse_answer
from guide.llm.prompt import rating_scale
from guide.review import Form
from guide.text.leaks import strip_leaks
from guide.text.rubric import load_rubric

_FINDINGS = 8  # of one answer; reviewers repeat each other
_PER_ELEMENT = 2  # of them: the advice for an element is one and the same
_REASONS = 4
_WORDS = range(5, 61)  # of a sentence that says something by itself
# What the words of a weakness are about; the first that fits counts, and soundness is what is left.
_ABOUT: Mapping[str, str] = {
    "related-work": r"(?:related|prior|previous) work|literature|cit(?:e|es|ed|ation)|compar(?:e|ed|ison) (?:with|to)",
    "novelty": r"novel|incremental|new idea|original|already (?:known|done|proposed)",
    "evaluation": r"experiment|baseline|ablation|dataset|benchmark|evaluat|empirical|results? (?:on|are)",
    "resources": r"comput(?:e|ation)|cost|runtime|memory|scalab|gpu",
    "limitations": r"limitation|generali[sz]|societal|fail(?:s|ure)",
    "motivation": r"motivat|unclear why|problem (?:is|setting)",
    "significance": r"significan|impact|important|practical|marginal",
}
# Reviewers also retell the paper among its weaknesses; what finds fault has one of these words.
_FAULT = re.compile(
    r"\b(?:no|not|cannot|never|without|only|lack\w*|miss(?:es|ing)|absent|unclear|vague|confus\w+|hard|difficult|limit\w*"
    r"|insufficien\w+|incomplete|weak\w*|poor\w*|small|few\w*|little|marginal\w*|incremental\w*|outdated|unfair\w*"
    r"|wrong\w*|incorrect\w*|inconsisten\w+|fail\w*|too|need\w*|should|could|would|why|whether|doubt\w*|concern\w*"
    r"|questionable|unconvincing|overclaim\w*|trivial|straightforward|however)\b|n[\u2019']t\b",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^[\s#*_>+-]*(?:\(?\d+[.)]|[Ww]eakness(?:es)?\b[ \d]*:?|[-+*•])*[\s*_:-]*")


@dataclass(frozen=True, slots=True)
class Example:
    """One proposal and what is known of it.

    Attributes:
        request: as an engine gets it, without prior work.
        answer: the review wanted; None where only ratings are known.
        thinking: of a teacher that thought, else "".
        rating: that the answer begins with, a whole number from 1 to 10.
        ratings: by people, 1 to 10; for a teacher's record without any, its own.
        concerns: weaknesses that people named, sentence by sentence.
        year: of the record; None if it does not say.
    """

    request: JudgeRequest
    answer: ReviewAnswer
    thinking: str
    rating: int
    ratings: tuple[float, ...]
    concerns: tuple[str, ...]
    year: int | None = None

    @property
    def letter(self) -> str:
        """The rating as a letter of the scale."""
        return next(letter for letter, rating in rating_scale().items() if rating == self.rating)


@dataclass(frozen=True, slots=True)
class ExampleSet:
    """All examples of some files.

    Attributes:
        examples: in the order of the files.
        sha256: over the files' bytes, in their order.
        left_out: how many records, by reason.
    """

    examples: tuple[Example, ...]
    sha256: str
    left_out: Mapping[str, int] = field(default_factory=dict)

    def split(self, share: float, seed: int) -> tuple[tuple[Example, ...], tuple[Example, ...]]:
        """A part to train on and one held out, by hash of the title: the same paper is never in both.

        Args:
            share: held out, of all; at least one example is, and at least one is left.
            seed: another one draws another part.

        Raises:
            InputError: there are fewer than two different titles.
        """
        titles = sorted({one.request.title for one in self.examples}, key=lambda title: _draw(title, seed))
        if len(titles) < 2:
            raise InputError("fewer than two different proposals", fix="Give more, so that some can be held out.")
        held = set(titles[: min(len(titles) - 1, max(1, round(share * len(titles))))])
        return (
            tuple(one for one in self.examples if one.request.title not in held),
            tuple(one for one in self.examples if one.request.title in held),
        )

    @property
    def last_year(self) -> int | None:
        """The latest year of a record; a replay must be later."""
        return max((one.year for one in self.examples if one.year is not None), default=None)


def read_examples(paths: Sequence[Path], *, until: int | None = None, form: Form = "paper") -> ExampleSet:
    """Read JSON lines (plain, .gz, .zst); links and other signs of the decision are taken out of every abstract.

    A record has `title, abstract`, perhaps `id, year`, and either `reviews[{rating, strengths?, weaknesses?}]`, or
    `answer` (a review as JSON, or the text that holds it), `rating` (1 to 10, or its letter), and perhaps `thinking`,
    `ratings` (by people) and `concerns`.

    Args:
        paths: read in this order.
        until: the last year used; records without a year are then left out.
        form: what the texts are.

    Raises:
        InputError: a file cannot be read, or no record can be used.
    """
    left_out: Counter[str] = Counter()
    examples: list[Example] = []
    whole = hashlib.sha256()
    for path in paths:
        for line in read_jsonl(path):
            if isinstance(line, Skipped):
                left_out[line.reason] += 1
                continue
            number, record = line
            made = _example(record, f"{path.name}:{number}", form, until)
            if isinstance(made, str):
                left_out[made] += 1
            else:
                examples.append(made)
        with path.open("rb") as file:
            whole.update(hashlib.file_digest(file, "sha256").digest())
    if not examples:
        reasons = ", ".join(f"{n} {reason}" for reason, n in left_out.most_common(3)) or "the files are empty"
        raise InputError(
            f"no record can be learnt from ({reasons})",
            where=", ".join(map(str, paths)) or None,
            fix="Give records with title, abstract and reviews, or with a teacher's answer.",
        )
    return ExampleSet(tuple(examples), whole.hexdigest(), dict(left_out))


def answer_of_reviews(reviews: Sequence[Mapping[str, Any]]) -> ReviewAnswer:
    """Reviews by people in the form of an answer.

    The findings are sentences of the weaknesses, reviewers taking turns, no more than two about an element; a change
    is the rubric's advice for it, since people seldom write one. The rationale is what they liked, and cites nothing.
    """
    weaknesses = list(concerns_of(reviews))
    strengths = list(_in_turn([_sentences(review.get("strengths")) for review in reviews]))
    advice = {element.id: element.advice for element in load_rubric().elements}
    findings: list[AnsweredFinding] = []
    for place, sentence in enumerate(weaknesses):
        element = element_about(sentence)
        if sum(finding.element == element for finding in findings) == _PER_ELEMENT:
            continue
        # Reviewers put first what weighs most.
        severity: Severity = "major" if place < len(reviews) else "minor"
        findings.append(
            AnsweredFinding(
                severity=severity, element=element, claim=sentence, quote="", evidence=(), known=False,
                change=advice[element],
            )
        )  # fmt: skip
    return ReviewAnswer(
        summary=" ".join([*strengths[:1], *weaknesses[:1]]),
        findings=tuple(findings[:_FINDINGS]),
        rationale=tuple(Reason(sentence=sentence, evidence=()) for sentence in strengths[:_REASONS]),
    )


def concerns_of(reviews: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    """The sentences of the weaknesses that find fault, reviewers taking turns; all of them where none does."""
    sentences = tuple(_in_turn([_sentences(review.get("weaknesses")) for review in reviews]))
    return tuple(sentence for sentence in sentences if _FAULT.search(sentence)) or sentences


def element_about(sentence: str) -> str:
    """The id of the rubric's element that a sentence of a review is about, by its words."""
    lowered = sentence.lower()
    named = (element for element, pattern in _ABOUT.items() if re.search(rf"\b(?:{pattern})", lowered))
    found = next(named, "soundness")
    return found if found in element_ids() else element_ids()[0]


def _example(record: Mapping[str, Any], place: str, form: Form, until: int | None) -> Example | str:
    """The example in a record, or why there is none."""
    title, abstract, year = record.get("title"), record.get("abstract"), record.get("year")
    if not isinstance(title, str) or not isinstance(abstract, str) or not title.strip() or not abstract.strip():
        return "without title or abstract"
    year = year if isinstance(year, int) and not isinstance(year, bool) else None
    if until is not None and (year is None or year > until):
        return f"later than {until}, or without a year"
    # The venue changes nothing that a language model is shown; only P(accept) is stated for it.
    request = JudgeRequest(
        place,
        " ".join(title.split()),
        " ".join(strip_leaks(abstract).text.split()),
        parse_venue("ICLR-2025"),
        form,
    )
    if "answer" in record:
        return _taught(record, request, year)
    return _reviewed(record, request, year)


def _reviewed(record: Mapping[str, Any], request: JudgeRequest, year: int | None) -> Example | str:
    given = record.get("reviews")
    reviews = [one for one in given if isinstance(one, dict)] if isinstance(given, list) else []
    ratings = _ratings([one.get("rating") for one in reviews])
    if not ratings:
        return "without reviews that rate"
    concerns = concerns_of(reviews)
    if not concerns:
        return "without weaknesses"
    return Example(request, answer_of_reviews(reviews), "", _whole(ratings), ratings, concerns, year)


def _taught(record: Mapping[str, Any], request: JudgeRequest, year: int | None) -> Example | str:
    import json

    answer = record["answer"]
    parsed = parse_answer(answer if isinstance(answer, str) else json.dumps(answer))
    if isinstance(parsed, Failure):
        return "with an answer that cannot be read"
    stated = record.get("rating")
    own = _ratings([rating_scale().get(stated.strip().upper()) if isinstance(stated, str) else stated])
    if not own:
        return "with an answer but no rating"
    people, thinking, concerns = record.get("ratings"), record.get("thinking"), record.get("concerns")
    return Example(
        request=request,
        answer=parsed.answer,
        thinking=thinking.strip() if isinstance(thinking, str) else "",
        rating=_whole(own),
        ratings=_ratings(people if isinstance(people, list) else []) or own,
        concerns=tuple(str(one) for one in concerns)
        if isinstance(concerns, list)
        else tuple(finding.claim for finding in parsed.answer.findings),
        year=year,
    )


def _ratings(values: Iterable[Any]) -> tuple[float, ...]:
    """Those that are ratings, on 1 to 10: ICLR 2026 begins at 0, which is the scale's 1."""
    numbers = (value for value in values if isinstance(value, int | float) and not isinstance(value, bool))
    return tuple(max(1.0, float(value)) for value in numbers if 0 <= value <= 10)


def _whole(ratings: Sequence[float]) -> int:
    return min(10, max(1, int(sum(ratings) / len(ratings) + 0.5)))


def _sentences(text: Any) -> list[str]:
    """The sentences of a review that say something, without marks of lists."""
    if not isinstance(text, str):
        return []
    lines = (_HEADING.sub("", line) for line in text.splitlines())
    found = (" ".join(sentence.split()) for line in lines for sentence in split_sentences(line) if line.strip())
    return [sentence for sentence in found if len(sentence.split()) in _WORDS and not sentence.endswith(":")]


def _in_turn(lists: Sequence[Sequence[str]]) -> Iterator[str]:
    """The first of each list, then the second of each, and so on; each text once."""
    seen: set[str] = set()
    for place in range(max(map(len, lists), default=0)):
        for own in lists:
            if place < len(own) and own[place] not in seen:
                seen.add(own[place])
                yield own[place]


def _draw(text: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\0{text}".encode()).digest()
