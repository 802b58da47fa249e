"""train.py, which SIGKILL ends at the NUMBERth call of a function: MODULE FUNCTION NUMBER OPTIONS."""

import os
import signal
import sys
from importlib import import_module

from tests.programs.patched_train import before, on_call, run_train

module, function, number, *options = sys.argv[1:]
before(import_module(module), function, on_call(int(number), lambda: os.kill(os.getpid(), signal.SIGKILL)))
run_train(options)
