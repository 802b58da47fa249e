"""train.py, on rank 1 from a copy of the project with a line more: COPY OPTIONS."""

import os
import shutil
import sys
from pathlib import Path

from tests.programs.patched_train import rank, run_train

copy, *options = sys.argv[1:]
if rank() == 1:
    for name in ("lenet", "distributed"):
        shutil.copytree(name, Path(copy, name))
    shutil.copy("train.py", copy)
    with open(Path(copy, "lenet/training/trainer.py"), "a") as file:
        file.write("# changed on one host\n")
    os.chdir(copy)
    sys.path.insert(0, copy)
run_train(options)
