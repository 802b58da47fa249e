"""Seconds of a step of train.py's own Learner and World on the real images, for several batches per process.

    [LAUNCHER] python -m tests.benchmarks.steps BATCH... [--steps N] [--network fast|plain] [--alone]

Prints RESULT {batch: median seconds of one step}; steps follow each other as in the loop, in blocks that are timed
whole. --alone leaves the exchange out. exchange.py and scaling.py start it under their launchers.
"""

import argparse
import json
import statistics
import time

import numpy as np

from distributed import World, connect

BLOCKS = 7  # timed, after one to warm up


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("batches", type=int, nargs="+")
    parser.add_argument("--seconds", type=float, default=0.4, help="of a block, about")
    parser.add_argument("--network", choices=["fast", "plain"], default="fast")
    parser.add_argument("--alone", action="store_true")
    chosen = parser.parse_args()
    world = connect()
    learner, train = prepare(chosen.network)
    partners = World() if chosen.alone else world
    found = {}
    for batch in chosen.batches:
        found[batch] = seconds_of_a_step(world, partners, learner, train, batch, chosen.seconds)
    if world.is_root:
        print(f"RESULT {json.dumps(found)}\n", end="", flush=True)
    world.close()


def prepare(network="fast"):
    """A Learner and the training images. MXNet comes in here, after the world has chosen the number of threads."""
    import mxnet as mx

    from lenet.config import read_config
    from lenet.data import fashion_mnist
    from lenet.data.batches import Batches
    from lenet.model import lenet5
    from lenet.training.step import Learner, Objective

    net = lenet5.lenet5()
    lenet5.initialize(net, 1, mx.cpu())
    net.hybridize(static_alloc=True)
    learner = Learner(net, read_config([]), mx.cpu())
    if network == "plain":
        learner.objective = Objective(net)
        learner.objective.hybridize(static_alloc=True, static_shape=True)
    return learner, Batches(fashion_mnist.load().train, mx.cpu())


def seconds_of_a_step(world, partners, learner, train, batch, seconds):
    """The median over blocks; the slowest rank's, for all begin each block together."""
    rng = np.random.RandomState(world.rank)
    steps = 5
    times = []
    for block in range(BLOCKS + 1):
        world.all_gather(None)
        began = time.perf_counter()
        unread = None
        for _ in range(steps):
            images, labels = train.take(rng.randint(0, len(train), batch).astype(np.int32))
            report = learner.step(partners, images, labels, batch * partners.size, 0.001, (False, False))
            if unread is not None:
                unread.asnumpy()
            unread = report
        unread.asnumpy()
        each = max(world.all_gather((time.perf_counter() - began) / steps))
        times += [each] if block else []
        steps = max(5, int(seconds / each))
    return statistics.median(times)


if __name__ == "__main__":
    main()
