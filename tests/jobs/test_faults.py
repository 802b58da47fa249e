"""Processes that are killed, stopped or asked to stop in the middle of real jobs: nothing is lost, nothing hangs."""

import os
import re
import signal

import psutil
import pytest

from lenet.run import checkpoint
from tests.support.marks import slow
from tests.support.run_jobs import gloo, horovodrun, mpirun, python, records, run, until

SOON = 30  # seconds for what takes one or two on a machine that does nothing else


LAUNCHERS = [gloo, slow(horovodrun), mpirun]  # without --gloo horovodrun starts mpirun
STRICT = [slow(gloo), slow(horovodrun), mpirun]  # mpirun leaves its processes the least time
# mpirun gives its processes 1 s for a checkpoint, which a busy machine can need more than; launch/mpi.sh sets it too.
# It hands the signal on only after as long.
PATIENT = {"OMPI_MCA_odls_base_sigkill_timeout": "3"}


def words(launcher, processes):
    return launcher(processes) if launcher else []


def ranks(job):
    """The processes of the job that run train.py, by rank."""
    found = {}
    for process in job.processes():
        variables = process.environ()
        rank = variables.get("HOROVOD_RANK") or variables.get("OMPI_COMM_WORLD_RANK")
        if rank is not None and "python" in process.name():
            found[int(rank)] = process
    return found


@pytest.fixture
def options(small):
    """A run that would go on for hours, with a checkpoint every second step."""
    return ["--data-dir", small, "--batch-size", 16, "--epochs", 99_999, "--checkpoint-every", 2, "--log-every", 1]


@pytest.fixture
def start(options, tmp_path):
    """A function that starts the endless run and returns its Job once it has taken some steps."""
    jobs = []

    def begin(launcher, processes=3, *more):
        job = python(
            words(launcher, processes), "train.py", "--output-dir", tmp_path / "run", *options, *more, **PATIENT
        )
        jobs.append(job)
        job.__enter__()
        until(lambda: len(records(tmp_path / "run", "step")) >= 5 or job.process.poll() is not None)
        assert job.process.poll() is None, job.wait().text
        return job

    yield begin
    for job in jobs:
        job.__exit__()


def gone(job):
    """Wait until nothing of the job is left; what it said."""
    until(lambda: not job.processes())
    return job.wait(SOON)


def assert_whole(folder):
    """The newest checkpoint of the folder is whole and no step before it is lost; returns its step."""
    told = []
    newest = checkpoint.newest(folder, told.append)
    assert told == []
    assert newest.progress.step >= max(record["step"] for record in records(folder, "step")) - 3
    return newest.progress.step


def assert_goes_on(folder, options, launcher, processes):
    """A new job takes the folder: no lock is left behind. It continues after the newest checkpoint."""
    step = checkpoint.newest(folder, lambda line: None).progress.step
    more = ["--max-steps", step + 2]
    outcome = run(words(launcher, processes), "train.py", "--output-dir", folder, *options, *more)
    assert outcome.code == 0, outcome.text
    assert f"Continuing after step {step}" in outcome.text
    steps = [record["step"] for record in records(folder, "step")]
    assert steps == list(range(1, step + 3))


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_rank_that_is_killed_ends_the_job(start, options, tmp_path, launcher):
    job = start(launcher)
    ranks(job)[2].kill()
    outcome = gone(job)
    assert outcome.code != 0
    lost = [text for _, text in outcome.lines if text.startswith("error: rank ") and " is lost" in text]
    if launcher is gloo:  # mpirun itself sees the end of a process at once, and ends and names it before the others do
        assert lost, outcome.text
        assert all(re.search(r"rank 2 on \S+ is lost", line) for line in lost)
    else:
        assert lost or re.search(r"(rank 2|Process name: \[\[\d+,1\],2\])", outcome.text), outcome.text
    assert_whole(tmp_path / "run")
    assert_goes_on(tmp_path / "run", options, launcher, 2)


def test_rank_0_that_is_killed_ends_the_job(start, options, tmp_path):
    job = start(gloo)
    ranks(job)[0].kill()
    outcome = gone(job)
    assert outcome.code != 0
    assert re.search(r"error: rank [12] of 3 on \S+: rank 0 on \S+ is lost", outcome.text), outcome.text
    assert_whole(tmp_path / "run")


@pytest.mark.parametrize("launcher", [*STRICT, None])
def test_all_killed(start, options, tmp_path, launcher):
    job = start(launcher, 2)
    job.kill()
    gone(job)
    assert_whole(tmp_path / "run")
    assert_goes_on(tmp_path / "run", options, launcher, 2)


