"""train.py with more options on rank 1: OPTIONS --on-rank-1 MORE."""

import sys

from tests.programs.patched_train import rank, run_train

place = sys.argv.index("--on-rank-1")
options, more = sys.argv[1:place], sys.argv[place + 1 :]
run_train([*options, *more] if rank() == 1 else options)
