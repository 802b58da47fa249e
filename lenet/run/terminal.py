"""Whether standard output is a terminal that a person watches, and its width.

Standard output of rank 0 by launcher: Open MPI gives a terminal in any case, with the size of mpirun's where
mpirun has one and with 0 columns where it writes into a file or a pipe; srun a pipe that is read by whole lines,
srun -u a terminal of no size; horovodrun over Gloo a pipe. Standard error is a pipe with all of them.
"""

import os
import sys
from collections.abc import Mapping
from typing import TextIO

WATCHED = "LENET_WATCHED"  # 1: watched, 0: not watched. For launchers that hide the terminal
DEFAULT_WIDTH = 80


def is_watched(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether standard output is a terminal that can redraw a line."""
    watched = environment.get(WATCHED)
    if watched in ("0", "1"):
        return watched == "1"
    if environment.get("OMPI_MCA_orte_tag_output") == "1":
        return False  # horovodrun has mpirun put a tag before each write, which breaks a redrawn line
    return sys.stdout.isatty() and (sys.stderr.isatty() or _columns(sys.stdout) > 0)


def width(environment: Mapping[str, str] = os.environ) -> int:
    """Return the columns of the screen: from the terminal, else from COLUMNS, else 80."""
    columns = environment.get("COLUMNS", "")
    return _columns(sys.stdout) or (int(columns) if columns.isdecimal() and len(columns) < 6 else 0) or DEFAULT_WIDTH


def _columns(stream: TextIO) -> int:
    """Return the columns of the terminal of `stream`, or 0 if it is no terminal or has no size."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0
