"""train.py with a breakpoint in the second dense layer, which prints the stack as function names: OPTIONS."""

import sys
import traceback
from typing import Any

from distributed import environment
from tests.programs.patched_train import after, before, run_train


def set_breakpoint(*_: Any) -> None:
    from mxnet.gluon import nn  # only now that the engine is chosen

    before(nn.Dense, "hybrid_forward", lambda layer, *_, **__: layer._units == 84 and breakpoint())


def print_stack() -> None:
    print("STOPPED in", ",".join(frame.name for frame in traceback.extract_stack()))


sys.breakpointhook = print_stack
after(environment, "choose_engine", set_breakpoint)
run_train(sys.argv[1:])
