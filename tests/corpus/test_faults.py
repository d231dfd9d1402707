"""The checks of the fault bench, small: kills, damage, and what stands in the way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.faults.damaged_files import cut_files, flip_bytes, flip_records
from benchmarks.faults.disks import fill_disks
from benchmarks.faults.findings import Findings
from benchmarks.faults.kills import check_killed, kill_often
from benchmarks.faults.malformed import feed_malformed
from benchmarks.faults.obstacles import get_in_the_way
from benchmarks.faults.stores import Sample, build_sample, copy_store
from guide.corpus.store import Store


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sample]:
    folder = tmp_path_factory.mktemp("faults")
    yield build_sample(folder, 160)
    shutil.rmtree(folder)


def failures(found: Findings) -> str:
    return "\n".join(found.failures)


def test_no_kill_loses_a_paper_or_changes_what_a_store_ends_as(tmp_path: Path) -> None:
    found = kill_often(tmp_path, kills=4, count=170, seed=3)
    assert not found.failures, failures(found)
    assert found.counts["kills"] == 4
    assert found.counts["hash_equal"] == found.counts["runs"]


def test_a_full_disk_is_one_line_and_with_room_the_same_command_goes_on(tmp_path: Path) -> None:
    found = fill_disks(tmp_path, count=120, shares=(0.3, 0.9))
    if found.counts["skipped_for_want_of_the_right_to_mount"]:
        pytest.skip("mounting a small file system is not permitted here")
    assert not found.failures, failures(found)
    assert found.counts["disks_full"] >= 2
    assert found.counts["completed"] == 2


def test_no_flipped_byte_gives_a_wrong_answer_in_silence(tmp_path: Path, sample: Sample) -> None:
    found = flip_bytes(tmp_path, sample, in_database=4, elsewhere=1, seed=5)
    assert not found.failures, failures(found)
    assert found.counts["flips"] >= 10


def test_no_flipped_byte_of_a_record_alters_a_text_in_silence(sample: Sample) -> None:
    found = flip_records(sample, records=10)
    assert not found.failures, failures(found)


def test_a_cut_or_swapped_file_is_told_and_mended(tmp_path: Path, sample: Sample) -> None:
    found = cut_files(tmp_path, sample, lengths=(0.5,))
    assert not found.failures, failures(found)


def test_what_stands_in_the_way_is_one_line_and_changes_nothing(tmp_path: Path, sample: Sample) -> None:
    # A part of it runs as another user, to whom pytest's own folders are closed.
    for folder in (tmp_path, *tmp_path.parents[:2], *sample.files[0].parents[:3]):
        folder.chmod(folder.stat().st_mode | 0o055)
    found = get_in_the_way(tmp_path, sample)
    assert not found.failures, failures(found)


def test_malformed_records_are_counted_with_file_and_line_and_stop_nothing(tmp_path: Path) -> None:
    found = feed_malformed(tmp_path)
    assert not found.failures, failures(found)
    assert found.counts["malformed"] >= 15


def test_the_bench_sees_an_altered_paper_and_a_lost_one(tmp_path: Path, sample: Sample) -> None:
    path = copy_store(sample, tmp_path / "copy")
    with Store.open(path) as store:
        held = {paper.id: paper.content_hash for paper in store.export()}
    found = Findings()
    check_killed(path, {**held, "made:gone": "0"}, held, (), found, "a test")
    assert "1 committed papers are gone" in failures(found)
    found = Findings()
    check_killed(path, {}, {**held, "made:000001": "0"}, ("made:000001",), found, "a test")
    assert "1 papers are not what was added" in failures(found)
