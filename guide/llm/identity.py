"""What a language model is, by content: the hash of the files it is loaded from."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

_FILES = ("*.safetensors", "*.bin", "*.json", "*.model", "*.jinja", "*.txt")


def model_name(model: str) -> str:
    """A hub id as it is; of a folder its name."""
    return Path(model).resolve().name if Path(model).is_dir() else model


def hash_model(model: str, settings: dict[str, Any]) -> str:
    """SHA-256 (hex) over the model's files and the settings that can change its answers.

    Of a hub id the files in the local cache are read; where they are not there, the id alone is hashed.
    """
    whole = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    folder = model_folder(model)
    if folder is None:
        whole.update(model.encode())
        return whole.hexdigest()
    for path in sorted({path for pattern in _FILES for path in folder.glob(pattern)}):
        with path.open("rb") as file:
            whole.update(path.name.encode() + hashlib.file_digest(file, "sha256").digest())
    return whole.hexdigest()


def model_folder(model: str) -> Path | None:
    """Where the files of a model lie: the folder itself, or that of a hub id in the local cache; None if nowhere."""
    return Path(model) if Path(model).is_dir() else _cached(model)


def _cached(model: str) -> Path | None:
    try:
        from huggingface_hub import try_to_load_from_cache
    except ImportError:
        return None
    found = try_to_load_from_cache(model, "config.json")
    return Path(found).parent if isinstance(found, str) else None
