"""How far the prediction of scaling.py is off on networks that can be had here: hosts that a slow cable joins.

    python -m tests.benchmarks.latency [--rounds 3] [--processes 2 4] [--images 256] [--json FILE]       as root

Each process has a host of its own, which is a network namespace with an sshd; a switch between them delays each frame
and bounds the rate at which a host is sent any. A step is timed with a fast switch and with slow ones. What a slow one
adds is compared with what scaling.py's model says that it adds; the model's other terms are not tried here.
"""

import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.benchmarks import measuring
from tests.benchmarks.scaling import BYTES, HOPS
from tests.support import hosts, run_jobs, slow_switch

BARE = (0.0, 0.0)
CABLES = [BARE, (1.0, 0.0), (5.0, 0.0), (0.0, 1.0)]  # (milliseconds, gigabits a second)
NAMES = ("alpha", "beta", "gamma", "delta")


def main():
    chosen = measuring.arguments(__doc__, rounds=3, processes=[2, 4], images=256)
    if why := hosts.why_not():
        raise SystemExit(f"error: {why}")
    rows, results = [], {}
    for processes in chosen.processes:
        with (
            tempfile.TemporaryDirectory() as folder,
            hosts.running(Path(folder, "hosts"), NAMES[:processes]) as running,
            slow_switch.between(running) as switch,
        ):
            jobs = {
                (engine, cable): partial(measure, switch, running, engine, cable, chosen.images)
                for cable in CABLES
                for engine in ("MPI", "Gloo")
            }
            found = measuring.in_turn(jobs, chosen.rounds)
        results[processes] = {f"{engine} {cable}": times for (engine, cable), times in found.items()}
        rows += [row(processes, *way, found) for way in sorted(found)]
    head = ["processes", "engine", "cable", "ms a step", "added, ms", "predicted, ms", "measured to predicted"]
    measuring.publish("Slow cables", measuring.table(head, rows), results, chosen.json)


def measure(switch, running, engine, cable, images):
    """Milliseconds of a step with a process on each of the hosts `running`, of `images` for each."""
    switch.delay, switch.rate = cable[0] / 1e3, cable[1] * 1e9 / 8
    slots = ",".join(f"{host.name}:1" for host in running)
    launcher = {
        "MPI": ["mpirun", "--allow-run-as-root", "--bind-to", "none", "-x", "PATH", "-x", "OMP_NUM_THREADS"],
        "Gloo": ["horovodrun", "--gloo", "--disable-cache", "-np", len(running)],
    }[engine]
    total = images * len(running)
    program = [sys.executable, "-m", "tests.benchmarks.steps", total]
    command = running[0].command("env", "-C", run_jobs.ROOT, *launcher, "-H", slots, *program)
    return measuring.run(command, OMP_NUM_THREADS="1")[str(total)] * 1e3


def row(processes, engine, cable, found):
    """Differences are taken within each round, then their median."""
    times = found[engine, cable]
    added = [slow - bare for slow, bare in zip(times, found[engine, BARE])]
    expected = predicted(processes, engine, *cable)
    ratios = [each / expected for each in added] if expected else []
    return [
        processes,
        engine,
        f"{cable[0]} ms, {cable[1] or 'any'} Gb/s" if expected else "bare",
        measuring.spread(times, 1),
        measuring.spread(added, 2) if expected else "",
        f"{expected:.2f}" if expected else "",
        measuring.spread(ratios, 2) if expected else "",
    ]


def predicted(processes, engine, milliseconds, gigabits):
    """What scaling.py's model adds for a cable, in milliseconds: a ring for Gloo, halving and doubling for MPI."""
    hops = HOPS["halving" if engine == "MPI" else "ring"](processes)
    sent = 2 * (processes - 1) / processes * BYTES * 8
    return hops * milliseconds + (sent / gigabits / 1e6 if gigabits else 0)


if __name__ == "__main__":
    main()
