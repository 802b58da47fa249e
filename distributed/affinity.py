"""Where the threads of a process run: its own cores, and Horovod's threads behind those that compute.

Where there are as many processes as cores, each thread that waits by looking again and again takes its time from the
network. tests/benchmarks/README.md has what these calls give. None needs a privilege, and none changes a bit.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

TASKS = Path("/proc/self/task")  # Linux's; elsewhere nothing is done


def threads() -> list[int]:
    """The ids of this process's threads, in the order in which they were started."""
    found = [(_start_time(task), int(task.name)) for task in TASKS.glob("*")]
    return [thread for _, thread in sorted(found)]


def yield_to_others(thread: int) -> None:
    """Let the thread run only where no other wants the core (Linux's SCHED_IDLE)."""
    with suppress(OSError):  # it is an offer: a sandbox may refuse it
        os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def cores_of(local_rank: int, affinities: Sequence[Sequence[int]]) -> list[int]:
    """The cores for a rank of this host, where its ranks may use `affinities`: a run of equally many for each.

    None where a launcher has given them different ones already, or where there are fewer cores than ranks.
    """
    cores, each = sorted(affinities[0]), len(affinities[0]) // len(affinities)
    if any(sorted(other) != cores for other in affinities):
        return []
    return cores[local_rank * each : (local_rank + 1) * each]


def bind(cores: Sequence[int]) -> None:
    """Keep all threads of this process, and those that they will start, on `cores`."""
    for thread in threads():
        with suppress(OSError):  # it has ended, or a sandbox refuses
            os.sched_setaffinity(thread, cores)


def _start_time(task: Path) -> int:
    """When a thread was started, in clock ticks since the machine was (proc(5), stat, field 22)."""
    try:
        return int((task / "stat").read_text().rpartition(")")[2].split()[19])
    except OSError:  # it has ended
        return 0
