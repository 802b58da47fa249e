"""Commits state after state, each of one repeated byte, until it is killed."""

import itertools
import os

from distributed.elastic.memory import DESCRIPTOR, Memory

memory = Memory(int(os.environ[DESCRIPTOR]))
for number in itertools.count(memory.commits):
    memory.commit(bytes([number % 256]) * (1 << 22))
