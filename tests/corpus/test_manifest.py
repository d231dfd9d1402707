from __future__ import annotations

import errno
import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from guide.atomic import TEMPORARY
from guide.corpus.manifest import (
    Manifest,
    corpus_hash,
    describe,
    read_manifest,
    sizes,
    take_stock,
    write_manifest,
)
from guide.corpus.papers import content_hash
from guide.corpus.schema import FORMAT_VERSION, connect
from guide.corpus.snapshot import Snapshot
from guide.corpus.store import Store
from guide.errors import StoreError
from tests.corpus.fakes import WordsEncoder, paper, papers

NUMBERS = st.integers(0, 2**60)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
MANIFESTS = st.builds(
    Manifest, st.just(FORMAT_VERSION), TEXTS, TEXTS, NUMBERS, NUMBERS, NUMBERS, TEXTS, TEXTS, TEXTS, st.none() | TEXTS
)
PLAIN = Manifest(FORMAT_VERSION, "fake/wörds", "0" * 64, 32, 7, 6, "flat", "none", "1" * 64, "2024-05")


@given(MANIFESTS)
def test_a_manifest_comes_back_as_it_was_written_and_is_written_once(manifest: Manifest) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert write_manifest(Path(folder), manifest)
        assert read_manifest(Path(folder)) == manifest
        assert not write_manifest(Path(folder), manifest)


def test_people_can_read_it(tmp_path: Path) -> None:
    write_manifest(tmp_path, PLAIN)
    lines = (tmp_path / "manifest.json").read_text(encoding="utf-8").splitlines()
    assert '  "embedder_id": "fake/wörds",' in lines
    assert '  "papers": 7,' in lines
    assert len(lines) == len(asdict(PLAIN)) + 2


def test_a_write_that_fails_half_way_leaves_the_old_manifest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_manifest(tmp_path, PLAIN)
    write_text = Path.write_text

    def half(self: Path, text: str, **named: str) -> int:
        write_text(self, text[: len(text) // 2], **named)  # type: ignore[arg-type]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(StoreError, match="the disk is full"):
        write_manifest(tmp_path, replace(PLAIN, papers=8))
    monkeypatch.undo()
    assert read_manifest(tmp_path) == PLAIN
    assert not list(tmp_path.glob(f"{TEMPORARY}*"))
    assert write_manifest(tmp_path, replace(PLAIN, papers=8))


@given(st.integers(-5, 9).filter(lambda version: version != FORMAT_VERSION), st.booleans())
def test_every_other_format_names_the_way_on_whatever_else_it_says(version: int, bare: bool) -> None:
    entries = {"format_version": version} if bare else {**asdict(PLAIN), "format_version": version, "new": 1}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "manifest.json").write_text(json.dumps(entries))
        way = "guide corpus migrate" if version < FORMAT_VERSION else "pip install --upgrade guide-advisor"
        with pytest.raises(StoreError, match=rf"format {version}, .*{way}"):
            read_manifest(Path(folder))


@pytest.mark.parametrize("entry", asdict(PLAIN))
def test_a_manifest_that_lacks_an_entry_is_none(tmp_path: Path, entry: str) -> None:
    entries = asdict(PLAIN)
    del entries[entry]
    (tmp_path / "manifest.json").write_text(json.dumps(entries))
    with pytest.raises(StoreError, match="does not have the entries of a store"):
        read_manifest(tmp_path)


def test_a_folder_in_its_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "manifest.json").mkdir()
    with pytest.raises(StoreError, match=r"manifest\.json: the manifest cannot be read \(Is a directory\)"):
        read_manifest(tmp_path)
    with pytest.raises(StoreError, match=r"manifest\.json: .*Is a directory"):
        write_manifest(tmp_path, PLAIN)


def test_the_hash_is_the_one_that_is_documented(build: Callable[..., Path]) -> None:
    found = sorted(papers(30), key=lambda one: one.id)
    lines = "".join(f"{one.id}\0{content_hash(one).hex()}\n" for one in found)
    with closing(connect(build(30), "read")) as db:
        assert corpus_hash(db) == hashlib.sha256(lines.encode()).hexdigest()


def test_stock_without_readable_vectors_counts_none(build: Callable[..., Path]) -> None:
    path = build(12)
    with closing(connect(path, "read")) as db:
        whole = take_stock(db, Snapshot.load(path, 32))
        assert whole == read_manifest(path)
        assert take_stock(db, None) == replace(whole, vectors=0, layout="")


def test_an_unknown_venue_and_month_are_counted_as_such(tmp_path: Path, words_encoder: WordsEncoder) -> None:
    some = [paper(0, venue="", posted=None), paper(1, venue="", posted=None), paper(2, venue="Zeta", posted=None)]
    with Store.create_or_open(tmp_path, words_encoder) as store:
        store.add(some)
    with closing(connect(tmp_path, "read")) as db:
        facts = describe(tmp_path, db, Snapshot.load(tmp_path, 32))
    assert list(facts.by_venue.items()) == [("", 2), ("Zeta", 1)]
    assert facts.by_year == {"2012": 1, "2013": 1, "2014": 1}
    assert facts.cutoff is None
    assert facts.sizes["manifest.json"] == (tmp_path / "manifest.json").stat().st_size


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_a_file_that_goes_while_the_sizes_are_told_is_left_out(
    build: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    path = build(3)
    before = sizes(path)
    (going,) = (path / "vectors").glob("method-*")
    stat, left = Path.stat, looks

    def gone_after(self: Path, **named: bool) -> os.stat_result:
        nonlocal left
        found = stat(self, **named)
        left -= self == going
        if not left:
            going.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(Path, "stat", gone_after)
    told = sizes(path)
    assert before.items() - told.items() <= {(f"vectors/{going.name}", before[f"vectors/{going.name}"])}
    assert len(told) >= len(before) - 1


def test_a_content_hash_that_is_none_is_told_as_damage(build: Callable[..., Path]) -> None:
    path = build(3)
    with closing(connect(path, "write")) as db:
        db.execute("UPDATE papers SET content_hash = 'eight by' WHERE row = 2")
    with Store.open(path) as store, pytest.raises(StoreError, match="content hash of paper 'made:00001' is altered"):
        store.info()
