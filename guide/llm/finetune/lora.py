"""A base model with low-rank adapters (LoRA: Hu et al., arXiv:2106.09685) on it: loading, training and saving it.

Only the adapters are trained. What is saved loads anywhere: the weights with the adapters added in, as safetensors, and
the adapters by themselves.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from guide.atomic import write_text
from guide.errors import InputError, ModelError
from guide.llm.loading import open_language_model

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

Device = Literal["auto", "cpu"]

ADAPTER = "adapter"
CARD = "distillation.json"
_PACKAGES = ("peft", "trl", "transformers", "torch", "datasets", "accelerate")


@dataclass(frozen=True, slots=True)
class LoraOptions:
    """The adapters.

    Attributes:
        rank: r, of each; more can hold more.
        alpha: the adapters' output is multiplied by alpha / r.
        dropout: of their input, while training.
        targets: names of the layers that get one, or ("all-linear",) for every linear layer but the last.
    """

    rank: int = 16
    alpha: int = 32
    dropout: float = 0.0
    targets: tuple[str, ...] = ("all-linear",)

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha < 1 or not 0 <= self.dropout < 1 or not self.targets:
            raise InputError(
                "adapters that cannot be made", fix="Give a rank and an alpha of at least 1, a dropout below 1, layers."
            )
        if "lm_head" in self.targets:
            # TRL reads that layer's own weights for its loss, so an adapter there would never be trained.
            raise InputError("the last layer takes no adapter", fix="Leave lm_head out.")


def require_packages() -> None:
    """Raise InputError where what trains is not installed."""
    for name in _PACKAGES:
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise InputError(
                f"training a language model needs a package that is missing ({error.name or name})",
                fix="Run: pip install 'guide-advisor[llm,distill]'",
            ) from error


def require_empty(folder: Path) -> None:
    """Make a folder for the result; raise InputError where it holds something already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("is there already and not empty", where=folder, fix="Name a new folder with --out.")
    folder.mkdir(parents=True, exist_ok=True)


def load_adapted(
    base: str, options: LoraOptions, *, adapter: Path | None = None, device: Device = "auto", seed: int = 0
) -> tuple[PeftModel, PreTrainedTokenizerBase]:
    """Load a model for training, with new adapters or those of an earlier training.

    Args:
        base: folder, or id on the hub. No code that comes with the weights is run.
        options: of new adapters; the others have their own.
        adapter: folder of earlier ones.
        device: "auto" takes a GPU where there is one.
        seed: of the new adapters' first values.

    Raises:
        InputError: a package is missing, or the model has no such layers.
        ModelError: the model or the adapters cannot be loaded.
    """
    require_packages()
    import torch
    from peft import LoraConfig, PeftModel, get_peft_model

    opened = open_language_model(base, device="cpu" if device == "cpu" else None)
    loaded, tokenizer = opened.model, opened.tokenizer
    if adapter is not None:
        try:
            return PeftModel.from_pretrained(loaded, str(adapter), is_trainable=True), tokenizer
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            reason = str(error).strip().split("\n", 1)[0]
            raise ModelError(
                f"the adapters cannot be loaded ({reason})",
                where=adapter,
                fix=f"Name a folder of adapters that were trained for {base}.",
            ) from error
    targets: str | list[str] = "all-linear" if options.targets == ("all-linear",) else list(options.targets)
    config = LoraConfig(
        r=options.rank,
        lora_alpha=options.alpha,
        lora_dropout=options.dropout,
        target_modules=targets,
        task_type="CAUSAL_LM",
    )
    try:
        with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.manual_seed(seed)
            return get_peft_model(loaded, config), tokenizer
    except ValueError as error:
        raise InputError(
            f"the model has no layers called {', '.join(options.targets)}",
            where=base,
            fix="Name others, for instance q_proj,v_proj, or all-linear.",
        ) from error


def save_adapter(model: PeftModel, folder: Path, base: str) -> None:
    """Save the adapters, which stay in the model, to a folder.

    Args:
        model: trained.
        folder: is made.
        base: the model that they are for, as it was named at first.
    """
    for config in model.peft_config.values():
        config.base_model_name_or_path = base
    model.save_pretrained(str(folder), safe_serialization=True)
    # peft leaves a form for a description that nobody filled in.
    (folder / "README.md").unlink(missing_ok=True)


def save_merged(model: PeftModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Save the weights with the adapters added in, and the tokenizer; the model cannot be trained any further."""
    merged: Any = model.merge_and_unload()
    merged.config.use_cache = True  # training turns it off
    merged.save_pretrained(str(folder), safe_serialization=True)
    tokenizer.save_pretrained(str(folder))


def write_card(folder: Path, card: Mapping[str, Any]) -> dict[str, Any]:
    """Write the card beside the weights, with the hash of these and the libraries' versions; it is what comes last.

    A folder without a card is of a training that was broken off.
    """
    from importlib.metadata import version

    whole = {
        **card,
        "weights_sha256": hash_weights(folder),
        "adapter_sha256": hash_weights(folder / ADAPTER),
        "libraries": {name: version(name) for name in _PACKAGES},
    }
    write_text(folder / CARD, json.dumps(whole, indent=2, sort_keys=True) + "\n")
    return whole


def hash_weights(folder: Path) -> str:
    """SHA-256 (hex) over the names and contents of the safetensors in a folder."""
    whole = hashlib.sha256()
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            whole.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def release_memory() -> None:
    """Give back the memory of models that nothing refers to any more, before the next one is loaded."""
    import gc

    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seed every generator that training draws from, and give each its state back afterwards."""
    import random

    import numpy as np
    import torch
    from transformers import set_seed

    python, numpy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        set_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)


def trainer_settings(folder: Path, device: Device, seed: int) -> dict[str, Any]:
    """Settings that all trainers share: nothing is sent or kept beside the result, and the seed decides.

    Args:
        folder: for what a trainer insists on writing.
        device: as for `load_adapted`.
        seed: of the order of the examples, and of what is sampled.
    """
    import torch

    on_gpu = device == "auto" and torch.cuda.is_available()
    return {
        "output_dir": str(folder),
        "use_cpu": not on_gpu,
        "bf16": on_gpu and torch.cuda.is_bf16_supported(),
        "gradient_checkpointing": on_gpu,
        "seed": seed,
        "data_seed": seed,
        "save_strategy": "no",
        "report_to": "none",
        "logging_steps": 1,
        "disable_tqdm": True,
        "dataloader_pin_memory": on_gpu,
    }


def quieten(trainer: Any) -> None:
    """Keep a trainer from printing every step: standard output is for what was asked for."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)


def losses_of(history: Sequence[Mapping[str, Any]]) -> list[float]:
    """The training loss at each step of a trainer's log."""
    return [float(entry["loss"]) for entry in history if "loss" in entry]
