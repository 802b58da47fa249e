"""A rank that hangs, wherever it does, ends the job: with a line, the stacks, an exit code and failure.json."""

import json
import re
import time

import pytest

from tests.support.marks import slow
from tests.support.run_jobs import gloo, mpirun, program, python, run, until

# What hangs, on which rank; what that rank waits for, and what the other waits for, if it comes to that.
PHASES = {
    "config": (1, "lenet.config read_config 1", "the config on this rank", "the config from all ranks"),
    "data": (1, "lenet.data.idx read 1", r"the data set in \S+", "the data set from all ranks"),
    # The other one's patience begins later, by the time that MXNet takes: it may be ended before it speaks.
    "connect": (1, "distributed.job connect 1", "the start", None),
    "start": (
        1,
        "horovod.common.basics HorovodBasics.init 1",
        "Horovod's start on all ranks",
        "Horovod's start on all ranks",
    ),
    "steps": (
        1,
        "lenet.training.step Step.take 3",
        "the computation of step 3",
        r"the gradients of step [23] from all ranks",
    ),
    "evaluation": (
        1,
        "lenet.training.evaluation predict_logits 1",
        "this rank's part of the evaluation",
        "the other ranks' parts of the evaluation",
    ),
    "checkpoint": (
        0,
        "lenet.run.checkpoint write_params 1",
        "the disk to take the checkpoint of step 2",
        "the gradients of step 3 from all ranks and the checkpoint of step 2, which rank 0 writes first",
    ),
    "trained network": (
        0,
        "lenet.training.checkpointer write_params 1",
        "the disk to take the trained network",
        "the trained network, which rank 0 writes",
    ),
    "end": (1, "distributed.horovod_world HorovodWorld.close 1", "the end of all ranks", None),
}
BEFORE_THE_FOLDER_IS_KNOWN = ("config", "connect", "start")
SECONDS = 15  # of patience: for MXNet to be loaded on a busy machine


def hang(launcher, phase, how, folder, small, *more):
    """The job of two processes that hangs in the phase, and its Outcome."""
    rank, call, *_ = PHASES[phase]
    words = ["--data-dir", small, "--output-dir", folder, "--global-batch", 64, "--checkpoint-every", 2, "--epochs", 1]
    words += ["--stall-timeout", SECONDS, *more]
    command = [*program("hang_in_call"), rank, how, *call.split(), "train", *words]
    with python(launcher(2), *command, LENET_START_TIMEOUT=str(SECONDS)) as job:
        outcome = job.wait()
        until(lambda: not job.processes(), limit=20)
    assert outcome.code != 0, outcome.text
    return outcome


def report(rank, waiting_for, option):
    """The pattern of what a rank says."""
    stall = rf"no progress for {SECONDS} s(?: at step \d+)?, waiting for"
    return rf"error: rank {rank} of 2 on \S+: {stall} {waiting_for} \({option}\)"


@pytest.mark.parametrize(
    ("launcher", "phase"),
    [
        (mpirun, "data"),
        *[slow(mpirun, phase) for phase in ("config", "steps", "evaluation", "trained network")],
        *[slow(gloo, phase) for phase in ("connect", "start", "checkpoint", "end")],
    ],
)
def test_both_ranks_say_what_they_wait_for(small, tmp_path, launcher, phase):
    rank, _, own, others = PHASES[phase]
    outcome = hang(launcher, phase, "waits", tmp_path / "run", small)
    option = "LENET_START_TIMEOUT" if phase in BEFORE_THE_FOLDER_IS_KNOWN else "--stall-timeout"
    assert re.search(report(rank, own, option), outcome.text), outcome.text
    if others:
        assert re.search(report(1 - rank, others, option), outcome.text), outcome.text
    assert "in <lambda>" in outcome.text  # of the stack of the one that hangs
    if phase in BEFORE_THE_FOLDER_IS_KNOWN:
        assert not (tmp_path / "run").exists()
        return
    told = json.loads((tmp_path / "run" / "failure.json").read_text())
    assert (told["size"], told["exit_code"]) == (2, 1)
    assert told["reason"].startswith(f"no progress for {SECONDS} s")
    assert told["reason"].endswith(f"waiting for {told['waiting_for']}")
    assert list((tmp_path / "run").glob(".failure*")) == []


@pytest.mark.parametrize(
    ("launcher", "phase"),
    [
        slow(gloo, "data"),
        slow(mpirun, "checkpoint"),
    ],
)
def test_a_rank_that_is_stopped_is_told_by_the_other(small, tmp_path, launcher, phase):
    rank, _, _, others = PHASES[phase]
    outcome = hang(launcher, phase, "stopped", tmp_path / "run", small)
    assert re.search(report(1 - rank, others or "the end of all ranks", r"\S+"), outcome.text), outcome.text


@pytest.mark.parametrize("launcher", [lambda processes: [], slow(mpirun)], ids=["alone", "mpirun"])
def test_c_code_that_holds_the_interpreter_ends_too(small, tmp_path, launcher):
    """Nothing written in Python can run there; faulthandler's thread tells where it hangs."""
    began = time.monotonic()
    outcome = hang(launcher, "trained network", "locked", tmp_path / "run", small)
    assert re.search(rf"Timeout \(0:00:{SECONDS + 1:02}\)!", outcome.text), outcome.text
    assert "in <lambda>" in outcome.text
    assert outcome.code == 1
    assert time.monotonic() - began < 60


@pytest.mark.slow
def test_evaluate_is_watched(small, finished):
    params = finished() / "trained_LeNet5.params"
    command = [*program("hang_in_call"), 1, "waits", *PHASES["evaluation"][1].split()]
    words = ["evaluate", params, "--data-dir", small]
    outcome = run(mpirun(2), *command, *words, LENET_START_TIMEOUT=str(SECONDS))
    assert outcome.code != 0
    for rank, waiting_for in ((0, PHASES["evaluation"][3]), (1, PHASES["evaluation"][2])):
        assert re.search(report(rank, waiting_for, "LENET_START_TIMEOUT"), outcome.text), outcome.text


@pytest.mark.parametrize(("seconds", "why"), [("0", "one second is the least"), ("x", "a whole number is needed")])
def test_a_start_timeout_that_makes_no_sense(seconds, why):
    outcome = run([], "train.py", "--max-steps", 1, LENET_START_TIMEOUT=seconds)
    assert (outcome.code, outcome.errors) == (2, [f"LENET_START_TIMEOUT={seconds}: {why}"])


@pytest.mark.slow
def test_a_rank_that_takes_long_and_moves_is_waited_for(small, tmp_path):
    """The others hear of it, however far away it is."""
    words = ["--data-dir", small, "--output-dir", tmp_path / "run", "--max-steps", 1, "--stall-timeout", SECONDS]
    outcome = run(gloo(2), *program("slow_data_on_rank_1"), 2.5 * SECONDS, *words)
    assert outcome.code == 0, outcome.text
