from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from guide.corpus import jsonl
from guide.corpus.jsonl import Skipped, read_jsonl
from guide.errors import InputError

LINES = b"".join(json.dumps({"n": number}).encode() + b"\n" for number in range(5_000))


def pack(path: Path, data: bytes) -> Path:
    if path.suffix == ".gz":
        data = gzip.compress(data)
    elif path.suffix == ".zst":
        data = zstandard.ZstdCompressor().compress(data)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst", "a.json"])
def test_all_three_compressions_give_the_same_objects(tmp_path: Path, name: str) -> None:
    found = list(read_jsonl(pack(tmp_path / name, LINES)))
    assert found == [(number + 1, {"n": number}) for number in range(5_000)]


def test_frames_one_after_another_are_read_to_the_end(tmp_path: Path) -> None:
    half = LINES.index(b"\n", len(LINES) // 2) + 1
    compress = zstandard.ZstdCompressor().compress
    (tmp_path / "a.zst").write_bytes(compress(LINES[:half]) + compress(LINES[half:]))
    assert len(list(read_jsonl(tmp_path / "a.zst"))) == 5_000


def test_frames_with_a_long_window_are_read(tmp_path: Path) -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    (tmp_path / "a.zst").write_bytes(zstandard.ZstdCompressor(compression_params=parameters).compress(LINES))
    assert len(list(read_jsonl(tmp_path / "a.zst"))) == 5_000


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
def test_a_file_cut_off_in_the_middle_is_reported_not_taken_for_whole(tmp_path: Path, name: str) -> None:
    path = pack(tmp_path / name, LINES)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    *_, last = read_jsonl(path)
    assert isinstance(last, Skipped)
    assert "cut off" in last.reason
    assert last.where.startswith(f"{path}:")


@pytest.mark.parametrize("name", ["a.gz", "a.zst"])
def test_a_name_that_promises_compression_must_keep_it(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(LINES)
    with pytest.raises(InputError, match=r"is not a (gzip|zstd) file"):
        read_jsonl(tmp_path / name)


def test_a_missing_file_and_a_folder_are_errors_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_jsonl(tmp_path / "absent.jsonl")
    with pytest.raises(InputError, match="directory"):
        read_jsonl(tmp_path)


def test_each_bad_line_is_skipped_with_its_place_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [b'{"ok": 1}', b"{", b"[1]", b"", b'{"a": "\xff"}', b"[" * 100_000, b'{"ok": 2}']
    path.write_bytes(b"\n".join(lines))
    found = list(read_jsonl(path))
    assert [one for one in found if not isinstance(one, Skipped)] == [(1, {"ok": 1}), (7, {"ok": 2})]
    assert [(one.where, one.reason) for one in found if isinstance(one, Skipped)] == [
        (f"{path}:2", "the line is not JSON"),
        (f"{path}:3", "the line is not a JSON object"),
        (f"{path}:5", "the line is not UTF-8"),
        (f"{path}:6", "the line is not JSON"),
    ]


def test_an_endless_line_is_skipped_and_the_next_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x" * (3 * jsonl.MAX_LINE_BYTES) + b'\n{"ok": 1}\n' + b"y" * (jsonl.MAX_LINE_BYTES + 1))
    first, second, third = read_jsonl(path)
    assert isinstance(first, Skipped)
    assert "longer than" in first.reason
    assert second == (2, {"ok": 1})
    assert isinstance(third, Skipped)


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"n": 1}\r\n{"n": 2}\r\n')
    assert list(read_jsonl(path)) == [(1, {"n": 1}), (2, {"n": 2})]


@given(chunks=st.lists(st.binary(max_size=40)), limit=st.integers(1, 30))
def test_lines_do_not_depend_on_how_the_stream_is_cut(chunks: list[bytes], limit: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "MAX_LINE_BYTES", limit)
        found = list(jsonl._lines(chunks))
    whole = b"".join(chunks).split(b"\n")
    if not whole[-1]:
        whole.pop()
    assert found == [line if len(line) <= limit else None for line in whole]


@given(data=st.binary(max_size=300))
def test_no_bytes_make_the_reader_raise(data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("any") / "a.jsonl"
    path.write_bytes(data)
    for one in read_jsonl(path):
        assert isinstance(one, Skipped | tuple)
