"""train.py, whose third step raises an exception on rank 1: OPTIONS."""

import sys

from lenet.training import step
from tests.programs.patched_train import before, on_call, rank, run_train


def fail() -> None:
    raise RuntimeError("the third step fails")


if rank() == 1:
    before(step.Step, "take", on_call(3, fail))
run_train(sys.argv[1:])
