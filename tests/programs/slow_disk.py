"""train.py on a disk that takes 3 seconds for a checkpoint, in which the other ranks could end: OPTIONS."""

import sys
import time

from lenet.run import checkpoint
from tests.programs.patched_train import before, run_train

before(checkpoint, "save", lambda *_, **__: time.sleep(3))
run_train(sys.argv[1:])
