from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from guide.engines import EngineChoice
from guide.errors import GuideError, InputError
from guide.scoring.batch import score_submissions
from guide.scoring.outcomes import Setup
from tests.scoring.test_judging import STORE, submission

# Warnings out of Ray's own code are none of ours.
pytestmark = pytest.mark.filterwarnings("ignore")


def test_two_local_ray_workers_give_the_same_files(two_workers: None, tmp_path: Path) -> None:
    records = [submission(number) for number in range(150)]
    setup = Setup(store=STORE)
    here, there = tmp_path / "here", tmp_path / "there"
    score_submissions(records, here, setup=setup, workers=1)
    report = score_submissions(records, there, setup=setup, ray="local")
    assert (report.computed, report.judged) == (150, 150)
    for name in ("scores.jsonl", "scores.csv"):
        assert (there / name).read_bytes() == (here / name).read_bytes()


def test_what_cannot_be_loaded_there_is_one_line(two_workers: None, tmp_path: Path) -> None:
    from guide.scoring.distributed import OnRay

    with pytest.raises(GuideError, match="no store") as caught:
        OnRay(Setup(store=str(tmp_path / "none")), "local")
    assert "\n" not in str(caught.value)


def test_another_engine_than_the_first_one_ends_the_run(two_workers: None) -> None:
    from guide.scoring.distributed import OnRay

    with OnRay(Setup(), "local") as crew:
        crew.identity = replace(crew.identity, engine_sha256="0" * 64)
        with pytest.raises(GuideError, match="different engines"):
            list(crew.run([(submission(),)]))


def test_a_gpu_that_the_cluster_has_not_is_asked_for_in_vain(two_workers: None) -> None:
    from guide.scoring.distributed import OnRay

    engine = EngineChoice(name="transformers", model="some/model", device="cuda")
    with pytest.raises(InputError, match="the Ray cluster has none"):
        OnRay(Setup(engine=engine), "local")


def test_an_address_where_nothing_answers_is_one_line(tmp_path: Path) -> None:
    ray = pytest.importorskip("ray", reason="Ray is not installed")
    with socket.socket() as taken, pytest.MonkeyPatch.context() as patch:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        patch.setattr(ray, "is_initialized", lambda: False)
        with pytest.raises(GuideError, match="no Ray cluster answers"):
            score_submissions([submission()], tmp_path / "out", ray=f"127.0.0.1:{taken.getsockname()[1]}")
