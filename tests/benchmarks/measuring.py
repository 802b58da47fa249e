"""What the benchmarks share: running one thing after the other in rounds, medians with their spread, tables."""

import argparse
import json
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from lenet.data import fashion_mnist
from tests.support import datasets, run_jobs

LIMIT = 900  # seconds for one run


def outcome(command, **variables):
    """How `command` ended, which must be well. It is told to use all cores unless `variables` say otherwise."""
    cores = len(os.sched_getaffinity(0))
    with run_jobs.Job(command, **{"OMP_NUM_THREADS": str(cores), **variables}) as job:
        ended = job.wait(LIMIT)
    if ended.code:
        raise SystemExit(f"error: {' '.join(map(str, command))} ended with {ended.code}:\n{ended.text}")
    return ended


def run(command, **variables):
    """The object that `command` prints after the word RESULT."""
    texts = [text for _, text in outcome(command, **variables).lines if text.startswith("RESULT ")]
    return json.loads(texts[0][len("RESULT ") :])


def in_turn(jobs, rounds):
    """What the functions `jobs`, by name, gave in each round: {name: [first, second, …]}."""
    results = {name: [] for name in jobs}
    for number in range(rounds):
        for name, job in jobs.items():
            began = time.monotonic()
            results[name].append(job())
            print(f"round {number + 1}: {name}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return results


def spread(values, digits=0):
    """`median (least to most)`."""
    shown = [f"{value:,.{digits}f}" for value in (statistics.median(values), min(values), max(values))]
    return f"{shown[0]} ({shown[1]} to {shown[2]})"


def table(head, rows):
    """A markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def unzipped(folder):
    """The real data set's four files, unzipped, in `folder`."""
    dataset = fashion_mnist.load()
    arrays = (dataset.train.images, dataset.train.labels, dataset.validation.images, dataset.validation.labels)
    for name, array in zip(fashion_mnist.FILES, arrays):
        datasets.store(folder, name, datasets.pack(array), gz=False)
    return folder


def machine():
    """What the numbers were measured on."""
    cpu = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpu)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=run_jobs.ROOT, capture_output=True, text=True)
    return {
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "avx512": " avx512f" in cpu,
        "load": os.getloadavg()[0],
        "time": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
    }


def publish(title, text, results, path):
    """Print the markdown `text`; with a `path`, write it and the `results` as JSON there too."""
    here = machine()
    print(f"\n{title}: {here['cpu']}, {here['cores']} cores, commit {here['commit']}, {here['time']}\n\n{text}")
    if path:
        written = {"title": title, "machine": here, "table": text, "results": results}
        Path(path).write_text(json.dumps(written, indent=1))


def arguments(description, files=(), **defaults):
    """Options of a benchmark: --json FILE, more `files`, and an integer (or a list of them) for each of `defaults`."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no job outlives the benchmark
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    for name in ("json", *files):
        parser.add_argument(f"--{name}", metavar="FILE", help="write it there too")
    for name, value in defaults.items():
        more = {"nargs": "+"} if isinstance(value, list) else {}
        parser.add_argument(f"--{name}", type=int, default=value, help=f"default: {value}", **more)
    return parser.parse_args()
