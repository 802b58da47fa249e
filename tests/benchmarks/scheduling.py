"""What binding and yielding give, within one run: the same job changes its scheduling every 40 steps.

    horovodrun -np 2 python -m tests.benchmarks.scheduling [OPTIONS of train.py]      also with --gloo, mpirun, -np 4

The ways follow each other, there and back, so that what else the machine does falls on all alike. Prints
milliseconds a step for each way, from rank 0.
"""

import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict

from distributed import affinity, connect
from lenet.config import read_config
from lenet.data import fashion_mnist

STEPS = 40  # that a way lasts
WAYS = [(False, False), (True, False), (False, True), (True, True)]  # (Horovod's thread gives way, ranks are bound)


def main():
    started = []
    world = connect_unscheduled(started)
    from lenet.training.trainer import Trainer  # it imports MXNet, whose threads are settled now

    with tempfile.TemporaryDirectory() as folder:
        folder = world.broadcast_object(folder)  # rank 0's
        options = ["--epochs", "6", "--no-tensorboard", "--output-dir", folder, *sys.argv[1:]]
        config = read_config(options, world.size)
        with Trainer(config, fashion_mnist.load(config.data_dir), world) as trainer:
            trainer.restore()
            times = alternate(trainer, world, started)
            trainer.fit()
    if world.is_root:
        for (gives_way, is_bound), found in sorted(times.items()):
            print(f"gives way {gives_way!s:5}  bound {is_bound!s:5}  median {statistics.median(found):.2f} ms a step")
    world.close()


def connect_unscheduled(started):
    """The world, whose scheduling is left as it was; Horovod's threads are added to `started`."""
    from distributed.horovod_world import HorovodWorld

    HorovodWorld._schedule = lambda self, threads: started.extend(threads)
    return connect()


def alternate(trainer, world, started):
    """Make the trainer change its way as it steps. Returns what will be the times by way, milliseconds a step."""
    import horovod.mxnet as hvd
    import mxnet as mx

    thread = started[0 if hvd.mpi_enabled() else -1]
    every = sorted(os.sched_getaffinity(0))
    own = affinity.cores_of(world.local_rank, [every] * world.local_size) or every
    times, begin_step = defaultdict(list), trainer._launch_step
    steps = way = began = None

    def switch(number):
        nonlocal way
        way = WAYS[number % 4 if number // 4 % 2 else 3 - number % 4]
        os.sched_setscheduler(thread, os.SCHED_IDLE if way[0] else os.SCHED_OTHER, os.sched_param(0))
        affinity.bind(own if way[1] else every)

    def step(order):
        nonlocal steps, began
        is_new_epoch = trainer.state.progress.images_done == 0
        if is_new_epoch or steps % STEPS == 0:  # an evaluation before it is not a step
            mx.nd.waitall()
            if not is_new_epoch:
                times[way].append((time.monotonic() - began) / STEPS * 1e3)
            steps = 0 if is_new_epoch else steps
            switch(len(times) and sum(map(len, times.values())))
            began = time.monotonic()
        steps += 1
        return begin_step(order)

    trainer._launch_step = step
    return times


if __name__ == "__main__":
    main()