@pytest.mark.parametrize("launcher", [gloo, horovodrun, mpirun])
def test_the_launcher_that_is_killed_leaves_nobody_behind(start, options, tmp_path, launcher):
    job = start(launcher, 2)
    job.send(signal.SIGKILL)
    gone(job)
    assert_whole(tmp_path / "run")
    assert_goes_on(tmp_path / "run", options, None, 1)


@pytest.mark.parametrize(
    ("launcher", "rank"),
    [(gloo, 0), slow(gloo, 2), slow(mpirun, 2), slow(horovodrun, 0)],
)
def test_a_rank_that_is_stopped_ends_the_job_within_the_stall_timeout(start, tmp_path, launcher, rank):
    job = start(launcher, 3, "--stall-timeout", 15)  # the start takes less on any machine
    ranks(job)[rank].send_signal(signal.SIGSTOP)
    outcome = gone(job)
    assert outcome.code != 0
    assert_whole(tmp_path / "run")
    for other in {0, 1, 2} - {rank}:
        report = rf"error: rank {other} of 3 on \S+: no progress for 15 s at step \d+, waiting for "
        assert re.search(report, outcome.text), outcome.text
        assert outcome.text.count("in train_epoch") + outcome.text.count("in evaluate") >= 2  # of the stacks


@pytest.mark.parametrize(
    ("launcher", "number"),
    # Not SIGINT to horovodrun over MPI alone: it is a shell then, which lets mpirun decide; see the next test but one.
    [
        *((launcher, signal.SIGTERM) for launcher in (gloo, horovodrun, mpirun, None)),
        *(slow(launcher, signal.SIGINT) for launcher in (gloo, mpirun, None)),
    ],
)
def test_asked_to_stop(start, options, tmp_path, launcher, number):
    """The signal goes to what was started, as a cluster does it. A launcher's own exit code is its own affair."""
    job = start(launcher, 2)
    job.send(number)
    outcome = gone(job)
    step = assert_whole(tmp_path / "run")
    assert step == max(record["step"] for record in records(tmp_path / "run", "step"))
    assert [path.name for path in (tmp_path / "run" / "checkpoints").glob(".*")] == []
    if launcher is None:
        assert outcome.code == 143
        assert f"Stopped after step {step}" in outcome.out
        assert outcome.err == ""
    assert_goes_on(tmp_path / "run", options, launcher, 2)


def test_a_signal_that_comes_twice_at_once_is_one(start, tmp_path):
    """`timeout 60 python train.py` sends it to the process, and then to all of its group."""
    job = start(None)
    for _ in range(3):
        job.send(signal.SIGTERM)
    outcome = gone(job)
    assert outcome.code == 143, outcome.text
    assert assert_whole(tmp_path / "run") == max(record["step"] for record in records(tmp_path / "run", "step"))


@pytest.mark.parametrize("launcher", STRICT)
def test_one_rank_asked_to_stop_stops_all_after_the_same_step(start, tmp_path, launcher):
    job = start(launcher)
    ranks(job)[1].send_signal(signal.SIGTERM)
    outcome = gone(job)
    assert outcome.code != 0
    step = assert_whole(tmp_path / "run")
    assert f"Stopped after step {step}" in outcome.text
    assert step == max(record["step"] for record in records(tmp_path / "run", "step"))
    assert "143" in outcome.text or outcome.code == 143


@pytest.mark.parametrize("launcher", [slow(horovodrun), mpirun, None])
def test_control_c_in_a_terminal(options, tmp_path, launcher):
    """There the signal reaches all processes of the foreground at once."""
    folder = tmp_path / "run"
    job = python(words(launcher, 2), "train.py", "--output-dir", folder, *options, **PATIENT)
    with job:
        until(lambda: len(records(folder, "step")) >= 5)
        os.killpg(job.process.pid, signal.SIGINT)
        outcome = gone(job)
    assert "asked to stop twice" not in outcome.text
    step = assert_whole(folder)
    assert step == max(record["step"] for record in records(folder, "step"))
    assert "Traceback" not in outcome.text


# Runs train.py on a disk so slow that the other ranks would have ended long before a checkpoint is written.
SLOW_DISK = """
import runpy, sys, time
from lenet.run import checkpoint
save = checkpoint.save
def slow(*given, **more):
    time.sleep(3)
    return save(*given, **more)
checkpoint.save = slow
sys.argv = ["train.py", *sys.argv[1:]]
runpy.run_path("train.py", run_name="__main__")
"""


