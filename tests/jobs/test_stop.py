"""A job that is asked to stop leaves a checkpoint of its last step; all ranks end after the same one."""

import os
import signal

import psutil
import pytest

from tests.support.endless_runs import PATIENT, assert_goes_on, assert_whole, ended, last_step, ranks
from tests.support.marks import slow
from tests.support.run_jobs import gloo, horovodrun, launch, mpirun, program, python, records, until

STRICT = [slow(gloo), slow(horovodrun), mpirun]  # mpirun leaves its processes the least time


@pytest.mark.parametrize(
    ("launcher", "number"),
    # Not SIGINT to horovodrun over MPI alone: it is a shell then, which lets mpirun decide; see the next test but one.
    [
        (gloo, signal.SIGTERM),
        (None, signal.SIGTERM),
        *(slow(launcher, signal.SIGTERM) for launcher in (horovodrun, mpirun)),
        *(slow(launcher, signal.SIGINT) for launcher in (gloo, mpirun, None)),
    ],
)
def test_asked_to_stop(start, endless, tmp_path, launcher, number):
    """The signal goes to what was started, as a cluster does it. A launcher's own exit code is its own affair."""
    job = start(launcher, 2)
    job.send(number)
    outcome = ended(job)
    step = assert_whole(tmp_path / "run")
    assert step == last_step(tmp_path / "run")
    assert [path.name for path in (tmp_path / "run" / "checkpoints").glob(".*")] == []
    if launcher is None:
        assert outcome.code == 143
        assert f"Stopped after step {step}" in outcome.out
        assert outcome.err == ""
    assert_goes_on(tmp_path / "run", endless, None)


def test_a_signal_that_comes_twice_at_once_is_one(start, tmp_path):
    """`timeout 60 python train.py` sends it to the process, and then to all of its group."""
    job = start(None)
    for _ in range(3):
        job.send(signal.SIGTERM)
    outcome = ended(job)
    assert outcome.code == 143, outcome.text
    assert assert_whole(tmp_path / "run") == last_step(tmp_path / "run")


@pytest.mark.parametrize("launcher", STRICT)
def test_one_rank_asked_to_stop_stops_all_after_the_same_step(start, tmp_path, launcher):
    job = start(launcher)
    ranks(job)[1].send_signal(signal.SIGTERM)
    outcome = ended(job)
    assert outcome.code != 0
    step = assert_whole(tmp_path / "run")
    assert f"Stopped after step {step}" in outcome.text
    assert step == last_step(tmp_path / "run")
    assert "143" in outcome.text or outcome.code == 143


@pytest.mark.parametrize("launcher", [slow(horovodrun), slow(mpirun), None])
def test_control_c_in_a_terminal(endless, tmp_path, launcher):
    """There the signal reaches all processes of the foreground at once."""
    folder = tmp_path / "run"
    with python(launch(launcher, 2), "train.py", "--output-dir", folder, *endless, **PATIENT) as job:
        until(lambda: len(records(folder, "step")) >= 5)
        os.killpg(job.process.pid, signal.SIGINT)
        outcome = ended(job)
    assert "asked to stop twice" not in outcome.text
    step = assert_whole(folder)
    assert step == last_step(folder)
    assert "Traceback" not in outcome.text


@pytest.mark.parametrize("launcher", STRICT)
def test_no_rank_ends_before_the_checkpoint_is_written(small, tmp_path, launcher):
    """Launchers end all processes when the first has ended with another code than 0."""
    options = ["--data-dir", small, "--global-batch", 2, "--shard", 1, "--epochs", 99_999, "--log-every", 1]
    with python(launcher(2), *program("slow_disk"), "--output-dir", tmp_path / "run", *options) as job:
        until(lambda: len(records(tmp_path / "run", "step")) >= 5)
        ranks(job)[1].send_signal(signal.SIGTERM)
        outcome = ended(job)
    step = assert_whole(tmp_path / "run")
    assert step == last_step(tmp_path / "run")
    assert f"Stopped after step {step}" in outcome.text
    assert "error: " not in outcome.text


def test_asked_twice_it_ends_at_once(start, tmp_path):
    """The second signal comes while the first cannot be answered: the other rank is stopped."""
    job = start(gloo, 2)
    one, other = ranks(job)[0], ranks(job)[1]
    other.send_signal(signal.SIGSTOP)
    one.send_signal(signal.SIGTERM)

    def again():
        if one.is_running():
            one.send_signal(signal.SIGTERM)
        return not one.is_running()

    until(again)
    other.send_signal(signal.SIGCONT)
    outcome = ended(job)
    assert outcome.code != 0
    assert "asked to stop twice: ended without a checkpoint" in outcome.text
    assert_whole(tmp_path / "run")


def test_a_signal_before_the_first_step_ends_it_without_a_traceback(endless, tmp_path):
    for number in (signal.SIGINT, signal.SIGTERM):
        with python([], "train.py", "--output-dir", tmp_path / "run", *endless) as job:
            until(lambda job=job: loads_mxnet(job.process.pid))
            job.send(number)
            outcome = ended(job)
        assert outcome.code in (-number, 143)
        assert "Traceback" not in outcome.text


def loads_mxnet(pid: int) -> bool:
    """Has the process begun to load MXNet's library?"""
    try:
        return any("libmxnet" in each.path for each in psutil.Process(pid).memory_maps())
    except psutil.NoSuchProcess:
        return False


def test_the_checkpoint_of_a_stop_is_one_more(options, tmp_path):
    folder = tmp_path / "run"
    long = [*options, "--epochs", 400, "--checkpoint-every", 1000]
    with python([], "train.py", "--output-dir", folder, *long) as job:
        until(lambda: len(records(folder, "step")) >= 5)
        job.send(signal.SIGTERM)
        outcome = job.wait()
    assert outcome.code == 143, outcome.text
    assert assert_whole(folder) == last_step(folder)
