"""What OpenMP threads do to a step of one process: seconds of a step by their number and the batch.

python -m tests.benchmarks.threads [--rounds 3] [--batch 32 64 256 1024] [--json FILE]
"""

import os
import sys

from tests.benchmarks import measuring


def main():
    chosen = measuring.arguments(__doc__, rounds=3, batch=[32, 64, 256, 1024])
    cores = len(os.sched_getaffinity(0))
    steps = [sys.executable, "-m", "tests.benchmarks.steps", *chosen.batch]
    jobs = {
        threads: lambda threads=threads: measuring.run(steps, OMP_NUM_THREADS=str(threads))
        for threads in (1, 2, 4, 8, 16)
        if threads <= cores
    }
    found = measuring.in_turn(jobs, chosen.rounds)
    rows = [
        [threads, *(measuring.spread([1000 * each[str(batch)] for each in rounds], 2) for batch in chosen.batch)]
        for threads, rounds in found.items()
    ]
    head = ["OMP_NUM_THREADS", *(f"step of {batch}, ms" for batch in chosen.batch)]
    measuring.publish("Threads, one process", measuring.table(head, rows), found, chosen.json)


if __name__ == "__main__":
    main()
