"""train.py whose log tells of life after each step, as if ten seconds had passed: OPTIONS."""

import sys

from lenet.run import progress_bar
from tests.programs.patched_train import run_train

progress_bar.QUIET = 0.0
run_train(sys.argv[1:])
