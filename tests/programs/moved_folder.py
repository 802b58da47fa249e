"""train.py, whose output folder is renamed to FOLDER-moved in the middle of its second checkpoint: FOLDER OPTIONS."""

import os
import sys

from lenet.run import checkpoint
from tests.programs.patched_train import before, on_call, run_train

folder, *options = sys.argv[1:]
# A checkpoint writes two such files: the first of the second one stands, the other does not.
before(checkpoint, "write_params", on_call(4, lambda: os.rename(folder, f"{folder}-moved")))
run_train(options)
