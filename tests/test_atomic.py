from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from guide.atomic import replacing, write_text


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_write_replaces_the_whole_file_and_leaves_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "scores.jsonl"
    target.write_text("a longer text that was there before")
    write_text(target, "zwölf")
    assert target.read_bytes() == "zwölf".encode()
    assert list(tmp_path.iterdir()) == [target]


def test_an_error_while_writing_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    target = tmp_path / "manifest.json"
    target.write_text("old")
    with pytest.raises(ValueError, match="half way"), replacing(target) as temporary:
        temporary.write_text("ne")
        raise ValueError("half way")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_reader_sees_the_old_file_until_the_new_one_is_complete(tmp_path: Path) -> None:
    target = tmp_path / "manifest.json"
    target.write_text("old")
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert target.read_text() == "old"
    assert target.read_text() == "new"


def test_a_killed_writer_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "manifest.json"
    target.write_text("old")
    writer = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from guide.atomic import replacing\n"
        "with replacing(Path(sys.argv[1])) as temporary:\n"
        "    temporary.write_text('ne')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", writer, target], check=False, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    assert target.read_text() == "old"


def test_a_new_file_gets_the_permissions_that_any_new_file_would(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "new", "x")
    finally:
        os.umask(before)
    assert _mode(tmp_path / "new") == 0o640


def test_a_private_file_stays_private(tmp_path: Path) -> None:
    target = tmp_path / "reviews.jsonl"
    target.write_text("old")
    target.chmod(0o600)
    write_text(target, "new")
    assert _mode(target) == 0o600


def test_a_link_keeps_pointing_at_the_file_that_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    real = tmp_path / "elsewhere" / "scores.jsonl"
    real.write_text("old")
    link = tmp_path / "scores.jsonl"
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_the_longest_name_a_file_may_have_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 255)
    write_text(target, "x")
    assert target.read_text() == "x"


def test_an_error_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    target = tmp_path / "no" / "file"
    with pytest.raises(FileNotFoundError) as raised:
        write_text(target, "x")
    assert raised.value.filename == str(target)


def test_a_folder_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as raised, replacing(tmp_path):
        pytest.fail("the block must not run")
    assert raised.value.filename == str(tmp_path)


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        write_text(pipe, "x")
        assert reader.stdout is not None
        assert reader.stdout.read() == b"x"
    assert pipe.is_fifo()


def test_a_relative_name_is_written_where_the_process_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_text(Path("here.txt"), "x")
    assert (tmp_path / "here.txt").read_text() == "x"
