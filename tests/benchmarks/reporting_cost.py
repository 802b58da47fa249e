"""What the progress bar and TensorBoard cost: python tests/benchmarks/reporting_cost.py [--pairs 5] [--epochs 3].

Runs of train.py in turn, with both on a terminal and with neither in a pipe, on the real data set; the medians of the
ratios of their images/s (over whole epochs, with validation and pictures) and of their processor time.
"""

import argparse
import json
import os
import pty
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
IMAGES = 60_000


def train(epochs, reporting):
    """Images a second over whole epochs, and seconds of processor time, of a run."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "train.py", "--epochs", str(epochs), "--output-dir", folder]
        own, theirs = pty.openpty()
        os.set_blocking(own, True)
        threading.Thread(target=_drain, args=(own,), daemon=True).start()
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        if reporting:
            subprocess.run(command, cwd=ROOT, stdout=theirs, stderr=theirs, check=True)
        else:
            subprocess.run([*command, "--no-tensorboard"], cwd=ROOT, stdout=subprocess.PIPE, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        os.close(theirs)
        records = map(json.loads, Path(folder, "metrics.jsonl").read_text().splitlines())
        seconds = [record["seconds"] for record in records if record["kind"] == "epoch"]
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return IMAGES / statistics.median(seconds), cpu


def _drain(terminal):
    try:
        while os.read(terminal, 65_536):
            pass
    except OSError:  # how a terminal ends on Linux
        os.close(terminal)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=3)
    options = parser.parse_args()
    speeds, times = [], []
    for pair in range(options.pairs):
        order = [True, False] if pair % 2 else [False, True]
        found = {reporting: train(options.epochs, reporting) for reporting in order}
        speeds.append(found[True][0] / found[False][0])
        times.append(found[True][1] / found[False][1])
        print(f"pair {pair}: {found[True][0]:,.0f} images/s with, {found[False][0]:,.0f} without", flush=True)
    print(f"median of {options.pairs} ratios: images/s {statistics.median(speeds):.3f}", end=", ")
    print(f"processor time {statistics.median(times):.3f}")


if __name__ == "__main__":
    main()
