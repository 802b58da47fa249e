"""The exit codes of a job, and the file that carries rank 0's past its launcher, which makes codes of its own."""

import os
from contextlib import suppress

FINISHED, FAILED, BAD_INPUT = 0, 1, 2
STOPPED = 143  # asked to stop, and a checkpoint is on the disk
RESTART = os.EX_TEMPFAIL  # asks the agent of an elastic job to start this process again, in the next world
VARIABLE = "LENET_EXIT_CODE"  # names the file; launch/supervise.sh makes and reads it


def report_exit_code(code: int) -> None:
    """Write `code` into the file, if a script waits for it. Called on rank 0; the last code counts."""
    with suppress(OSError, KeyError):  # KeyError: no script waits; OSError: the launcher's code has to do
        file = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_TRUNC)  # not created: the script may be gone
        try:
            os.write(file, f"{code}\n".encode())
        finally:
            os.close(file)
