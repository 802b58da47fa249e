"""What goes wrong in the middle of a run ends all ranks at once, with the reason."""

import re

import pytest

from lenet.run import checkpoint
from tests.support.run_jobs import gloo, mpirun, program, python, records, run, until


@pytest.mark.parametrize("launcher", [mpirun, gloo])
def test_an_exception_on_one_rank_ends_all(endless, tmp_path, launcher):
    """Without an abort, rank 0 would wait for the gradients of rank 1 for ever: past the limit here."""
    words = ["--output-dir", tmp_path / "run", *endless, "--stall-timeout", 1000]
    with python(launcher(2), *program("fail_in_third_step"), *words) as job:
        outcome = job.wait(limit=60)
        until(lambda: not job.processes(), limit=20)
    assert outcome.code != 0
    assert re.search(r"error: rank 1 of 2 on \S+: the third step fails", outcome.text)
    assert len(records(tmp_path / "run", "step")) <= 2


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
