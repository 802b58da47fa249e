"""Compute with threads, fork, and compute in both processes: exit code 0 if all bits are the same."""

import os
import sys

from tests.support import native

case = native.make_case(images=60, shard=8)
expected = native.totals(case, threads=3).tobytes()
child = os.fork()
if child == 0:
    os._exit(0 if native.totals(case, threads=3).tobytes() == expected else 1)
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) or native.totals(case, threads=3).tobytes() != expected)
