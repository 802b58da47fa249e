"""What exact sums cost: steps with them and with float32 sums, everything else the same, in turn.

    python -m tests.benchmarks.exactness [--rounds 5] [--processes 1 2] [--batch 256] [--json FILE]

The table has images per second of all processes, and the ratio of exact to float32 within each round.
"""

import sys

from tests.benchmarks import measuring
from tests.support import run_jobs


def main():
    chosen = measuring.arguments(__doc__, rounds=5, processes=[1, 2], batch=256)
    jobs = {
        (processes, exchange): way(processes, exchange, chosen.batch)
        for processes in chosen.processes
        for exchange in ("exact", "float32")
    }
    found = measuring.in_turn(jobs, chosen.rounds)
    speeds = {key: [chosen.batch / each[str(chosen.batch)] for each in rounds] for key, rounds in found.items()}
    rows = []
    for processes in chosen.processes:
        exact, floats = speeds[processes, "exact"], speeds[processes, "float32"]
        ratios = [a / b for a, b in zip(exact, floats)]
        rows.append([processes, measuring.spread(exact), measuring.spread(floats), measuring.spread(ratios, 3)])
    head = ["processes (mpirun)", "exact, images/s", "float32, images/s", "exact to float32"]
    results = {f"{processes} {exchange}": rounds for (processes, exchange), rounds in found.items()}
    measuring.publish(f"Exact sums, {chosen.batch} images a step", measuring.table(head, rows), results, chosen.json)


def way(processes, exchange, batch):
    launcher = run_jobs.mpirun(processes) if processes > 1 else []
    command = [*launcher, sys.executable, "-m", "tests.benchmarks.steps", batch, "--exchange", exchange]
    return lambda: measuring.run(command, OMP_NUM_THREADS="1")


if __name__ == "__main__":
    main()
