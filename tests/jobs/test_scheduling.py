"""Horovod's threads give way to the network, and two processes that are the whole job do not share a core."""

import json
import os

import pytest

from distributed import affinity
from tests.support import run_jobs
from tests.support.marks import slow

ALLOWED = sorted(os.sched_getaffinity(0))


@pytest.mark.parametrize("launcher", [run_jobs.gloo, slow(run_jobs.horovodrun), run_jobs.mpirun])
def test_one_thread_of_horovod_gives_way_and_the_cores_are_shared_out(launcher, tmp_path):
    with run_jobs.python(launcher(2), *run_jobs.program("scheduled"), tmp_path) as job:
        outcome = job.wait()
    assert outcome.code == 0, outcome.text
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    assert [(rank["idle"], rank["main is idle"]) for rank in ranks] == [(1, False)] * 2
    if len(ALLOWED) > 1:
        (first,), (second,) = (rank["cores"] for rank in ranks)  # the same ones for every thread of a rank
        assert len(first) == len(second) >= 1
        assert not set(first) & set(second)


def test_more_processes_than_cores_stay_free(tmp_path):
    processes = len(ALLOWED) + 1
    if processes > 8:
        pytest.skip(f"{processes} processes are too many for a test: it needs fewer cores")
    with run_jobs.python(run_jobs.mpirun(processes), *run_jobs.program("scheduled"), tmp_path) as job:
        outcome = job.wait()
    assert outcome.code == 0, outcome.text
    ranks = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    assert [rank["cores"] for rank in ranks] == [[ALLOWED]] * processes


def test_cores_are_shared_out_in_runs():
    assert [affinity.cores_of(rank, [[0, 1, 2, 3]] * 2) for rank in range(2)] == [[0, 1], [2, 3]]
    assert affinity.cores_of(1, [[4, 6, 9]] * 2) == [6]


def test_a_launchers_own_binding_stays():
    assert affinity.cores_of(0, [[0], [1]]) == []


def test_more_ranks_than_cores_are_not_bound():
    assert affinity.cores_of(2, [[0, 1]] * 3) == []
