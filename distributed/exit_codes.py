"""The exit codes of a job, and the file by which a script gets rank 0's: launchers replace codes by others."""

import os
from contextlib import suppress

FINISHED, FAILED, BAD_INPUT = 0, 1, 2
STOPPED = 143  # stopped by a signal, with a checkpoint on the disk
RESTART = os.EX_TEMPFAIL  # the agent of an elastic job then starts the process again, in the next world
VARIABLE = "LENET_EXIT_CODE"  # the file's path; launch/supervise.sh makes and reads the file


def report_exit_code(code: int) -> None:
    """Write `code` to the file, if a script has made one. Rank 0 calls it; the last code counts."""
    with suppress(OSError, KeyError):  # KeyError: no script; OSError: the script takes the launcher's code
        file = os.open(os.environ[VARIABLE], os.O_WRONLY | os.O_TRUNC)  # not created: the script may have ended
        try:
            os.write(file, f"{code}\n".encode())
        finally:
            os.close(file)
