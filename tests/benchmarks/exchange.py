"""What the exchange costs: Horovod over Gloo and MPI, by cycle time and batch, against no exchange at all.

    python -m tests.benchmarks.exchange [--rounds 3] [--processes 2] [--batch 128 256 512] [--json FILE]

In the row "no exchange" the processes run beside each other and each keeps its gradients. "MPI that polls" is Open
MPI's own way to wait, at Horovod's own cycle time; the other rows give the core away meanwhile, as train.py does.
"""

import statistics
import sys

from tests.benchmarks import measuring
from tests.support import run_jobs

CYCLES = ("0.2", "0.5", "1", "5")  # milliseconds between two looks of Horovod's background thread


def main():
    chosen = measuring.arguments(__doc__, rounds=3, processes=2, batch=[128, 256, 512])
    found = measuring.in_turn(ways(chosen.processes, chosen.batch), chosen.rounds)
    rows = []
    for name, rounds in found.items():
        cells = []
        for batch in chosen.batch:
            seconds = [each[str(batch)] for each in rounds]
            speed = batch / statistics.median(seconds)
            cells.append(f"{measuring.spread([1000 * each for each in seconds], 2)}: {speed:,.0f}/s")
        rows.append([name, *cells])
    head = ["way", *(f"step of {batch}, ms: images/s" for batch in chosen.batch)]
    measuring.publish(f"Exchange, {chosen.processes} processes", measuring.table(head, rows), found, chosen.json)


def ways(processes, batches):
    """The functions that measure each way once, by its name."""
    steps = [sys.executable, "-m", "tests.benchmarks.steps", *batches]

    def way(launcher, *more, **variables):
        return lambda: measuring.run([*launcher, *steps, *more], OMP_NUM_THREADS="1", **variables)

    launchers = {"Gloo": run_jobs.gloo(processes), "MPI": run_jobs.horovodrun(processes)}
    polling = {"HOROVOD_CYCLE_TIME": "1", "OMPI_MCA_mpi_yield_when_idle": "0"}
    made = {
        "no exchange": way(run_jobs.horovodrun(processes), "--alone", HOROVOD_CYCLE_TIME="50"),
        "MPI that polls, cycle 1 ms": way(run_jobs.horovodrun(processes), **polling),
    }
    for name, launcher in launchers.items():
        for cycle in CYCLES:
            made[f"{name}, cycle {cycle} ms"] = way(launcher, HOROVOD_CYCLE_TIME=cycle)
    return made


if __name__ == "__main__":
    main()