@pytest.mark.parametrize("launcher", STRICT)
def test_no_rank_ends_before_the_checkpoint_is_written(small, tmp_path, launcher):
    """Launchers end all processes when the first has ended with another code than 0."""
    options = ["--data-dir", small, "--batch-size", 1, "--epochs", 99_999, "--log-every", 1]
    with python(launcher(2), "-c", SLOW_DISK, "--output-dir", tmp_path / "run", *options) as job:
        until(lambda: len(records(tmp_path / "run", "step")) >= 5)
        ranks(job)[1].send_signal(signal.SIGTERM)
        outcome = gone(job)
    step = checkpoint.newest(tmp_path / "run", report=None).progress.step
    assert step == max(record["step"] for record in records(tmp_path / "run", "step"))
    assert f"Stopped after step {step}" in outcome.text
    assert "error: " not in outcome.text


def test_asked_twice_it_ends_at_once(start, tmp_path):
    """The second signal comes while the first cannot be answered: the other rank is stopped."""
    job = start(gloo, 2)
    one, other = ranks(job)[0], ranks(job)[1]
    other.send_signal(signal.SIGSTOP)
    one.send_signal(signal.SIGTERM)
    ended = "asked to stop twice: ended without a checkpoint"
    job.err.seek(0)

    def again():
        if one.is_running():
            one.send_signal(signal.SIGTERM)
        return not one.is_running()

    until(again)
    other.send_signal(signal.SIGCONT)
    outcome = gone(job)
    assert outcome.code != 0
    assert ended in outcome.text
    assert_whole(tmp_path / "run")


def test_a_signal_before_the_first_step_ends_it_without_a_traceback(options, tmp_path):
    for number in (signal.SIGINT, signal.SIGTERM):
        with python([], "train.py", "--output-dir", tmp_path / "run", *options) as job:
            until(lambda job=job: "python" in psutil.Process(job.process.pid).name())
            until(lambda job=job: any("libmxnet" in each.path for each in maps(job)))
            job.send(number)
            outcome = gone(job)
        assert outcome.code in (-number, 143)
        assert "Traceback" not in outcome.text


def maps(job):
    try:
        return psutil.Process(job.process.pid).memory_maps()
    except psutil.NoSuchProcess:
        return []


def test_a_loss_that_is_no_number_stops_all_ranks_and_keeps_the_last_checkpoint(small, tmp_path):
    """The learning rate grows until the loss does too."""
    options = ["--data-dir", small, "--batch-size", 16, "--epochs", 100, "--checkpoint-every", 1, "--log-every", 1]
    wild = ["--learning-rate", 1000, "--warmup-epochs", 50, "--momentum", 0.99]
    outcome = run(mpirun(2), "train.py", "--output-dir", tmp_path / "run", *options, *wild)
    assert outcome.code == 1
    assert len(outcome.errors) == 1, outcome.text
    newest = checkpoint.newest(tmp_path / "run", report=None)
    place = checkpoint.folder_of(tmp_path / "run", newest.progress.step)
    told = (
        r"(the loss of step|\S+ is not finite after step) (\d+)( is (nan|inf))?; the last good checkpoint is (\S+); try"
    )
    found = re.match(told, outcome.errors[0])
    assert found, outcome.errors
    assert found[5] == str(place)
    assert int(found[2]) > newest.progress.step
    assert not (tmp_path / "run" / "trained_LeNet5.params").exists()


# Runs train.py, which ends itself as SIGKILL would when a function is called for the given time.
KILLED = """
import os, runpy, shutil, signal, sys
from lenet import files
from lenet.run import checkpoint
owner, name, count = {place}
real, calls = getattr(owner, name), []
def die(*given, **more):
    calls.append(1)
    if len(calls) == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*given, **more)
setattr(owner, name, die)
sys.argv = ["train.py", *sys.argv[1:]]
runpy.run_path("train.py", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("place", "steps"),
    [
        ("checkpoint, 'write_params', 5", [4]),  # a checkpoint takes two calls: this is within that of step 6
        ("files, '_same', 3", [4]),  # just before it gets its name
        ("checkpoint, 'remove_folder', 2", [4, 6]),  # before the older one is deleted
        slow("files.shutil, 'rmtree', 2", [2, 4]),
        slow("files.shutil, 'rmtree', 3", [4]),
        ("files.shutil, 'rmtree', 4", [4, 6]),
    ],
)
def test_killed_in_the_middle_of_a_checkpoint(options, tmp_path, place, steps):
    """With --keep 1 the last good checkpoint is also the only one."""
    words = ["--output-dir", tmp_path / "run", *options, "--keep", 1]
    outcome = run([], "-c", KILLED.format(place=place), *words)
    assert outcome.code == -signal.SIGKILL, outcome.text
    told = []
    assert checkpoint.newest(tmp_path / "run", told.append).progress.step in steps
    assert told == []
    assert_goes_on(tmp_path / "run", options, None, 1)
    assert list((tmp_path / "run").rglob("*.partial")) == []
