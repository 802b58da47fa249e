"""Errors that end a job with one line on the screen."""

import sys
from collections.abc import Sequence

from distributed.exit_codes import BAD_INPUT, FAILED

MAX_LENGTH = 1000  # characters of a message


class JobError(Exception):
    """An error that ends all ranks alike: with one printable line, its text, and with `exit_code`."""

    exit_code = FAILED

    def __init__(self, message: str) -> None:
        super().__init__("".join(each if each.isprintable() else " " for each in message)[:MAX_LENGTH])


class InputError(JobError):
    """An option, a config, a file or a launch that cannot work. `ranks`: where, if all ranks raise it together."""

    exit_code = BAD_INPUT

    def __init__(self, message: str, ranks: Sequence[int] = ()) -> None:
        super().__init__(message)
        self.ranks = tuple(ranks)


def print_error_line(text: str) -> None:
    """Write `text` to standard error in one piece, so that lines of several processes are not mixed."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
