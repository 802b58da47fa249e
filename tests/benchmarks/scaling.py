"""How the work grows: measured for 1, 2 and 4 processes and many batches, fitted, and predicted up to 512 workers.

    python -m tests.benchmarks.scaling [--rounds 3] [--plot FILE.png] [--json FILE]

Measured: seconds of a step on this machine alone, under mpirun, which gives one and two processes a core each; and
without it, where one process computes on one core while its Python runs ahead on another ("free").
Fitted to those under mpirun: t = max(1, p / cores) * (a + b * images) + c * log2(p). a is what a step costs without
images (Python, MXNet's engine, the update), b an image, c one round of Horovod's agreement and exchange on one machine.
Predicted, never measured: workers with a core each on hosts of their own, each computing as one process does here,
    t = a + b * images + c * log2(p) + hops * LATENCY + 2 * (p - 1) / p * BYTES / bandwidth,
with 2 (p - 1) hops for a ring (Gloo, NCCL) and 2 log2(p) for halving and doubling (an MPI's choice), each of which
counts several times: the ranks agree on what they exchange before that, and a long message waits until its receiver is
ready. latency.py has measured how often. Assumed besides: nothing of the exchange overlaps with the backward pass,
nobody is slower than the others, the network is not shared.
"""

import math
import statistics
import sys

import numpy as np

from tests.benchmarks import measuring
from tests.support import run_jobs

PROCESSES = (1, 2, 4)
BATCHES = (32, 64, 128, 256, 512, 1024, 2048)
STRONG = (256, 1024)  # images a step of all processes
WORKERS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
GIGABITS = (10, 25, 100)  # a second
LATENCY = 20e-6  # seconds from one host to the next: TCP on a good network
BYTES = 8 * (60_170 + 6)  # gradients and metrics, as exact sums send them
SHOWN = 256  # images per process for which the predictions are tabled
# How often a step waits for the network's delay. The first factors are latency.py's, of 2 and 4 hosts.
HOPS = {"ring": lambda p: 3.3 * 2 * (p - 1), "halving": lambda p: 4.4 * 2 * math.log2(p)}


def main():
    chosen = measuring.arguments(__doc__, files=["plot"], rounds=3)
    cores = measuring.machine()["cores"]
    jobs = {
        processes: lambda processes=processes: measure(run_jobs.mpirun(processes), processes) for processes in PROCESSES
    }
    jobs["free"] = lambda: measure([])
    rounds = measuring.in_turn(jobs, chosen.rounds)
    found = {
        (processes, batch): statistics.median(each[str(batch)] for each in rounds[processes])
        for processes in PROCESSES
        for batch in BATCHES
    }
    free = {batch: statistics.median(each[str(batch)] for each in rounds["free"]) for batch in BATCHES}
    costs = fit(found, cores)
    tables = [measured_table(found, free, costs, cores), strong_table(found), describe(costs), predicted_table(costs)]
    text = "\n\n".join(tables)
    measuring.publish("Scaling", text, {"rounds": rounds, "a, b, c": list(costs)}, chosen.json)
    if chosen.plot:
        plot(found, costs, cores, chosen.plot)


def measure(launcher, processes=1):
    """Seconds of a step by the images per process."""
    batches = [processes * batch for batch in BATCHES]
    found = measuring.run([*launcher, sys.executable, "-m", "tests.benchmarks.steps", *batches], OMP_NUM_THREADS="1")
    return {str(batch): found[str(processes * batch)] for batch in BATCHES}


def terms(processes, batch, cores):
    """What a, b and c are multiplied with."""
    share = max(1, processes / cores)
    return np.array([share, share * batch, math.log2(processes)])


def fit(found, cores):
    """a, b and c with the least squares of relative errors, none below 0 in what we have seen."""
    rows = np.array([terms(*point, cores) for point in found])
    seconds = np.array(list(found.values()))
    return np.linalg.lstsq(rows / seconds[:, None], np.ones(len(seconds)), rcond=None)[0]


def predict(costs, workers, batch, gigabits, hops):
    """Seconds of a step on hosts of their own."""
    sent = 2 * (workers - 1) / workers * BYTES
    return terms(workers, batch, math.inf) @ costs + hops(workers) * LATENCY + sent * 8 / gigabits / 1e9


def describe(costs):
    a, b, c = costs
    return (
        f"Fitted: a = {1e3 * a:.2f} ms a step, b = {1e6 * b:.1f} µs an image, c = {1e3 * c:.2f} ms a round of the "
        "exchange."
    )


def measured_table(found, free, costs, cores):
    rows = []
    for batch in BATCHES:
        one = batch / found[1, batch]
        cells = [f"{1000 * free[batch]:.2f}, {batch / free[batch]:,.0f}/s, {found[1, batch] / free[batch]:.2f} x"]
        for processes in PROCESSES:
            seconds, fitted = found[processes, batch], terms(processes, batch, cores) @ costs
            speed = processes * batch / seconds
            cells.append(f"{1000 * seconds:.2f} ({1000 * fitted:.2f}), {speed:,.0f}/s, {speed / one:.2f} x")
        rows.append([batch, *cells])
    head = [
        "images per process",
        "1 process, free: ms, images/s, x one",
        *(f"{p} process(es): ms (fitted), images/s, x one" for p in PROCESSES),
    ]
    return "Measured:\n\n" + measuring.table(head, rows)


def strong_table(found):
    """The same images a step, whatever the number of processes."""
    rows = []
    for total in STRONG:
        times = [found[processes, total // processes] for processes in PROCESSES]
        rows.append([total, *(f"{1000 * each:.2f}, {times[0] / each:.2f} x" for each in times)])
    head = ["images a step of all processes", *(f"{p} process(es): ms, x one" for p in PROCESSES)]
    return "Measured, the same work for more processes:\n\n" + measuring.table(head, rows)


def predicted_table(costs):
    rows = []
    for workers in WORKERS:
        cells = [
            f"{predict(costs, 1, SHOWN, 1, hop) / predict(costs, workers, SHOWN, gigabits, hop):.0%}"
            for hop in HOPS.values()
            for gigabits in GIGABITS
        ]
        rows.append([workers, *cells])
    head = ["workers", *(f"{name}, {gigabits} Gb/s" for name in HOPS for gigabits in GIGABITS)]
    return f"Predicted efficiency with {SHOWN} images per worker:\n\n" + measuring.table(head, rows)


def plot(found, costs, cores, path):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    for processes in PROCESSES:
        points = left.loglog(BATCHES, [1000 * found[processes, batch] for batch in BATCHES], "o")
        fitted = [1000 * terms(processes, batch, cores) @ costs for batch in BATCHES]
        left.loglog(BATCHES, fitted, color=points[0].get_color(), label=f"{processes} process(es)")
    left.set(title="Measured (points) and fitted (lines)", xlabel="images per process", ylabel="ms a step")
    for (name, hops), style in zip(HOPS.items(), ("--", "-")):
        for gigabits, colour in zip(GIGABITS, ("C0", "C1", "C2")):
            one = predict(costs, 1, SHOWN, 1, hops)
            shares = [one / predict(costs, workers, SHOWN, gigabits, hops) for workers in WORKERS]
            right.semilogx(WORKERS, shares, style, color=colour, base=2, label=f"{name}, {gigabits} Gb/s")
    right.set(title=f"Predicted, {SHOWN} images per worker", xlabel="workers", ylabel="efficiency", ylim=(0, 1.05))
    for axes in (left, right):
        axes.legend()
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
