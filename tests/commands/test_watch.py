import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from guide.commands.watch import saves

ROOT = Path(__file__).parents[2]
IDEA = (ROOT / "examples" / "idea.md").read_text(encoding="utf-8")
ADDED = "We run ablations that remove each component in turn."


def _watched(path, *steps):
    """How many saves are seen at the start, and after each step, with ten looks at the file after each."""
    counted, done, looks, waited = [], 0, 0, []

    class _OverError(Exception):
        pass

    seen = 0

    def pause(_seconds):
        nonlocal looks, done
        looks += 1
        if looks % 10:
            return
        counted.append(seen)
        if done == len(steps):
            raise _OverError
        steps[done]()
        done += 1

    with pytest.raises(_OverError):
        for _ in saves(path, waiting=waited.append, pause=pause):
            seen += 1
    return counted, waited


def test_the_file_is_reviewed_at_once_and_after_each_save(tmp_path):
    file = tmp_path / "idea.md"
    file.write_text("one")
    counted, _ = _watched(file, lambda: file.write_text("second"), lambda: None, lambda: file.write_text("a third"))
    assert counted == [1, 2, 2, 3]


def test_a_file_that_vanishes_for_a_moment_is_waited_for(tmp_path):
    file, beside = tmp_path / "idea.md", tmp_path / "beside"
    file.write_text("one")
    counted, waited = _watched(
        file, file.unlink, lambda: file.write_text("again"), lambda: beside.write_text("other"),
        lambda: beside.replace(file),
    )  # fmt: skip
    assert counted == [1, 1, 2, 2, 3]
    assert not waited


def test_a_file_that_stays_away_is_said_once_to_be_waited_for(tmp_path):
    file = tmp_path / "idea.md"
    file.write_text("one")
    counted, waited = _watched(file, file.unlink, *[lambda: None] * 25)
    assert set(counted) == {1}
    assert waited == [file]


def test_half_a_save_is_not_read(tmp_path):
    file = tmp_path / "idea.md"
    file.write_text("one")
    seen, looks = [], 0

    def still_writing(_seconds):
        nonlocal looks
        looks += 1
        if looks < 8:
            file.write_text("x" * looks * 10)
        elif looks == 12:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        for _ in saves(file, waiting=seen.append, pause=still_writing):
            seen.append(file.stat().st_size)
    assert seen == [3, 70]


def test_standard_input_cannot_be_watched(cli):
    result = cli("watch", "-")
    assert result.exit_code == 2
    assert "guide review -" in result.output


@pytest.mark.parametrize("content", [None, b"", b"\x00\x01\x02" * 50])
def test_a_file_that_cannot_be_read_at_the_start_is_one_clear_line(cli, tmp_path, content):
    file = tmp_path / "idea.md"
    if content is not None:
        file.write_bytes(content)
    result = cli("watch", file)
    assert result.exit_code == 2
    assert len(result.output.splitlines()) == 1


def test_a_save_is_compared_an_empty_one_is_outlived_and_ctrl_c_ends_it(tmp_path):
    file = tmp_path / "idea.md"
    file.write_text(IDEA, encoding="utf-8")
    command = [sys.executable, "-c", "from guide.cli import main; main()", "watch", str(file), "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=environment, cwd=tmp_path) as running:
        try:
            lines: queue.Queue[str] = queue.Queue()
            errors: queue.Queue[str] = queue.Queue()
            for stream, into in ((running.stdout, lines), (running.stderr, errors)):
                threading.Thread(target=lambda s=stream, q=into: [q.put(line) for line in s], daemon=True).start()
            first = json.loads(lines.get(timeout=60))
            assert first["proposal"]["source"] == "idea.md"
            assert "reviewed in" in errors.get(timeout=10)

            file.write_text("", encoding="utf-8")
            assert "empty" in errors.get(timeout=10)

            beside = tmp_path / "beside.md"
            beside.write_text(f"{IDEA.rstrip()} {ADDED}\n", encoding="utf-8")
            beside.replace(file)
            revision = json.loads(lines.get(timeout=60))
            assert revision["unchanged"] is False
            assert revision["not_comparable"] == []
            assert revision["p_accept"]["before"] == first["judgement"]["p_accept"]
            assert revision["changes"]
        finally:
            running.send_signal(signal.SIGINT)
        assert running.wait(timeout=20) == 130
