import os
import signal

import pytest

from guide.errors import GuideError, InputError, StoreError
from guide.scoring.judging import Judging
from guide.scoring.outcomes import Setup
from guide.scoring.workers import OneProcess, Processes, choose_workers, usable_cores
from tests.scoring.test_judging import STORE, submission

UNITS = [tuple(submission(4 * unit + number) for number in range(4)) for unit in range(3)]


def by_unit(crew):
    return {unit[0].id: outcomes for unit, outcomes in crew.run(iter(UNITS))}


def test_several_processes_give_the_rows_of_one_and_say_who_they_are():
    setup = Setup(store=STORE)
    with Processes(setup, 2) as many, Judging(setup) as judging:
        one = OneProcess(judging)
        assert many.identity == one.identity
        assert by_unit(many) == by_unit(one)


def test_what_a_worker_cannot_load_is_said_as_it_would_be_here(tmp_path):
    with pytest.raises(StoreError, match="no store") as caught:
        Processes(Setup(store=str(tmp_path / "none")), 1)
    assert caught.value.where == str(tmp_path / "none")
    with pytest.raises(InputError, match="--store DIR"):
        Processes(Setup(cutoff="2024-09"), 1)


def test_a_worker_that_is_killed_ends_the_run_in_one_line_and_leaves_nobody_behind():
    with Processes(Setup(), 2) as crew:
        workers = list(crew._processes.values())
        os.kill(workers[0].pid, signal.SIGKILL)
        with pytest.raises(GuideError, match=r"died \(exit status -9\).*kept"):
            list(crew.run(iter(UNITS)))
    assert not any(worker.is_alive() for worker in workers)


def test_threads_are_set_for_the_workers_alone():
    before = dict(os.environ)
    with Processes(Setup(), 1):
        assert dict(os.environ) == before


def test_a_few_texts_are_judged_here_and_many_by_a_worker_a_core():
    assert choose_workers(Setup(), 10) == 1
    assert choose_workers(Setup(), 10**6) == usable_cores()
