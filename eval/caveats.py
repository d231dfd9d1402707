"""What a reader of a replay must know before trusting its figures."""

from __future__ import annotations

from collections.abc import Sequence

from guide.eval.decisions import Decision, ratings_agree
from guide.eval.leakage import check_cutoff, check_years
from guide.judging import UNKNOWN_YEAR, Engine
from guide.student.training import AGREEMENT


def state_caveats(records: Sequence[Decision], engine: Engine, knowledge_cutoff: str | None = None) -> list[str]:
    """Whether the replay is a test of the engine at all, and whether the ratings are the papers' own.

    Args:
        records: to be replayed.
        engine: that judges them.
        knowledge_cutoff: "YYYY-MM", to which a language model's knowledge reaches; None if it is not stated.

    Raises:
        InputError: the cut-off is no month.
    """
    notes = [] if knowledge_cutoff is None else check_cutoff(knowledge_cutoff, records)
    # A stated cut-off says nothing of the decisions that an engine was trained on since.
    if engine.last_training_year != UNKNOWN_YEAR:
        notes += check_years(engine.last_training_year, records)
    elif knowledge_cutoff is None:
        notes = [
            "NOT A TEST: nobody knows which decisions this language model has read; --knowledge-cutoff or "
            "--trained-until says it"
        ]
    return [*notes, *_of_ratings(records)]


def _of_ratings(records: Sequence[Decision]) -> list[str]:
    rated = [record for record in records if record.ratings]
    if not rated:
        return ["no ratings: Spearman, Kendall and the human lines are not computed"]
    notes = []
    if len(rated) < len(records):
        notes.append(f"Spearman and Kendall rest on the {len(rated):,} records with ratings")
    # Year by year: a good year would hide a bad one.
    for year in sorted({record.year for record in rated}, key=str):
        agreement = ratings_agree([record for record in rated if record.year == year])
        if agreement is not None and agreement < AGREEMENT:
            notes.append(
                f"ratings{f' of {year}' if year else ''} hardly agree with the decisions (AUROC {agreement:.2f}, "
                "usually above 0.9): they may belong to other papers"
            )
    return notes
