"""How fast we train against others: the same data, network, batch and processes, in turn, in several rounds.

    python -m tests.benchmarks.compare [--rounds 3] [--epochs 3] [--batch 256] [--processes 2] [--json FILE]

Counts images per second of training over whole epochs; evaluation and the first epoch of each run are left out.
`--batch` is of all processes together. The tutorial is one process by nature, with its four DataLoader workers.
PyTorch comes into an environment of its own, made on demand in the user's cache.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from distributed.environment import DEFAULTS
from tests.benchmarks import measuring
from tests.support import run_jobs

HERE = Path(__file__).parent
OURS = "ours, horovodrun"


def main():
    chosen = measuring.arguments(__doc__, rounds=3, epochs=3, batch=[256], processes=2)
    torch = torch_python()
    rows, results = [], {}
    with tempfile.TemporaryDirectory() as folder:
        measuring.unzipped(folder)
        for batch in chosen.batch:
            jobs = sides(folder, batch, chosen.processes, chosen.epochs, torch)
            found = measuring.in_turn(jobs, chosen.rounds)
            results[batch] = found
            rows += table_rows(batch, found)
    head = ["global batch", "who", "images/s: median (least to most)", "ratio to the tutorial", "ours to it"]
    measuring.publish("Training", measuring.table(head, rows), results, chosen.json)


def table_rows(batch, found):
    """Ratios are taken within each round, then their median."""
    speeds = {name: [each["images_per_second"] for each in runs] for name, runs in found.items()}
    rows = []
    for name, own in speeds.items():
        to_tutorial = [a / b for a, b in zip(own, speeds["the tutorial, 1 process"])]
        ours_to = [a / b for a, b in zip(speeds[OURS], own)]
        rows.append(
            [batch, name, measuring.spread(own), measuring.spread(to_tutorial, 2), measuring.spread(ours_to, 2)]
        )
    return rows


def sides(folder, batch, processes, epochs, torch):
    """The functions that run each side once, by its name."""
    python, each = sys.executable, batch // processes
    part = [folder, str(each), str(epochs)]
    ddp = [torch, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    threads = {"OMP_NUM_THREADS": str(max(1, len(os.sched_getaffinity(0)) // processes))}

    def side(*command, **variables):
        return lambda: later_epochs(measuring.run(command, **variables))

    example = ["-m", "tests.benchmarks.sides.horovod_example", *part]

    def ours(launcher):
        return lambda: train(launcher(processes), folder, batch, epochs, threads)

    return {
        "the tutorial, 1 process": side(
            python, "-m", "tests.benchmarks.sides.tutorial_loop", folder, str(batch), str(epochs)
        ),
        # Over MPI as it comes, the example is slower than over Gloo; with what our launch sets, it is not.
        "Horovod's example": side(*run_jobs.gloo(processes), python, *example, **threads),
        "Horovod's example, our settings": side(*run_jobs.horovodrun(processes), python, *example, **DEFAULTS),
        "PyTorch DDP, typical": side(*ddp, HERE / "sides/torch_ddp.py", "typical", *part, **threads),
        "PyTorch DDP, tuned": side(*ddp, HERE / "sides/torch_ddp.py", "tuned", *part, **threads),
        "PyTorch, 1 process, all cores": side(torch, HERE / "sides/torch_ddp.py", "tuned", folder, batch, epochs),
        "ours, 1 process": ours(lambda _: []),
        "ours, horovodrun --gloo": ours(run_jobs.gloo),
        OURS: ours(run_jobs.horovodrun),
        "ours, mpirun": ours(run_jobs.mpirun),
    }


def later_epochs(result):
    """The first epoch warms up."""
    return {**result, "images_per_second": statistics.median(result["images_per_second"][1:])}


def train(launcher, folder, batch, epochs, threads):
    """A real run of train.py."""
    with tempfile.TemporaryDirectory() as output:
        options = ["--data-dir", folder, "--output-dir", output, "--global-batch", batch, "--epochs", epochs]
        measuring.outcome([*launcher, sys.executable, "train.py", *options], **threads)
        found = run_jobs.records(output, "epoch")
    return later_epochs(
        {"images_per_second": [each["images_per_second"] for each in found], "loss": found[-1]["train_loss"]}
    )


def torch_python():
    """The Python of an environment with PyTorch; the first time it takes minutes."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "lenet-mxnet", "torch")
    python, wanted = cache / "bin/python", HERE / "requirements-torch.txt"
    stamp = cache / wanted.name
    if not stamp.exists() or stamp.read_text() != wanted.read_text():
        print(f"making {cache} for PyTorch", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", cache], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", wanted], check=True)
        stamp.write_text(wanted.read_text())
    return str(python)


if __name__ == "__main__":
    main()
