"""What the fuzz programs share: input that hypothesis thinks of, an outcome that is counted, and a bound on memory.

A program tries one reader; its last line is JSON, how many inputs were taken and how many refused.
"""

import json
import resource
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from lenet.errors import InputError

T = TypeVar("T")
EXAMPLES = 500  # of each kind of input
ROOM = 256 << 20  # bytes of address space besides what a program has once it is set up
EXTREMES = [struct.pack("<q", number) for number in (-1, 0, 1, 2**31, 2**32, 2**62, 2**63 - 1, 10**12)]

repeatable = settings(
    max_examples=EXAMPLES, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
counts = {"taken": 0, "refused": 0}


def bound_memory() -> None:
    """Let this process take little more memory than it has now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + ROOM,) * 2)


def attempt(read: Callable[..., T], *given: Any) -> T | None:
    """What `read` returns, or None where it refuses what is given with an InputError of one line; any other error ends
    the program.
    """
    try:
        found = read(*given)
    except InputError as error:
        if not (str(error) and str(error).isprintable()):
            raise AssertionError(f"not one line: {str(error)!r}") from error
        counts["refused"] += 1
        return None
    counts["taken"] += 1
    return found


def changed(content: bytes) -> st.SearchStrategy[bytes]:
    """Any bytes, or the sound `content` with up to four places changed, put in or cut out."""
    new = st.binary(min_size=1, max_size=8) | st.sampled_from(EXTREMES)
    edit = st.tuples(st.integers(0, len(content)), st.integers(0, 2), new)
    edited = st.lists(edit, min_size=1, max_size=4).map(lambda edits: _edited(content, edits))
    return st.binary(max_size=400) | edited


def _edited(content: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    data = bytearray(content)
    for place, kind, new in edits:
        at = place % (len(data) + 1)
        if kind == 0:
            data[at : at + len(new)] = new
        elif kind == 1:
            data[at:at] = new
        else:
            del data[at : at + len(new) * 7]
    return bytes(data)


def print_counts() -> None:
    """The last thing that a program does."""
    print(json.dumps(counts))
