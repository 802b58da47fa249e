"""How long it takes from the command to an accuracy: the default run against others, in turn, in several rounds.

    python -m tests.benchmarks.accuracy [--rounds 3] [--epochs 10] [--processes 2] [--plot FILE.png] [--json FILE]

The tutorial's recipe in its own loop, our default recipe in tuned PyTorch DDP and in PyTorch in one process with all
cores, and the default run under horovodrun and mpirun. Each line of an epoch is given the time at which it came.
Starting, reading the data and evaluating are part of it. The recipe was chosen in the training set (recipe.py).
"""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

from lenet.config import read_config
from tests.benchmarks import measuring
from tests.benchmarks.compare import torch_python
from tests.support import run_jobs

TORCH = Path(__file__).parent / "sides/torch_ddp.py"
GOALS = (0.88, 0.90)
BATCH = 256
RECIPE = ("learning_rate", "momentum", "weight_decay", "warmup_epochs")


def main():
    chosen = measuring.arguments(__doc__, files=["plot"], rounds=3, epochs=10, processes=2)
    with tempfile.TemporaryDirectory() as folder:
        measuring.unzipped(folder)
        jobs = sides(folder, chosen.epochs, chosen.processes, torch_python())
        found = measuring.in_turn(jobs, chosen.rounds)
    rows = [[name, *(cell(runs, goal) for goal in GOALS), *last(runs)] for name, runs in found.items()]
    head = ["who", *(f"seconds to {goal:.2f}" for goal in GOALS), "seconds to the end", "accuracy at the end"]
    measuring.publish("Accuracy over time", measuring.table(head, rows), found, chosen.json)
    if chosen.plot:
        plot(found, chosen.plot)


def sides(folder, epochs, processes, torch):
    """The functions that run each side once, by its name."""
    config = asdict(read_config([]))
    recipe = json.dumps({name: config[name] for name in RECIPE})
    python, each = sys.executable, str(BATCH // processes)
    threads = {"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // processes))}
    ddp = [torch, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]

    def ours(launcher):
        options = ["--data-dir", folder, "--epochs", str(epochs), "--resume", "never", "--output-dir"]
        with tempfile.TemporaryDirectory() as output:
            return epochs_of([*launcher(processes), python, "train.py", *options, output], {})

    return {
        "the tutorial": lambda: epochs_of(
            [python, "-m", "tests.benchmarks.sides.tutorial_loop", folder, str(BATCH), str(epochs)], {}
        ),
        "PyTorch DDP, tuned": lambda: epochs_of([*ddp, TORCH, "tuned", folder, each, str(epochs), recipe], threads),
        "PyTorch, 1 process": lambda: epochs_of([torch, TORCH, "tuned", folder, str(BATCH), str(epochs), recipe], {}),
        "ours, horovodrun": lambda: ours(run_jobs.horovodrun),
        "ours, mpirun": lambda: ours(run_jobs.mpirun),
    }


def epochs_of(command, variables):
    """(seconds since the start, validation accuracy) of each epoch of the command."""
    began, found = time.monotonic(), []
    environment = {name: text for name, text in os.environ.items() if name != "OMP_NUM_THREADS"} | variables
    with subprocess.Popen(
        list(map(str, command)), env=environment, cwd=run_jobs.ROOT, stdout=subprocess.PIPE, text=True
    ) as job:
        for line in job.stdout:
            if match := re.search(r"Epoch \[\d+\].*Val:([\d.]+)", line):
                found.append((time.monotonic() - began, float(match[1])))
    if job.returncode:
        raise SystemExit(f"error: {command} ended with {job.returncode}")
    return found


def cell(runs, goal):
    """When the accuracy was first reached, over the runs."""
    reached = [next((seconds for seconds, accuracy in run if accuracy >= goal), None) for run in runs]
    return "never" if None in reached else measuring.spread(reached, 1)


def last(runs):
    """Seconds and accuracy of the last epoch, over the runs."""
    ends = [run[-1] for run in runs]
    return measuring.spread([seconds for seconds, _ in ends], 1), measuring.spread([each for _, each in ends], 4)


def plot(found, path):
    """One line for each side: its run with the median time."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 4.5), layout="constrained")
    for name, runs in found.items():
        middle = statistics.median_low([run[-1][0] for run in runs])
        seconds, accuracy = zip(*next(run for run in runs if run[-1][0] == middle))
        axes.plot(seconds, accuracy, marker=".", label=name)
    axes.set(xlabel="seconds from the command", ylabel="accuracy on the test images", ylim=(0.8, 0.92))
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
