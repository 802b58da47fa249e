"""train.py in an elastic job, whose steps wait at gates and which does itself harm, as a test wants it.

TEST_GATES is a folder. Before each step a rank appends a line to its file steps-HOST: [rank, epoch, images done, step],
as they will be after the step. Where there is a file `gate-STEP`, the ranks wait until it is gone; if it says `follow`,
rank 0 removes it as soon as the hosts are updated.
TEST_HARM is JSON, a list of [moment, host, deed]. The harm is done on that host at `options` and at `step 33`, and at
each other moment once the file `lost` is there.
"""

import json
import os
import runpy
import signal
import sys
import time
from pathlib import Path

from horovod.common import basics

from distributed import horovod_world
from distributed.elastic.committed import ElasticCommitted
from distributed.elastic.memory import DESCRIPTOR, Memory
from distributed.elastic.world import ElasticWorld
from distributed.monitor import Monitor

GATES, HOST = Path(os.environ["TEST_GATES"]), os.environ["HOROVOD_HOSTNAME"]
HARM = json.loads(os.environ["TEST_HARM"])
MOMENTS = {
    "start": (basics.HorovodBasics, "init"),
    "failure detector": (horovod_world, "FailureDetector"),
    "set-up": (ElasticWorld, "compare"),
}


def main(options):
    ElasticCommitted.commit_every = 20
    Monitor.step_begins = gated(Monitor.step_begins)
    for moment, (owner, name) in MOMENTS.items():
        setattr(owner, name, harmed(moment, getattr(owner, name)))
    words = [word for deed in deeds("options") for word in deed.split()]
    sys.argv = ["train.py", *options, *words]
    runpy.run_path("train.py", run_name="__main__")


def gated(step_begins):
    head = Memory(int(os.environ[DESCRIPTOR])).head

    def wait_and_begin_step(monitor, epoch, images_done, step):
        wait_at(step - 1, lambda: monitor.rank == 0 and head.hosts_updated)
        with open(GATES / f"steps-{HOST}", "a") as file:
            print(json.dumps([monitor.rank, epoch, images_done, step]), file=file)
        for deed in deeds(f"step {step}"):
            do(deed)
        step_begins(monitor, epoch, images_done, step)

    return wait_and_begin_step


def wait_at(step, hosts_change=bool):
    gate = GATES / f"gate-{step}"
    while (kind := text_of(gate)) is not None:
        if kind == "follow" and hosts_change():
            gate.unlink(missing_ok=True)
        (GATES / f"at-{step}-{os.getpid()}").touch()
        time.sleep(0.01)


def text_of(gate):
    """What the file says, None where it is gone: another process may remove it at any moment."""
    try:
        return gate.read_text()
    except FileNotFoundError:
        return None


def harmed(moment, work):
    def do_harm_and_work(*arguments, **more):
        for deed in deeds(moment) if (GATES / "lost").exists() else ():
            do(deed)
        return work(*arguments, **more)

    return do_harm_and_work


def deeds(moment):
    return [deed for when, host, deed in HARM if (when, host) == (moment, HOST)]


def do(deed):
    if deed == "kill the process":
        os.kill(os.getpid(), signal.SIGKILL)
    elif deed == "kill the slot":
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()  # the process ends with its agent
    elif deed == "wait":
        wait_at(1000)
    else:
        raise ValueError(deed)


main(sys.argv[1:])
