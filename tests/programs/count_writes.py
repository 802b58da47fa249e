"""The lines that people see, with each write of theirs counted: prints a line, an error, and a warning on rank 0."""

import sys

from distributed import run_job
from lenet.errors import InputError
from lenet.run.progress_bar import print_line


def fail(_: object) -> int:
    print_line("a line of the log")
    print_line("a warning", sys.stderr)
    raise InputError("what is wrong")


sys.exit(run_job(fail))
