"""Started with a Python that lacks the packages, every program says in one line what to do."""

import os
import sys

import pytest

from tests.support.run_jobs import Job


@pytest.mark.parametrize("words", ["train.py --help", "train.py --epochs 1", "-m lenet show", "-m lenet --help"])
def test_one_line_names_the_setup(words):
    python = os.path.realpath(sys.executable)  # .venv's own is a link; -S leaves all packages out
    with Job([python, "-S", "-E", *words.split()]) as job:
        outcome = job.wait()
    assert outcome.code == 2
    assert len(outcome.text.splitlines()) == len(outcome.errors) == 1
    assert f"is not installed for {python}: run ./launch/setup.sh once" in outcome.errors[0]
