from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from guide.commands.read import read
from guide.errors import InputError
from guide.text.documents import sandbox
from guide.text.documents.sandbox import Limits, read_apart
from guide.text.proposal import read_proposal

TEXT = "# Caches that forget\n\nAda Writer, Bo Writer\n\n## Abstract\n\nWe keep few keys.\n\n## Method\n\nEach key has a score.\n"  # noqa: E501


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "idea.md"
    file.write_text(TEXT, encoding="utf-8")
    return file


def test_read_prints_title_modules_and_what_was_left_out(file: Path) -> None:
    result = CliRunner().invoke(read, [str(file)])
    assert result.exit_code == 0
    assert "title     Caches that forget" in result.output
    assert "abstract           4 words   We keep few keys." in result.output
    assert "- left out: 1 line of author names or addresses" in result.output


def test_read_as_json_is_the_proposal(file: Path) -> None:
    result = CliRunner().invoke(read, [str(file), "--json"])
    assert json.loads(result.output) == json.loads(read_proposal(str(file)).model_dump_json())


def test_the_sandbox_reads_the_same_and_tells_refusals_in_the_same_words(file: Path, tmp_path: Path) -> None:
    assert read_apart(str(file)) == read_proposal(str(file))
    missing = str(tmp_path / "none.md")
    with pytest.raises(InputError) as apart:
        read_apart(missing)
    with pytest.raises(InputError) as here:
        read_proposal(missing)
    assert str(apart.value) == str(here.value)


def test_the_sandbox_ends_a_reading_that_takes_too_much(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="took more"):
        read_apart(str(file), limits=Limits(memory=30_000_000))
    with pytest.raises(InputError, match="an answer of more than"):
        read_apart(str(file), limits=Limits(output=10))
    monkeypatch.setattr(sandbox, "_START", 0)
    with pytest.raises(InputError, match=r"took more than 0\.01 s"):
        read_apart(str(file), limits=Limits(seconds=0.01))
