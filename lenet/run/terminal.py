"""Does a person watch what is printed, and how wide is the screen?

What launchers give rank 0 for standard output: Open MPI a terminal in any case, with the size of mpirun's own where
mpirun has one and with none (0 columns) where it writes into a file or a pipe; srun a pipe that is read by whole lines,
srun -u a terminal of no size; horovodrun over Gloo a pipe. For standard error all of them give it a pipe.
"""

import os
import sys
from collections.abc import Mapping
from typing import TextIO

WATCHED = "LENET_WATCHED"  # 1: a person watches, 0: nobody does. For what a launcher hides
DEFAULT_WIDTH = 80


def is_watched(environment: Mapping[str, str] = os.environ) -> bool:
    """Does a person watch standard output, on a screen that can draw a line anew?"""
    told = environment.get(WATCHED)
    if told in ("0", "1"):
        return told == "1"
    if environment.get("OMPI_MCA_orte_tag_output") == "1":
        return False  # horovodrun has mpirun put a tag before each piece: a line that is drawn anew is torn by them
    return sys.stdout.isatty() and (sys.stderr.isatty() or _columns(sys.stdout) > 0)


def width(environment: Mapping[str, str] = os.environ) -> int:
    """The columns of the screen: as the terminal says now, else as COLUMNS says, else 80."""
    told = environment.get("COLUMNS", "")
    return _columns(sys.stdout) or (int(told) if told.isdecimal() and len(told) < 6 else 0) or DEFAULT_WIDTH


def _columns(stream: TextIO) -> int:
    """The columns of the terminal behind `stream`; 0 if there is none, or if it does not know."""
    try:
        return os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError):
        return 0
