"""What elastic training costs and saves: keeping the state against not, and a loss outlived against a plain restart.

    python -m tests.benchmarks.recovery [--rounds 5] [--epochs 2] [--json FILE]

Each round trains with two processes, static and elastic, and counts images per second of the last epoch. Then it kills
one of three processes or slots in the middle of an epoch, elastic and static, where the same command is given again at
once, and counts the seconds until the next step is on record.
"""

import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks import measuring
from tests.support.elastic_jobs import AGENT, HOSTS
from tests.support.run_jobs import ROOT, Job, gloo, records, until

STEPS_BEFORE = 100  # a kill comes after so many
HOST_FILES = tempfile.TemporaryDirectory()  # goes with the program


def main():
    chosen = measuring.arguments(__doc__, rounds=5, epochs=2)
    jobs = {
        "static": lambda: speed(static(2), chosen.epochs),
        "elastic": lambda: speed(elastic(2), chosen.epochs),
        "a restart": lambda: seconds_to_recover(gloo(3), gives_again=True),
        "elastic, rank 0's process": lambda: seconds_to_recover(elastic(3)),
        "elastic, rank 0's host": lambda: seconds_to_recover(elastic(3), with_agent=True),
        "elastic, another host": lambda: seconds_to_recover(elastic(3), rank=1, with_agent=True),
    }
    found = measuring.in_turn(jobs, chosen.rounds)
    cost = [100 * (1 - fast / slow) for fast, slow in zip(found["elastic"], found["static"])]
    rows = [[f"{name}, two processes: images/s", measuring.spread(found[name])] for name in ("static", "elastic")]
    rows.append(
        ["elastic costs, in pairs: percent", f"{statistics.median(cost):.1f} ({min(cost):.1f} to {max(cost):.1f})"]
    )
    rows += [[f"one of three killed: seconds, {name}", measuring.spread(found[name], 1)] for name in list(jobs)[2:]]
    head = ["what", "median (least to most)"]
    measuring.publish("Elastic", measuring.table(head, rows), found, chosen.json)


def static(processes):
    """The words of a launch on the same names: to it these are hosts, whose processes do not share out the cores."""
    hosts = ",".join(f"{host}:1" for host in HOSTS[:processes])
    return f"horovodrun --gloo -np {processes} --network-interface lo -H {hosts}".split()


def elastic(processes):
    """The words of an elastic launch on names of this machine; the host file is not edited."""
    hosts = Path(HOST_FILES.name, f"{processes}")
    hosts.write_text("".join(f"{host}:1\n" for host in HOSTS[:processes]))
    words = f"horovodrun --gloo -np {processes} --min-np 1 --network-interface lo --host-discovery-script"
    return [*words.split(), f"{ROOT}/launch/discover_hosts.sh {hosts}", sys.executable, *AGENT]


def command(launcher, folder, *options):
    return [*launcher, sys.executable, "train.py", "--output-dir", folder, *options]


def speed(launcher, epochs):
    """Images per second of the last epoch."""
    with tempfile.TemporaryDirectory() as folder:
        measuring.outcome(command(launcher, folder, "--epochs", epochs, "--resume", "never"), OMP_NUM_THREADS="1")
        return records(folder, "epoch")[-1]["images_per_second"]


def seconds_to_recover(launcher, rank=0, gives_again=False, with_agent=False):
    """Seconds from the kill of a rank, or of its slot, to the first step that is taken after it."""
    with tempfile.TemporaryDirectory() as folder:
        words = command(launcher, folder, "--log-every", 1, "--checkpoint-every", 20)
        with Job(words) as job:
            until(lambda: len(records(folder, "step")) > STEPS_BEFORE, measuring.LIMIT)
            process = next(each for each in job.processes() if is_rank(each, rank))
            before, killed = begun(folder), time.monotonic()
            (process.parent() if with_agent else process).send_signal(signal.SIGKILL)
            if not gives_again:
                return until_next_step(folder, before) - killed
            job.process.wait()
        with Job(words):
            return until_next_step(folder, before) - killed


def is_rank(process, rank):
    return process.cmdline()[1:2] == ["train.py"] and process.environ().get("HOROVOD_RANK") == str(rank)


def begun(folder):
    """Which file of records it is: a run that goes on begins a new one with those of before."""
    return Path(folder, "metrics.jsonl").stat().st_ino


def until_next_step(folder, before):
    """The time at which a step is on record in another file than `before`."""
    until(lambda: begun(folder) != before, measuring.LIMIT)
    steps = len(records(folder, "step"))
    until(lambda: len(records(folder, "step")) > steps, measuring.LIMIT)
    return time.monotonic()


if __name__ == "__main__":
    main()
