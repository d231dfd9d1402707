"""Which engine, which model behind it and how to use it: from the command line to an engine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from guide.errors import InputError

if TYPE_CHECKING:
    from guide.corpus.minilm.model import MiniLM
    from guide.judging import Engine
    from guide.llm.kvcache.evicted_drawing import Eviction, Method
    from guide.llm.model import ChatModel, TextModel
    from guide.llm.reasoner import ReasonerOptions

ENGINES = ("student", "transformers", "vllm", "openai")


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """An engine and its settings; what a setting is not for is refused, never passed over.

    Attributes:
        name: one of `ENGINES`.
        model: folder or hub id of a language model, or what a server calls it.
        base_url: where a server is, up to and with "/v1".
        runs: of a language model over each proposal; None leaves it to the engine, as below.
        thinking: tokens a run may think.
        trim: whether to stop thinking that no longer moves the rating.
        aggregate: whether the review is written from the informative steps of all runs.
        device: for the transformers engine.
        keep_cache: for the transformers engine, share (0..1] of a prompt's cache that is kept; None keeps all.
        evict: how the rest is chosen, "shotkv" or "chunkkv"; given if and only if `keep_cache` is.
        seed: of all draws.
        trained_until: the last year a language model can know decisions of, which a replay asks for.
        calibration: file that `guide calibrate` made of this very engine.
        max_tokens_total: cap on what a server is made to read and draw in all.
        price_in: for a million tokens read, in any currency.
        price_out: for a million tokens drawn.
    """

    name: str = "student"
    model: str | None = None
    base_url: str | None = None
    runs: int | None = None
    thinking: int | None = None
    trim: bool = True
    aggregate: bool = False
    device: str | None = None
    keep_cache: float | None = None
    evict: str | None = None
    seed: int = 0
    trained_until: int | None = None
    calibration: Path | None = None
    max_tokens_total: int | None = None
    price_in: float | None = None
    price_out: float | None = None


STUDENT = EngineChoice()


def load_engine(choice: EngineChoice = STUDENT, *, encoder: MiniLM | None = None) -> Engine:
    """Load the engine chosen; an encoder already loaded is shared with it.

    Raises:
        InputError: there is no such engine, a setting does not go with it, or the calibration is not its own.
        ModelError: its weights are missing, altered or cannot be loaded.
    """
    engine = _load(choice, encoder)
    if choice.calibration is None:
        return engine
    from guide.calibration.calibrated import calibrated
    from guide.calibration.recalibration import load_calibration

    return calibrated(engine, load_calibration(choice.calibration))


def check_choice(choice: EngineChoice) -> None:
    """Raise InputError where there is no such engine, or a setting does not go with it; nothing is loaded."""
    if choice.name not in ENGINES:
        raise InputError(f"no engine called {choice.name!r}", fix=f"Use one of: {', '.join(ENGINES)}.")
    _eviction(choice)
    if choice.name == "student":
        if choice.model is not None or choice.base_url is not None:
            raise InputError(
                "the student is one model and takes no other", fix="Name an engine: --engine transformers."
            )
        return
    if choice.model is None:
        raise InputError(
            f"the engine {choice.name} needs a model",
            fix="Name one: --model FOLDER, or a hub id, or the server's name.",
        )
    if choice.name == "openai":
        _address(choice)
    elif choice.base_url is not None:
        raise InputError(f"the engine {choice.name} runs here and has no address", fix="Use --engine openai.")


def _load(choice: EngineChoice, encoder: MiniLM | None) -> Engine:
    check_choice(choice)
    if choice.name == "student":
        from guide.student.engine import load_student

        return load_student(encoder=encoder)
    if choice.name == "openai":
        from guide.llm.chat_reasoner import ChatReasoner

        return ChatReasoner(load_chat_model(choice), reasoner_options(choice))
    from guide.llm.reasoner import Reasoner

    return Reasoner(load_text_model(choice), reasoner_options(choice))


def _address(choice: EngineChoice) -> tuple[str, str]:
    """The server's name of the model and its address."""
    if choice.model is None or choice.base_url is None:
        raise InputError(
            "a server needs an address and the name of its model",
            fix="Give both: --base-url http://localhost:8000/v1 --model NAME. A key is read from GUIDE_API_KEY.",
        )
    return choice.model, choice.base_url


def load_text_model(choice: EngineChoice) -> TextModel:
    """The language model of a choice that runs on this machine (see `load_engine`)."""
    if choice.model is None:
        raise InputError("no model is named", fix="Name one: --model FOLDER.")
    if choice.base_url is not None:
        raise InputError(f"the engine {choice.name} runs here and has no address", fix="Use --engine openai.")
    eviction = _eviction(choice)
    if choice.name == "vllm":
        from guide.llm.vllm_model import VllmModel

        return VllmModel(choice.model, seed=choice.seed)
    from guide.llm.transformers_model import TransformersModel

    return TransformersModel(choice.model, device=choice.device, eviction=eviction)


def _eviction(choice: EngineChoice) -> Eviction | None:
    """What the choice wants to be evicted; InputError where the two settings of it do not go together or with it."""
    if choice.keep_cache is None and choice.evict is None:
        return None
    if choice.name != "transformers":
        raise InputError(
            f"the engine {choice.name} keeps the whole cache", fix="Leave --keep-cache and --evict to transformers."
        )
    if choice.keep_cache is None or choice.evict is None:
        raise InputError(
            "a share of the cache to keep and a way to choose it go together",
            fix="Give both: --keep-cache 0.5 --evict shotkv.",
        )
    from guide.llm.kvcache.evicted_drawing import Eviction
    from guide.llm.kvcache.ratio import Kept

    return Eviction(cast("Method", choice.evict), Kept(choice.keep_cache))


def load_chat_model(choice: EngineChoice) -> ChatModel:
    """The language model of a choice that a server runs (see `load_engine`)."""
    model, address = _address(choice)
    from guide.llm.server.model import ServerModel

    return ServerModel(
        model,
        address,
        max_tokens_total=choice.max_tokens_total,
        price_in=choice.price_in,
        price_out=choice.price_out,
    )


def reasoner_options(choice: EngineChoice) -> ReasonerOptions:
    """How the choice wants a language model to be used."""
    from dataclasses import replace

    from guide.judging import UNKNOWN_YEAR
    from guide.llm.reasoner import ReasonerOptions

    default = ReasonerOptions()
    thinking = replace(
        default.thinking,
        budget=default.thinking.budget if choice.thinking is None else choice.thinking,
        sampling=replace(default.thinking.sampling, seed=choice.seed),
        trim=replace(default.thinking.trim, agreed=choice.trim, undecided=choice.trim),
        loop=default.thinking.loop if choice.trim else None,
        # Without trimming nothing happens at a boundary, and the run is drawn in one piece.
        segment_tokens=default.thinking.segment_tokens if choice.trim else None,
    )
    return replace(
        default,
        runs=default.runs if choice.runs is None else choice.runs,
        thinking=thinking,
        aggregate=choice.aggregate,
        last_training_year=UNKNOWN_YEAR if choice.trained_until is None else choice.trained_until,
    )
