"""train.py, whose files may have at most so many BYTES each: BYTES OPTIONS.

The limit holds once the output folder is made: MPI's start needs larger files.
"""

import resource
import sys
from typing import Any

from lenet.run.output_dir import OutputDir
from tests.programs.patched_train import after, run_train

size, *options = sys.argv[1:]


def limit_files(*_: Any, **__: Any) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(size), int(size)))


after(OutputDir, "open", limit_files)
run_train(options)
