"""Start-up: seconds from the command to the end of the first step, and where they go.

    python -m tests.benchmarks.startup [--rounds 5] [--processes 1 4] [--json FILE]

A run of train.py with --max-steps 1 on the real data set is timed whole. What comes after the first step (a checkpoint
and the last save) is part of it: a few milliseconds. The parts are timed in one process, each new.
"""

import sys
import tempfile
import time

from tests.benchmarks import measuring
from tests.support import run_jobs

# What each start of Python with these lines costs; a line includes those above it.
PARTS = {
    "Python alone": "pass",
    "and NumPy": "import numpy",
    "and MXNet": "import mxnet",
    "and Horovod for MXNet": "import horovod.mxnet",
    "and the data set, read and checked": "import horovod.mxnet, lenet.data.fashion_mnist as f; f.load()",
}


def main():
    chosen = measuring.arguments(__doc__, rounds=5, processes=[1, 4])
    jobs = {name: lambda lines=lines: seconds([sys.executable, "-c", lines]) for name, lines in PARTS.items()}
    for processes in chosen.processes:
        for name, launcher in launchers(processes).items():
            jobs[name] = lambda launcher=launcher: one_step(launcher)
    found = measuring.in_turn(jobs, chosen.rounds)
    rows = [[name, measuring.spread(times, 2)] for name, times in found.items()]
    measuring.publish("Start-up", measuring.table(["what", "seconds"], rows), found, chosen.json)


def launchers(processes):
    """The words before `python`, by the name of the row."""
    if processes == 1:
        return {"train.py to its first step, 1 process": []}
    return {
        f"{processes} processes, horovodrun --gloo": run_jobs.gloo(processes),
        f"{processes} processes, horovodrun": run_jobs.horovodrun(processes),
        f"{processes} processes, mpirun": run_jobs.mpirun(processes),
    }


def one_step(launcher):
    with tempfile.TemporaryDirectory() as folder:
        return seconds([*launcher, sys.executable, "train.py", "--max-steps", 1, "--output-dir", folder])


def seconds(command):
    began = time.perf_counter()
    measuring.outcome(command, OMP_NUM_THREADS="1")
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
