"""train.py, 3 seconds later on rank 0 than on the others: OPTIONS."""

import sys
import time

from tests.programs.patched_train import rank, run_train

if rank() == 0:
    time.sleep(3)
run_train(sys.argv[1:])
