"""Problems with a digit as their answer, and traces that solve them, go wrong at times and check themselves.

A prompt holds facts ("k:4" gives k the value 4, capital letters behind it mean nothing) and last a question whose names
stand in some of them. Sums are taken from left to right, modulo 10:

    k:4RT       ?k+q*d      thinking:  k4+q3=7 | 7*d2=4 | so4 | Wait4+3=7 | 7*2=4 | so4     answer:  =4
    p:9B
    q:3FA
    d:2M

"|" is a blank line. After the answer is found the checks go on for a while, as those of reasoning models do.
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

_SUM = re.compile(r"[a-z]?(\d)([-+*])[a-z]?(\d)=(\d)")
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
        return f"{self.name}:{self.value}{self.filling}\n"


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
    """A problem drawn by lot; behind each fact stand one to three letters that mean nothing."""
    names = rng.sample(NAMES, facts)
    lines = tuple(Fact(name, rng.randrange(10), "".join(rng.choices(FILLING, k=rng.randint(1, 3)))) for name in names)
    return Problem(lines, tuple(rng.sample(names, operators + 1)), tuple(rng.choices(OPERATORS, k=operators)))


def write_trace(problem: Problem, rng: random.Random, *, wrong: float = 0.15, checks: int = 6) -> str:
    """Thinking about a problem, without its closing mark.

    Args:
        problem: to be solved.
        rng: what it draws from.
        wrong: chance that the first pass has a wrong sum in it; so has each check behind it, until one is right.
        checks: 1 to so many follow the first pass that is right, all of them right. They are the over-thinking.
    """
    passes: list[str] = []
    while rng.random() < wrong:
        passes.append(_write_pass(problem, rng, named=not passes, wrong=True))
    passes.extend(
        _write_pass(problem, rng, named=not passes and not number, wrong=False)
        for number in range(1 + rng.randint(1, checks))
    )
    return WAIT.join(passes)


def _write_pass(problem: Problem, rng: random.Random, *, named: bool, wrong: bool) -> str:
    """The sums one after the other and what comes out; the first pass names where its values come from."""
    slip = rng.randrange(len(problem.operators)) if wrong else -1
    steps = []
    left = problem.values[0]
    rest = zip(problem.operators, problem.names[1:], problem.values[1:], strict=True)
    for number, (operator, name, value) in enumerate(rest):
        result = compute(left, operator, value)
        if number == slip:
            result = (result + rng.randint(1, 9)) % 10
        before = problem.names[0] if named and not number else ""
        steps.append(f"{before}{left}{operator}{name if named else ''}{value}={result}")
        left = result
    return "\n\n".join([*steps, f"so{left}"])


def stated_answer(trace: str) -> int | None:
    """The last answer that a trace comes to; None if it comes to none."""
    found = _SO.findall(trace)
    return int(found[-1]) if found else None


def sound_passes(problem: Problem, trace: str) -> list[bool]:
    """Of each pass, whether it adds up the problem's own values, every sum is right, and it says what comes out."""
    return [_is_sound(problem, text) for text in trace.split(WAIT)]


def _is_sound(problem: Problem, text: str) -> bool:
    sums = [(int(a), operator, int(b), int(c)) for a, operator, b, c in _SUM.findall(text)]
    if tuple(operator for _, operator, _, _ in sums) != problem.operators:
        return False
    lefts = [problem.values[0], *(result for *_, result in sums)]
    rights = problem.values[1:]
    right = all(
        (a, b, c) == (left, value, compute(left, operator, value))
        for (a, operator, b, c), left, value in zip(sums, lefts, rights, strict=False)
    )
    return right and stated_answer(text) == lefts[-1]
