"""Errors of a launch, and the lines that report them."""

import sys

from distributed.exit_codes import BAD_INPUT


class LaunchError(Exception):
    """A launch or an environment that cannot work; the text is the one line that the user sees."""

    exit_code = BAD_INPUT


def print_error_line(text: str) -> None:
    """Write `text` to standard error in one piece, so that lines of several processes are not mixed."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
