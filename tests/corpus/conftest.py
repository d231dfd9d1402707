from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from guide.corpus.store import Store
from tests.corpus.fakes import WordsEncoder, papers


@pytest.fixture
def words_encoder() -> WordsEncoder:
    return WordsEncoder()


@pytest.fixture
def build(tmp_path: Path, words_encoder: WordsEncoder) -> Callable[..., Path]:
    """Build a store of made-up papers and give its folder."""

    def make(count: int = 40, name: str = "store") -> Path:
        path = tmp_path / name
        with Store.create_or_open(path, words_encoder) as store:
            store.add(papers(count))
        return path

    return make


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Every file of a folder, to compare before and after."""

    def read(folder: Path) -> dict[str, bytes]:
        return {
            str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()
        }

    return read
