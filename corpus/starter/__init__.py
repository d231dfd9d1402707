"""The starter store: landmark papers of machine learning with our own notes, shipped with the package."""

from __future__ import annotations

from pathlib import Path


def starter_path() -> Path:
    """The folder of the prebuilt starter store; open it with `Store.open`."""
    return Path(__file__).parent / "store"


def papers_path() -> Path:
    """The JSON lines that the starter store is built from."""
    return Path(__file__).parent / "papers.jsonl"
