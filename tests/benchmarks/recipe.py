"""How the default recipe was chosen, and what it reaches.

    python tests/benchmarks/recipe.py choose                   the candidates by cross-validation of the training set
    python tests/benchmarks/recipe.py check [--processes 1 2]  five seeds of the default on the real test set

`choose` never reads the test images: each of six runs trains on 50,000 training images and validates on the other
10,000, so that every training image is held out once: differences of 0.002 drown in the chance of a single split.
Every run is a real `train.py`, which `check` gives any further options; both print a markdown table.
"""

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from lenet.data import fashion_mnist  # noqa: E402
from tests.support import datasets, run_jobs  # noqa: E402

FOLDS = 6
OPTIONS = ["global_batch", "learning_rate", "momentum", "weight_decay", "schedule", "warmup_epochs", "label_smoothing"]
LIMIT = 1800  # seconds for one run


def split_training_set(folder):
    """Write FOLDS data sets, whose "test" images are each another part of the training set; return their folders."""
    whole = fashion_mnist.load().train
    parts = np.array_split(np.random.RandomState(0).permutation(len(whole)), FOLDS)
    folders = [Path(folder, str(fold)) for fold in range(FOLDS)]
    for fold, place in enumerate(folders):
        place.mkdir()
        kept = np.concatenate(parts[:fold] + parts[fold + 1 :])
        for names, rows in ((datasets.NAMES[:2], kept), (datasets.NAMES[2:], parts[fold])):
            for name, array in zip(names, (whole.images[rows], whole.labels[rows])):
                datasets.store(place, name, datasets.pack(array), gz=False)
    return folders


def final_accuracy(options, processes=1):
    """Validation accuracy after the last epoch of a `train.py` run from scratch with `options`."""
    with tempfile.TemporaryDirectory() as output_dir:
        launcher = run_jobs.horovodrun(processes) if processes > 1 else []
        with run_jobs.python(launcher, "train.py", "--output-dir", output_dir, *options) as job:
            outcome = job.wait(LIMIT)
        if outcome.code:
            raise SystemExit(outcome.text)
        return run_jobs.records(output_dir, "epoch")[-1]["validation_accuracy"]


def choose(arguments):
    print(f"| {' | '.join(OPTIONS)} | mean of {FOLDS} folds | least |")
    print("|---" * (len(OPTIONS) + 2) + "|")
    with tempfile.TemporaryDirectory() as folder:
        folds = split_training_set(folder)
        for values in itertools.product(*(getattr(arguments, name) for name in OPTIONS)):
            options = [f"--{name.replace('_', '-')}={value}" for name, value in zip(OPTIONS, values)]
            found = [
                final_accuracy([f"--data-dir={place}", f"--seed={101 + fold}", *options])
                for fold, place in enumerate(folds)
            ]
            print(f"| {' | '.join(map(str, values))} | {np.mean(found):.4f} | {min(found):.4f} |", flush=True)


def check(arguments):
    print("| processes | mean of seeds 1 to 5 | least | all |\n|---|---|---|---|", flush=True)
    for processes in arguments.processes:
        found = [final_accuracy([f"--seed={seed}", *arguments.options], processes) for seed in range(1, 6)]
        each = " ".join(f"{accuracy:.4f}" for accuracy in found)
        print(f"| {processes} | {np.mean(found):.4f} | {min(found):.4f} | {each} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    choosing = commands.add_parser("choose")
    choosing.add_argument("--global-batch", type=int, nargs="+", default=[256])
    choosing.add_argument("--learning-rate", type=float, nargs="+", default=[0.07, 0.1, 0.15])
    choosing.add_argument("--momentum", type=float, nargs="+", default=[0.95])
    choosing.add_argument("--weight-decay", type=float, nargs="+", default=[1e-3])
    choosing.add_argument("--schedule", nargs="+", default=["linear", "cosine"])
    choosing.add_argument("--warmup-epochs", type=float, nargs="+", default=[2])
    choosing.add_argument("--label-smoothing", type=float, nargs="+", default=[0])
    choosing.set_defaults(run=choose)
    checking = commands.add_parser("check")
    checking.add_argument("--processes", type=int, nargs="+", default=[1, 2, 4])
    checking.set_defaults(run=check)
    arguments, arguments.options = parser.parse_known_args()
    arguments.run(arguments)


if __name__ == "__main__":
    main()
