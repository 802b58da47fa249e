"""train.py in an elastic job, whose steps wait at gates and which does itself harm, as a test wants it.

TEST_GATES is a folder. Before each step a rank writes a line into rows-HOST: [rank, epoch, images done, steps done, as the
step will leave them]. Where the file `gate-STEP` is, the ranks wait until it is gone; if it says `follow`, rank 0 takes it
away as soon as it has heard that the hosts change.
TEST_HARM is JSON: a list of [moment, host, deed]. The harm is done on that host, to the first process that comes to the
moment while the file `lost` is there (`options`, `step 33`: without it).
"""

import json
import os
import runpy
import sys
import time
from pathlib import Path

from horovod.common import basics

from distributed import environment

environment.settle()

from distributed import horovod_world
from distributed.elastic.world import ElasticWorld

GATES, HOST = Path(os.environ["TEST_GATES"]), os.environ["HOROVOD_HOSTNAME"]
MOMENTS = {
    "start": (basics.HorovodBasics, "init"),
    "failure detector": (horovod_world, "FailureDetector"),
    "set-up": (ElasticWorld, "compare"),
}


def main(options):
    ElasticWorld.keep_every = 20
    begin_step = ElasticWorld.begin_step

    def begin_step_at_gate(world, epoch, images_done, step):
        wait_at(step - 1, world)
        with open(GATES / f"rows-{HOST}", "a") as file:
            print(json.dumps([world.rank, epoch, images_done, step]), file=file)
        for _, _, deed in harms(f"step {step}"):
            do(deed)
        begin_step(world, epoch, images_done, step)

    ElasticWorld.begin_step = begin_step_at_gate
    for moment, (owner, name) in MOMENTS.items():
        setattr(owner, name, harmed(moment, getattr(owner, name)))
    for _, _, deed in harms("options"):
        options = [*options, *deed.split()]
    sys.argv = ["train.py", *options]
    runpy.run_path("train.py", run_name="__main__")


def wait_at(step, world=None):
    gate = GATES / f"gate-{step}"
    while gate.exists():
        if world and world.is_root and world.wants_resize and gate.read_text() == "follow":
            gate.unlink(missing_ok=True)
        (GATES / f"at-{step}-{os.getpid()}").touch()
        time.sleep(0.01)


def harms(moment):
    """What is to be done on this host at a moment."""
    return [harm for harm in json.loads(os.environ.get("TEST_HARM", "[]")) if harm[:2] == [moment, HOST]]


def harmed(moment, work):
    def do_harm_before(*arguments, **more):
        for _, _, deed in harms(moment) if (GATES / "lost").exists() else ():
            do(deed)
        return work(*arguments, **more)

    return do_harm_before


def do(deed):
    if deed == "kill the process":
        os.kill(os.getpid(), 9)
    elif deed == "kill the slot":
        os.kill(os.getppid(), 9)
        time.sleep(60)  # it ends with its agent
    elif deed == "wait":
        wait_at(1000)
    else:
        raise ValueError(deed)


main(sys.argv[1:])
