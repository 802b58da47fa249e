"""CPU affinity and priority of threads: each rank has its share of the cores, Horovod's threads yield to the network.

Where there are as many processes as cores, a thread that waits by polling takes its time from the network.
tests/benchmarks/README.md has the effect of these calls. They need no privilege and change no result.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

TASKS = Path("/proc/self/task")  # Linux's; elsewhere nothing is done
CGROUP = Path("/sys/fs/cgroup")  # of this container


def threads() -> list[int]:
    """The ids of this process's threads, oldest first."""
    found = [(_start_time(task), int(task.name)) for task in TASKS.glob("*")]
    return [thread for _, thread in sorted(found)]


def yield_to_others(thread: int) -> None:
    """Run the thread only on a core that is idle otherwise (Linux's SCHED_IDLE)."""
    with suppress(OSError):  # optional: a sandbox may refuse it
        os.sched_setscheduler(thread, os.SCHED_IDLE, os.sched_param(0))


def cores_of(local_rank: int, affinities: Sequence[Sequence[int]]) -> list[int]:
    """The cores of a rank of this host, whose ranks may use `affinities`: contiguous, the same number for each rank.

    Empty where a launcher has bound the ranks to different cores already, or has fewer cores than ranks.
    """
    cores, each = sorted(affinities[0]), len(affinities[0]) // len(affinities)
    if any(sorted(other) != cores for other in affinities):
        return []
    return cores[local_rank * each : (local_rank + 1) * each]


def bind(cores: Sequence[int]) -> None:
    """Bind all threads of this process, and those that they will start, to `cores`."""
    for thread in threads():
        with suppress(OSError):  # it has ended, or a sandbox refuses
            os.sched_setaffinity(thread, cores)


def share_of_cores(ranks: int = 1, is_bound: bool = True) -> int:
    """The number of cores for one of the `ranks` of this host: of its affinity, and of the CPU quota of its container.

    Ranks that are not bound have the same affinity, and share it.
    """
    shares = [len(os.sched_getaffinity(0)) / (1 if is_bound else ranks)]
    if (quota := _read_quota()) is not None:
        shares.append(quota / ranks)
    return max(1, int(min(shares)))


def _read_quota() -> float | None:
    """The CPU quota in cores, of cgroup v2 or v1; None without one."""
    with suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = (CGROUP / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError, ZeroDivisionError):
        numbers = [int((CGROUP / "cpu" / f"cpu.cfs_{name}_us").read_text()) for name in ("quota", "period")]
        return numbers[0] / numbers[1] if numbers[0] > 0 else None
    return None


def _start_time(task: Path) -> int:
    """The start time of a thread in clock ticks since the boot (proc(5), stat, field 22)."""
    try:
        return int((task / "stat").read_text().rpartition(")")[2].split()[19])
    except OSError:  # it has ended
        return 0
