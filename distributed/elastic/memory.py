"""The memory of a slot, in which each of its processes finds the state that the one before it has committed.

The slot's agent owns it; each process maps it.
"""

import ctypes
import mmap
import os
import zlib

DESCRIPTOR = "LENET_ELASTIC_MEMORY"  # the variable with the memory's file descriptor
STATES_AT = mmap.PAGESIZE
STATE_LIMIT = 1 << 30  # bytes of a state; only pages that are written take up memory


class _State(ctypes.Structure):
    _fields_ = [("number", ctypes.c_uint64), ("length", ctypes.c_uint64), ("checksum", ctypes.c_uint32)]


class _Head(ctypes.Structure):
    _fields_ = [
        ("is_starting", ctypes.c_bool),
        ("hosts_updated", ctypes.c_bool),
        ("position", ctypes.c_uint64 * 3),
        ("states", _State * 2),
    ]


class Memory:
    """Two states, of which the newer one counts, and a head of values that are each written at once.

    `head.is_starting`: is the process joining a world? `head.hosts_updated`: were hosts added or removed since the
    world was formed? `head.position`: the numbers of Monitor's Position, zeros before the first step.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.map = mmap.mmap(descriptor, 0)
        self.head = _Head.from_buffer(self.map)

    @classmethod
    def create(cls) -> "Memory":
        """Make new memory, all zeros. It is freed when no process has it open."""
        descriptor = os.memfd_create("elastic")
        os.ftruncate(descriptor, STATES_AT + 2 * STATE_LIMIT)
        return cls(descriptor)

    @property
    def commits(self) -> int:
        """How many states have been committed so far."""
        return max(state.number for state in self.head.states)

    def commit(self, state: bytes) -> None:
        """Replace the committed state by `state`. The one before it stays readable until this one is whole."""
        if len(state) > STATE_LIMIT:
            raise ValueError(f"a state of {len(state)} bytes is over the limit, {STATE_LIMIT}")
        number = self.commits + 1
        start = _start(number % 2)
        self.map[start : start + len(state)] = state
        self.head.states[number % 2] = (number, len(state), zlib.crc32(state))

    def committed(self) -> bytes | None:
        """The last state that was committed whole, None if there is none."""
        for index in sorted(range(2), key=lambda index: self.head.states[index].number, reverse=True):
            head, start = self.head.states[index], _start(index)
            state = self.map[start : start + head.length]
            if head.number and zlib.crc32(state) == head.checksum:
                return state
        return None


def _start(index: int) -> int:
    return STATES_AT + index * STATE_LIMIT
