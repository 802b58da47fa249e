"""train.py with a breakpoint of pdb's in its second step: OPTIONS."""

import sys
from pdb import Pdb

from lenet.run.metrics_log import MetricsLog
from tests.programs.patched_train import before, on_call, run_train

before(MetricsLog, "move", on_call(2, lambda: Pdb().set_trace()))
run_train(sys.argv[1:])
