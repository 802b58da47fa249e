"""Processes that are killed or hang in the middle of real jobs: no checkpoint is lost, nothing waits for ever."""

import re
import signal

import pytest

from lenet.run import checkpoint
from tests.support.endless_runs import assert_goes_on, assert_whole, ended, ranks
from tests.support.marks import slow
from tests.support.run_jobs import gloo, horovodrun, mpirun, program, run

LAUNCHERS = [gloo, slow(horovodrun), slow(mpirun)]  # without --gloo horovodrun starts mpirun


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_rank_that_is_killed_ends_the_job(start, endless, tmp_path, launcher):
    job = start(launcher)
    ranks(job)[2].kill()
    outcome = ended(job)
    assert outcome.code != 0
    lost = [text for _, text in outcome.lines if text.startswith("error: rank ") and " is lost" in text]
    if launcher is gloo:  # mpirun itself sees the end of a process at once, and ends and names it before the others do
        assert lost, outcome.text
        assert all(re.search(r"rank 2 on \S+ is lost", line) for line in lost)
    else:
        assert lost or re.search(r"(rank 2|Process name: \[\[\d+,1\],2\])", outcome.text), outcome.text
    assert_whole(tmp_path / "run")
    assert_goes_on(tmp_path / "run", endless, None)


@pytest.mark.slow
def test_rank_0_that_is_killed_ends_the_job(start, endless, tmp_path):
    job = start(gloo)
    ranks(job)[0].kill()
    outcome = ended(job)
    assert outcome.code != 0
    assert re.search(r"error: rank [12] of 3 on \S+: rank 0 on \S+ is lost", outcome.text), outcome.text
    assert_whole(tmp_path / "run")


@pytest.mark.parametrize("launcher", [slow(gloo), slow(horovodrun), slow(mpirun), None])
def test_all_killed(start, endless, tmp_path, launcher):
    job = start(launcher, 2)
    job.kill()
    ended(job)
    assert_whole(tmp_path / "run")
    assert_goes_on(tmp_path / "run", endless, launcher, 2)


@pytest.mark.parametrize("launcher", [gloo, slow(horovodrun), mpirun])
def test_the_launcher_that_is_killed_leaves_nobody_behind(start, endless, tmp_path, launcher):
    job = start(launcher, 2)
    job.send(signal.SIGKILL)
    ended(job)
    assert_whole(tmp_path / "run")
    assert_goes_on(tmp_path / "run", endless, None)


@pytest.mark.parametrize(
    ("launcher", "rank"),
    [(gloo, 0), slow(gloo, 2), slow(mpirun, 2), slow(horovodrun, 0)],
)
def test_a_rank_that_is_stopped_ends_the_job_within_the_stall_timeout(start, tmp_path, launcher, rank):
    job = start(launcher, 3, "--stall-timeout", 15)  # the start takes less on any machine
    ranks(job)[rank].send_signal(signal.SIGSTOP)
    outcome = ended(job)
    assert outcome.code != 0
    assert_whole(tmp_path / "run")
    for other in {0, 1, 2} - {rank}:
        report = rf"error: rank {other} of 3 on \S+: no progress for 15 s at step \d+, waiting for "
        assert re.search(report, outcome.text), outcome.text
        assert outcome.text.count("in _take_steps") + outcome.text.count("in evaluate") >= 2  # of the stacks


@pytest.mark.parametrize(
    ("call", "steps"),
    [
        (("lenet.run.checkpoint", "write_params", 5), [4]),  # the first of two such files of the checkpoint of step 6
        (("lenet.atomic", "_same", 3), [4]),  # just before it gets its name
        (("lenet.run.checkpoint", "remove_folder", 2), [4, 6]),  # before the older one is deleted
        slow(("shutil", "rmtree", 2), [2, 4]),
        slow(("shutil", "rmtree", 3), [4]),
        (("shutil", "rmtree", 4), [4, 6]),
    ],
)
def test_killed_in_the_middle_of_a_checkpoint(endless, tmp_path, call, steps):
    """With --keep 1 the last good checkpoint is also the only one."""
    words = ["--output-dir", tmp_path / "run", *endless, "--keep", 1]
    outcome = run([], *program("killed_in_call"), *call, *words)
    assert outcome.code == -signal.SIGKILL, outcome.text
    told = []
    assert checkpoint.newest(tmp_path / "run", told.append).progress.step in steps
    assert told == []
    assert_goes_on(tmp_path / "run", endless, None)
    assert list((tmp_path / "run").rglob("*.partial")) == []
