"""What goes wrong in the middle of a run ends all ranks at once, with the reason."""

import json
import re
import signal

import pytest

from lenet.run import checkpoint
from tests.support.endless_runs import assert_goes_on, ended, ranks
from tests.support.marks import slow
from tests.support.run_jobs import gloo, horovodrun, mpirun, program, python, records, run, until


def failure(folder):
    """What the file says that tells of the end of a job."""
    return json.loads((folder / "failure.json").read_text())


@pytest.mark.parametrize("launcher", [mpirun, slow(gloo)])
def test_an_exception_on_one_rank_ends_all(endless, tmp_path, launcher):
    """Without an abort, rank 0 would wait for the gradients of rank 1 for ever: past the limit here."""
    words = ["--output-dir", tmp_path / "run", *endless, "--stall-timeout", 1000]
    with python(launcher(2), *program("fail_in_third_step"), *words) as job:
        outcome = job.wait(limit=60)
        until(lambda: not job.processes(), limit=20)
    assert outcome.code != 0
    assert re.search(r"error: rank 1 of 2 on \S+: the third step fails", outcome.text)
    assert len(records(tmp_path / "run", "step")) <= 2
    told = failure(tmp_path / "run")
    assert (told["rank"], told["reason"]) == (1, "RuntimeError: the third step fails")
    assert 'RuntimeError("the third step fails")' in "".join(told["stacks"].values())


@pytest.mark.parametrize("launcher", [slow(gloo), mpirun])
def test_a_killed_rank_is_told_in_a_file_until_the_run_goes_on(start, endless, tmp_path, launcher):
    job = start(launcher, 2)
    ranks(job)[1].kill()
    ended(job)
    told = failure(tmp_path / "run")
    assert (told["rank"], told["size"], told["exit_code"]) == (0, 2, 1)
    assert re.fullmatch(r"rank 1 on \S+ is lost", told["reason"])
    assert told["step"] >= 5
    assert told["versions"]["mxnet"] == "1.9.1"
    assert_goes_on(tmp_path / "run", endless, None)
    assert not (tmp_path / "run" / "failure.json").exists()


@pytest.mark.parametrize("launcher", [None, slow(mpirun), slow(gloo), slow(horovodrun)])
def test_a_stop_is_no_failure(start, tmp_path, launcher):
    job = start(launcher, 2)
    job.send(signal.SIGTERM)
    ended(job)
    assert not (tmp_path / "run" / "failure.json").exists()


def test_bad_input_is_no_failure(small, tmp_path):
    words = ["--data-dir", small, "--output-dir", tmp_path / "run", "--resume", tmp_path / "none"]
    assert run(mpirun(2), "train.py", *words).code == 2
    assert not (tmp_path / "run" / "failure.json").exists()


def test_a_loss_that_is_no_number_stops_all_ranks_and_keeps_the_last_checkpoint(small, tmp_path):
    """The learning rate grows until the loss does too."""
    words = "--global-batch 48 --shard 16 --epochs 100 --checkpoint-every 1 --log-every 1"
    options = ["--data-dir", small, *words.split()]
    wild = ["--learning-rate", 1000, "--warmup-epochs", 50, "--momentum", 0.99]
    outcome = run(mpirun(2), "train.py", "--output-dir", tmp_path / "run", *options, *wild)
    assert outcome.code == 1
    assert len(outcome.errors) == 1, outcome.text
    newest = checkpoint.newest(tmp_path / "run", report=None)
    place = checkpoint.folder_of(tmp_path / "run", newest.progress.step)
    whats = r"(?:the loss of step|\S+ is not finite after step|the gradients of step)"
    ends = "(?: is nan| is inf| are too large to be added up)?"
    found = re.match(rf"{whats} (\d+){ends}; the last good checkpoint is (\S+); try", outcome.errors[0])
    assert found, outcome.errors
    assert found[2] == str(place)
    assert int(found[1]) > newest.progress.step
    assert not (tmp_path / "run" / "trained_LeNet5.params").exists()
    told = failure(tmp_path / "run")
    assert (told["rank"], told["reason"], told["exit_code"]) == (0, outcome.errors[0], 1)
