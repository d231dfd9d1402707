"""What a batch would take, before anything is asked: the dry run.

No language model is loaded, no server is asked and no key is read. What a run will draw nobody knows beforehand, so the
tokens drawn are a bound: every run uses its whole budget. The student, which is small, is timed on a few of the texts.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from guide.engines import EngineChoice, check_choice, reasoner_options
from guide.errors import InputError, ModelError
from guide.llm.local_model import TokenizedModel
from guide.llm.model import Talk

if TYPE_CHECKING:
    from guide.judging import JudgeRequest
    from guide.llm.prompt import Prompt
    from guide.llm.reasoner import ReasonerOptions

_TIMED = 32  # texts that the student is timed on


@dataclass(frozen=True, slots=True)
class Forecast:
    """What judging a batch would take.

    Attributes:
        engine: its name.
        requests: how many are to be judged.
        calls: questions put to a model at most, repeated ones left out; 0 for the student.
        tokens_in: read, about; 0 for the student.
        tokens_out: drawn, at most; 0 for the student.
        cost: at most, in the currency of the prices; None where there are none, or nothing is paid for.
        seconds: about; None where that was not measured.
        notes: what the figures rest on.
    """

    engine: str
    requests: int
    calls: int
    tokens_in: int
    tokens_out: int
    cost: float | None = None
    seconds: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """All of it in a line."""
        parts = [f"{self.requests:,} to judge by {self.engine}"]
        if self.calls:
            parts.append(
                f"at most {self.calls:,} calls, about {self.tokens_in:,} tokens read and at most {self.tokens_out:,} "
                "drawn"
            )
        if self.engine == "openai":
            parts.append("cost unknown without prices" if self.cost is None else f"cost at most {self.cost:.4g}")
        if self.seconds is not None:
            parts.append(f"about {self.seconds:,.0f} s")
        whole = ", ".join(parts)
        return f"{whole} ({'; '.join(self.notes)})" if self.notes else whole


def forecast(choice: EngineChoice, requests: Sequence[JudgeRequest]) -> Forecast:
    """What `Engine.judge` would take for these requests.

    Args:
        choice: of an engine.
        requests: not judged.

    Raises:
        InputError: the settings of the choice do not go together, or transformers is not installed for a tokenizer.
        ModelError: a model's folder holds no tokenizer, or the student's weights are missing or altered.
    """
    check_choice(choice)
    if choice.name == "student":
        return _of_student(requests)
    from guide.llm.prompt import build_prompt

    prompts = {request.id: build_prompt(request, task="rating") for request in requests}
    options = reasoner_options(choice)
    return _of_server(choice, prompts, options) if choice.name == "openai" else _of_local(choice, prompts, options)


def _of_student(requests: Sequence[JudgeRequest]) -> Forecast:
    if not requests:
        return Forecast("student", 0, 0, 0, 0, seconds=0.0)
    from guide.student.engine import load_student

    engine = load_student()
    timed = list(requests)[:: max(1, len(requests) // _TIMED)][:_TIMED]
    engine.judge(timed[:1])  # the first one pays for what is made ready once
    begun = time.perf_counter()
    engine.judge(timed)
    rate = len(timed) / (time.perf_counter() - begun)
    note = f"{rate:.3g} a second, measured on {len(timed)} of them"
    return Forecast("student", len(requests), 0, 0, 0, seconds=len(requests) / rate, notes=(note,))


def _of_server(choice: EngineChoice, prompts: Mapping[str, Prompt], options: ReasonerOptions) -> Forecast:
    """One question about the letters' probabilities for each, and k answers for each, as if the server told none."""
    from guide.llm.chat_reasoner import rating_schema, talk_of
    from guide.llm.server.abilities import UNBENT
    from guide.llm.server.usage import estimate

    schema = rating_schema()
    letters = [Talk(name, prompt.messages, UNBENT) for name, prompt in prompts.items()]
    answers = [talk_of(name, prompt, options.runs, schema, options) for name, prompt in prompts.items()]
    prices = {"price_in": choice.price_in, "price_out": choice.price_out}
    whole = estimate([*letters, *answers], many=False, **prices)
    least = estimate(letters, many=False, **prices)
    notes = [
        f"a server that tells probabilities needs {least.calls:,} calls and {least.prompt_tokens:,} tokens read",
        "a token taken for 4 characters",
    ]
    if choice.max_tokens_total is not None and whole.prompt_tokens + whole.drawn_tokens > choice.max_tokens_total:
        notes.append(f"the cap of {choice.max_tokens_total:,} tokens may end it before")
    return Forecast(
        "openai",
        len(prompts),
        whole.calls,
        whole.prompt_tokens,
        whole.drawn_tokens,
        cost=whole.cost,
        notes=tuple(notes),
    )


def _of_local(choice: EngineChoice, prompts: Mapping[str, Prompt], options: ReasonerOptions) -> Forecast:
    """Each run in segments, its prompt and thinking read again for each, and its rating read at the end."""
    thinking = options.thinking
    runs = options.runs if thinking.budget else 1
    segment = thinking.segment_tokens if thinking.segmented and thinking.segment_tokens else thinking.budget
    rounds = math.ceil(thinking.budget / segment) if thinking.budget else 0
    counts, how = _count_prompts(choice, prompts, thinking=bool(thinking.budget))
    tokens_in = 0
    for count in counts:
        tokens_in += count if rounds else 0  # once for all runs
        tokens_in += runs * sum(count + number * segment for number in range(1, rounds))
        tokens_in += runs * (count + thinking.budget)
    calls = (min(rounds, 1) + runs * max(0, rounds - 1) + runs) * len(counts)
    notes = [how]
    if thinking.segmented and rounds:
        notes.append("ratings read at reflections come on top, and thinking that stops early takes less")
    if choice.name == "vllm" and rounds:
        notes.append("most of what is read again is in the prefix cache")
    return Forecast(
        choice.name, len(counts), calls, tokens_in, runs * thinking.budget * len(counts), notes=tuple(notes)
    )


def _count_prompts(choice: EngineChoice, prompts: Mapping[str, Prompt], *, thinking: bool) -> tuple[list[int], str]:
    """Tokens of each prompt, and how they were counted: by the model's tokenizer if it is on this machine."""
    from guide.llm.identity import model_folder
    from guide.llm.server.usage import rough_prompt_tokens

    model = choice.model or ""
    folder = model_folder(model)
    if folder is not None:
        tokenized = _tokenizer_of(model, folder)
        if tokenized is not None:
            texts = [tokenized.render(prompt.messages, thinking=thinking) for prompt in prompts.values()]
            return tokenized.count_tokens(texts), "counted by the model's tokenizer"
    counts = [rough_prompt_tokens(prompt.messages) for prompt in prompts.values()]
    return counts, "a token taken for 4 characters: the model's tokenizer is not on this machine"


def _tokenizer_of(model: str, folder: Path) -> TokenizedModel | None:
    """The tokenizer alone; None for a hub id of which the cache has only other files."""
    try:
        from guide.llm.tokenizer import load_tokenizer

        return TokenizedModel(model, load_tokenizer(str(folder))[0])
    except ImportError as error:
        raise InputError("transformers is not installed", fix="Run: pip install 'guide-advisor[llm]'.") from error
    except (OSError, ValueError, KeyError) as error:
        if not Path(model).is_dir():
            return None
        reason = str(error).strip().split("\n", 1)[0]
        raise ModelError(
            f"the language model's tokenizer cannot be loaded ({reason})",
            where=model,
            fix="Name a folder that holds one, or its id on the hub.",
        ) from error
