"""A replay's ranking by primary area and by year."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

from guide.eval.bootstrap import Estimate, bootstrap
from guide.eval.metrics import Sample
from guide.eval.run import Decided, Run, System

SMALLEST = 20

NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class Group:
    """The submissions of one area or year.

    Attributes:
        name: of it; of several small ones, how many they are.
        n: submissions.
        base_rate: share accepted.
        auroc: of the system within it; nan where all have the same decision.
        pooled: names of the groups that were too small to stand alone, if this is they together.
    """

    name: str
    n: int
    base_rate: float
    auroc: Estimate
    pooled: tuple[str, ...] = ()


def by_area(run: Run, system: System, *, resamples: int = 2000, seed: int = 0) -> tuple[Group, ...]:
    """Group by primary area, the largest first. Raises ValueError if the system has no scores."""
    return _groups(run, system, lambda one: one.area, "areas", resamples, seed, by_size=True)


def by_year(run: Run, system: System, *, resamples: int = 2000, seed: int = 0) -> tuple[Group, ...]:
    """Group by year, the earliest first. Raises ValueError if the system has no scores."""
    return _groups(run, system, lambda one: str(one.year or ""), "years", resamples, seed, by_size=False)


def _groups(
    run: Run,
    system: System,
    name_of: Callable[[Decided], str],
    plural: str,
    resamples: int,
    seed: int,
    *,
    by_size: bool,
) -> tuple[Group, ...]:
    """Groups of fewer than `SMALLEST` become one, in the last place."""
    sample = run.sample(system)
    places: dict[str, list[int]] = defaultdict(list)
    for at, one in enumerate(run.submissions):
        places[name_of(one) or NOT_STATED].append(at)
    small = tuple(sorted(name for name, at in places.items() if len(at) < SMALLEST))
    large = sorted(set(places) - set(small), key=lambda name: (-len(places[name]) if by_size else 0, name))
    found = [_group(name, places[name], sample, resamples, seed) for name in large]
    if small:
        together = sorted(at for name in small for at in places[name])
        name = f"{len(small)} {plural} with fewer than {SMALLEST} each" if len(small) > 1 else small[0]
        pooled = small if len(small) > 1 else ()
        found.append(_group(name, together, sample, resamples, seed, pooled))
    return tuple(found)


def _group(name: str, at: list[int], whole: Sample, resamples: int, seed: int, pooled: tuple[str, ...] = ()) -> Group:
    sample = Sample(whole.scores[at], whole.accepted[at], None, whole.ratings[at])
    drawn = bootstrap(sample, resamples=resamples, seed=seed, metrics=("auroc",))
    return Group(name, len(at), float(sample.accepted.mean()), drawn.estimate("auroc"), pooled)
