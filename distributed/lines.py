"""Lines for people, each written in one piece: what several processes write at once is not mixed within a line."""

import sys


def print_error_line(text: str) -> None:
    """Write `text` as a line, or as several that belong together, on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
