"""Made-up records in the form of the real ones: reviews by people, and answers of a teacher."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from guide.llm.answers import AnsweredFinding, Reason, ReviewAnswer

TOPICS = (
    "bird songs",
    "river ice",
    "bread ovens",
    "bus delays",
    "loom repair",
    "bee hives",
    "tide tables",
    "kite knots",
)
_WEAKNESSES = (
    "- The experiments use one small dataset and no strong baseline.\n- It is unclear why the problem matters at all.",
    "1. The novelty is limited, as earlier work did the same.\n2. The cost of the method in memory is not reported.",
)


def reviewed(number: int, *, ratings: tuple[float, ...] = (5, 6)) -> dict[str, Any]:
    """A record of reviews by people."""
    topic = TOPICS[number % len(TOPICS)]
    return {
        "id": f"made{number}",
        "venue": "MADE",
        "year": 2023,
        "title": f"On {topic} {number}",
        "abstract": f"We model {topic} with a small network and ask whether it holds in other towns.",
        "reviews": [
            {
                "rating": rating,
                "strengths": f"The paper about {topic} is clear and easy to follow. The question is asked well.",
                "weaknesses": _WEAKNESSES[place % 2],
            }
            for place, rating in enumerate(ratings)
        ],
    }


def taught(number: int, *, rating: int | str = 6, thinking: str = "") -> dict[str, Any]:
    """A record of a teacher's answer."""
    record = {name: value for name, value in reviewed(number).items() if name != "reviews"}
    answer = ReviewAnswer(
        summary="A small model.",
        findings=(
            AnsweredFinding(
                severity="major", element="evaluation", claim="The baseline is missing.", quote="", evidence=(),
                known=False, change="Add one.",
            ),
        ),
        rationale=(Reason(sentence="It is clear.", evidence=()),),
    )  # fmt: skip
    return {**record, "answer": json.loads(answer.model_dump_json()), "rating": rating, "thinking": thinking}


def write_records(path: Path, records: list[dict[str, Any]]) -> Path:
    """Write records as JSON lines."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path
