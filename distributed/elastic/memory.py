"""What the processes of a slot leave to each other: memory that their agent owns and that each of them maps."""

import ctypes
import mmap
import os
import zlib

DESCRIPTOR = "LENET_ELASTIC_MEMORY"  # the variable that tells a process the memory's file descriptor
STATES_AT = mmap.PAGESIZE
STATE_LIMIT = 1 << 30  # bytes of a state; memory is taken up only where something was written


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
    """The states kept, and a head of single values, each of which is written at once.

    `head.is_starting`: has the process begun to join a world, and not joined it yet? `head.hosts_updated`: have hosts
    come or gone since the world was made? `head.position`: as `World.position`, zeros before the first step.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.map = mmap.mmap(descriptor, 0)
        self.head = _Head.from_buffer(self.map)

    @classmethod
    def create(cls) -> "Memory":
        """New memory, all zeros, which lives as long as a process has it."""
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
