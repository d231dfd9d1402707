"""The rubric and the prompts: files beside this module, named by the hash of their bytes."""

from __future__ import annotations

import hashlib
from pathlib import Path

from guide.errors import GuideError


def prompt_path(name: str) -> Path:
    """Return the path of a file that ships with guide.

    Args:
        name: file name, for instance "rubric.toml".

    Raises:
        GuideError: the installation has no such file.
    """
    path = Path(__file__).parent / name
    if Path(name).name != name or not path.is_file():
        raise GuideError(f"guide ships no prompt file {name!r}", fix="If its name is right, install guide again.")
    return path


def read_prompt(name: str) -> bytes:
    """Return the bytes of a file that ships with guide. Raises GuideError as `prompt_path` does."""
    return prompt_path(name).read_bytes()


def prompt_sha256(name: str) -> str:
    """Return the SHA-256 (hex) of a file's bytes, its version. Raises GuideError as `prompt_path` does."""
    return hashlib.sha256(read_prompt(name)).hexdigest()
