"""Problems with a digit as their answer, and traces that solve them, go wrong at times and check themselves.

A prompt holds facts ("k4" gives k the value 4, capital letters behind it mean nothing) and last a question whose names
stand in some of them. Sums are taken from left to right, modulo 10:

    k4RT        ?k+q*d      thinking:  k4 | k+q3=7 | q*d2=4 | so4 | Waitk4 | k+q3=7 | q*d2=4 | so4     answer:  =4
    p9
    q3F
    d2M

"|" is a blank line. Every step says again which name it goes on from, as it stands in the question, and looks one value
up. After the answer is found the checks go on for a while, as those of reasoning models do.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

NAMES = "abcdefghijklmnpq"  # without those of "so"
FILLING = "ABCDEFGHJKLMNPQRT"
OPERATORS = "+-*"
WAIT = "\n\nWait"
OPEN = "<think>\n"

_SO = re.compile(r"so(\d)")


@dataclass(frozen=True, slots=True)
class Fact:
    """One module of a prompt: a name, the digit that it stands for, and letters that mean nothing."""

    name: str
    value: int
    filling: str

    @property
    def text(self) -> str:
        """Its line, the line's end included."""
        return f"{self.name}{self.value}{self.filling}\n"


@dataclass(frozen=True, slots=True)
class Problem:
    """Facts, and a question about some of them.

    Attributes:
        facts: in the order of the prompt, each name once.
        names: asked for, one more than there are operators.
        operators: between the names.
    """

    facts: tuple[Fact, ...]
    names: tuple[str, ...]
    operators: tuple[str, ...]

    @property
    def question(self) -> str:
        """The last line of the prompt."""
        return "?" + self.names[0] + "".join(map("".join, zip(self.operators, self.names[1:], strict=True))) + "\n"

    @property
    def prompt(self) -> str:
        """All of it, up to where the thinking begins."""
        return "".join(fact.text for fact in self.facts) + self.question + OPEN

    @property
    def values(self) -> tuple[int, ...]:
        """Of the names asked for."""
        known = {fact.name: fact.value for fact in self.facts}
        return tuple(known[name] for name in self.names)

    @property
    def answer(self) -> int:
        """0 to 9."""
        result, *rest = self.values
        for operator, value in zip(self.operators, rest, strict=True):
            result = compute(result, operator, value)
        return result


def compute(left: int, operator: str, right: int) -> int:
    """A sum of two digits, modulo 10."""
    return {"+": left + right, "-": left - right, "*": left * right}[operator] % 10


def draw_problem(rng: random.Random, *, facts: int = 12, operators: int = 3) -> Problem:
    """A problem drawn by lot; behind each fact stand up to two letters that mean nothing."""
    names = rng.sample(NAMES, facts)
    lines = tuple(Fact(name, rng.randrange(10), "".join(rng.choices(FILLING, k=rng.randint(0, 2)))) for name in names)
    return Problem(lines, tuple(rng.sample(names, operators + 1)), tuple(rng.choices(OPERATORS, k=operators)))


def write_trace(problem: Problem, rng: random.Random, *, wrong: float = 0.15, checks: int = 6) -> str:
    """Thinking about a problem, without its closing mark.

    Args:
        problem: to be solved.
        rng: what it draws from.
        wrong: chance that the first pass has a wrong sum in it; so has each check behind it, until one is right.
        checks: 1 to so many follow the first pass that is right, all of them right; none if 0. They are the
            over-thinking.
    """
    passes: list[str] = []
    while rng.random() < wrong:
        slip = (rng.randrange(len(problem.operators)), rng.randint(1, 9))
        passes.append(_write_pass(problem, slip))
    passes += [_write_pass(problem)] * (1 + rng.randint(min(1, checks), checks))
    return WAIT.join(passes)


def _write_pass(problem: Problem, slip: tuple[int, int] | None = None) -> str:
    """A step for each value that is looked up, and what comes out.

    Args:
        problem: to be solved.
        slip: the sum that is wrong, and by how much; None if none is.
    """
    left = problem.values[0]
    steps = [f"{problem.names[0]}{left}"]
    rest = zip(problem.names, problem.operators, problem.names[1:], problem.values[1:], strict=False)
    for number, (before, operator, name, value) in enumerate(rest):
        left = compute(left, operator, value)
        if slip is not None and slip[0] == number:
            left = (left + slip[1]) % 10
        steps.append(f"{before}{operator}{name}{value}={left}")
    return "\n\n".join([*steps, f"so{left}"])


def stated_answer(trace: str) -> int | None:
    """The last answer that a trace comes to; None if it comes to none."""
    found = _SO.findall(trace)
    return int(found[-1]) if found else None


def sound_passes(problem: Problem, trace: str) -> list[bool]:
    """Of each pass, whether it is the one in which every value, every sum and what comes out are right."""
    return [text == _write_pass(problem) for text in trace.split(WAIT)]
