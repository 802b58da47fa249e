"""Seconds of a step of train.py's own Step and World on the real images, for several global batches.

    [LAUNCHER] python -m tests.benchmarks.steps BATCH... [--exchange exact|float32|float16] [--shard N] [--alone]

BATCH is of all processes together. Prints RESULT {batch: median seconds of one step}; steps follow each other as in
the loop, in blocks that are timed whole. --alone leaves the exchange out: each process keeps its gradients.
exchange.py, exactness.py, scaling.py and threads.py start it under their launchers.
"""

import argparse
import json
import statistics
import time

from distributed import World, connect

BLOCKS = 7  # timed, after one to warm up


class Alone(World):
    """The world as another one sees it, whose collectives are the identity all the same."""

    def __init__(self, world):
        super().__init__()
        self.rank, self.size = world.rank, world.size


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("batches", type=int, nargs="+")
    parser.add_argument("--seconds", type=float, default=0.4, help="of a block, about")
    parser.add_argument("--exchange", default="exact")
    parser.add_argument("--shard", type=int, default=64)
    parser.add_argument("--alone", action="store_true")
    chosen = parser.parse_args()
    world = connect()
    step = prepare(world.local.cores, exchange=chosen.exchange, shard=chosen.shard)
    partners = Alone(world) if chosen.alone else world
    found = {batch: seconds_of_a_step(world, partners, step, batch, chosen.seconds) for batch in chosen.batches}
    if world.is_root:
        print(f"RESULT {json.dumps(found)}\n", end="", flush=True)
    world.close()


def prepare(threads=1, **options):
    """A Step on the training images, computed in `threads`. MXNet is imported here, once its settings are made."""
    import mxnet as mx

    from lenet.config import Config
    from lenet.data import fashion_mnist
    from lenet.data.batches import Batches
    from lenet.model.network import load_network
    from lenet.training.objective import Objective
    from lenet.training.state import TrainState
    from lenet.training.step import Step

    dataset = fashion_mnist.load()
    network = load_network("lenet5")
    net = network.build(len(dataset.class_names), dataset.image_shape, 1, mx.cpu())
    data = Batches(dataset.train, mx.cpu(), dataset.pixel_mean, dataset.pixel_std)
    state = TrainState.of(net, mx.cpu(), ("momentum",))
    return Step(net, state, Objective(len(dataset.class_names)), Config(**options), data, threads)


def steps_of(step, batch):
    """(order, begin, end) of one full step after the other, over the epochs."""
    import mxnet as mx

    from lenet.data.batches import epoch_order

    images, epoch = len(step.data), 0
    while True:
        order = mx.nd.array(epoch_order(1, epoch, images), dtype="int32")
        for begin in range(0, images - batch + 1, batch):
            yield order, begin, begin + batch
        epoch += 1


def seconds_of_a_step(world, partners, step, batch, seconds):
    """The median over blocks; the slowest rank's, for all begin each block together."""
    places = steps_of(step, batch)
    count = 5
    times = []
    for block in range(BLOCKS + 1):
        world.barrier()
        began = time.perf_counter()
        unread = None
        for _ in range(count):
            metrics = step.take(partners, *next(places), 0.001, (False, False))
            if unread is not None:
                step.read(unread)
            unread = metrics
        step.read(unread)
        each = max(world.all_gather_object((time.perf_counter() - began) / count))
        times += [each] if block else []
        count = max(5, int(seconds / each))
    return statistics.median(times)


if __name__ == "__main__":
    main()
