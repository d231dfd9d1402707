"""The texts of a replay as they are read: stripped of leaks, raw, or as they stood before the decision."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from guide.errors import InputError
from guide.eval.decisions import Decision
from guide.eval.run import Reading
from guide.text.leaks import strip_leaks

# What --text may say, and what it asks for; what tells most comes first.
CHOICES: dict[str, tuple[Reading, ...]] = {
    "stripped": ("stripped",),
    "raw": ("raw",),
    "pre-decision": ("pre-decision",),
    "both": ("stripped", "raw"),
    "all": ("stripped", "pre-decision", "raw"),
}


@dataclass(frozen=True, slots=True)
class Texts:
    """One reading of n submissions.

    Attributes:
        name: of the reading.
        pairs: (title, text) in the order of the records.
        removed: passages taken out, by rule.
    """

    name: Reading
    pairs: tuple[tuple[str, str], ...]
    removed: dict[str, int]


def read_texts(records: Sequence[Decision], name: Reading) -> Texts:
    """Read the records' texts in one way.

    A text from before the decision is stripped too: a link given at submission is no leak of the decision, but the
    engine never reads any, and the readings are to differ in the text's date alone.

    Raises:
        InputError: a record has no text from before its decision, and that was asked for.
    """
    if name == "raw":
        return Texts(name, tuple((one.title, one.abstract) for one in records), {})
    if name == "pre-decision":
        missing = [one for one in records if one.predecision is None]
        if missing:
            raise InputError(
                f"{len(missing):,} of {len(records):,} records have no text from before the decision",
                where=missing[0].where,
                fix="Replay --text stripped, or give records with abstract_predecision.",
            )
    sources = [one.abstract if name == "stripped" else one.predecision or "" for one in records]
    stripped = [strip_leaks(text) for text in sources]
    removed = Counter(removal.rule for one in stripped for removal in one.removals)
    # Spacing as in training: a passage taken out must not leave a gap that tells of it.
    texts = [" ".join(one.text.split()) for one in stripped]
    pairs = tuple((record.title, text) for record, text in zip(records, texts, strict=True))
    return Texts(name, pairs, dict(removed))


def choose_readings(text: str, records: Sequence[Decision]) -> tuple[Reading, ...]:
    """The readings that `--text` asks for; "all" leaves out what the records do not have.

    Raises:
        InputError: there is no such choice.
    """
    if text not in CHOICES:
        raise InputError(f"no reading of the texts is called {text!r}", fix=f"Use one of: {', '.join(CHOICES)}.")
    has_earlier = all(one.predecision is not None for one in records)
    return tuple(name for name in CHOICES[text] if text != "all" or name != "pre-decision" or has_earlier)
