"""A thousand files with GUIDE_HOSTILE_FILES=1000; fewer in the ordinary run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.hostile import SECRET, make_files

ROOT = Path(__file__).resolve().parents[3]
COUNT = int(os.environ.get("GUIDE_HOSTILE_FILES", "52"))


def test_hostile_files_are_read_or_refused_in_one_line_within_limits(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    kinds = make_files(folder, COUNT)
    command = [sys.executable, "-m", "tests.hostile", str(folder)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    child = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, timeout=COUNT * 10)
    told = [json.loads(line) for line in child.stdout.splitlines()]
    assert child.returncode == 0, child.stderr.decode("utf-8", "replace")[-2000:]
    assert {one["name"] for one in told} == set(kinds)
    for one in told:
        assert one["seconds"] < 10, one["name"]
        assert SECRET not in one["said"] and "root:x:" not in one["said"], one["name"]
        if one["outcome"] == "refused":
            assert one["said"].isprintable(), one["name"]
        else:
            # As JSON: a control character would be written with a backslash.
            assert "\x1b" not in one["said"] and "\\u001b" not in one["said"], one["name"]
    counts = Counter((kinds[one["name"]], one["outcome"]) for one in told)
    print(json.dumps({f"{kind}: {outcome}": count for (kind, outcome), count in sorted(counts.items())}))  # noqa: T201
    print("slowest", max((one["seconds"], one["name"]) for one in told))  # noqa: T201
