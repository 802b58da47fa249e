"""Where a step's time goes, and how far each part is from what this machine can do.

    mpirun -np 2 python -m tests.benchmarks.step [BATCH]        (or without mpirun: one process, nothing to exchange)

BATCH is per process. Each part is waited for before the next begins, so the parts add up to more than a step of a real
run, where Python runs ahead; that one is timed too. The limits: floating-point work at the rate of a large matrix
product by NumPy's BLAS, bytes at the rate of copying a large array, and the exchange as MPI_Allreduce of the same
bytes through mpi4py. All processes measure at the same time.
"""

import statistics
import sys
import time
from contextlib import contextmanager

import numpy as np

from distributed import connect
from tests.benchmarks import measuring
from tests.benchmarks.steps import prepare, seconds_of_a_step

STEPS, WARM_UP = 300, 20
PIXELS = 28 * 28
# Multiplications and additions of one image, forward: two convolutions and three dense layers.
FORWARD = 2 * (6 * 24 * 24 * 25 + 16 * 10 * 10 * 54 + 400 * 120 + 120 * 84 + 84 * 10)
# Backward is the same again for the weights and, but for the first layer, for the inputs.
BACKWARD = 2 * FORWARD - 2 * 6 * 24 * 24 * 25
PARAMETERS = 60_170


class Clock:
    """Adds up seconds by part; what is queued on the device in a part belongs to it."""

    def __init__(self, wait):
        self.wait, self.seconds = wait, {}

    @contextmanager
    def __call__(self, part):
        began = time.perf_counter()
        yield
        self.wait()
        self.seconds.setdefault(part, []).append(time.perf_counter() - began)

    def medians(self):
        return {part: statistics.median(times[WARM_UP:]) for part, times in self.seconds.items()}


def main():
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    world = connect()
    from mxnet import nd

    learner, train = prepare()
    clock = Clock(nd.waitall)
    measured = {"whole step, as in a run": seconds_of_a_step(world, world, learner, train, batch, seconds=0.5)}
    take_apart(world, learner, train, batch, clock)
    measured = {**clock.medians(), **measured}
    everywhere = world.gather([measured, limits(world, batch)])
    if world.is_root:
        parts, bounds = [
            {name: statistics.mean(each[place][name] for each in everywhere) for name in everywhere[0][place]}
            for place in (0, 1)
        ]
        rows = [row(part, seconds, bounds.get(part)) for part, seconds in parts.items()]
        head = ["part", "ms", "limit, ms", "times the limit"]
        measuring.publish(f"A step of {batch} in {world.size} process(es)", measuring.table(head, rows), parts, None)
    world.close()


def row(part, seconds, bound):
    if bound is None:
        return [part, f"{1000 * seconds:.2f}", "", ""]
    return [part, f"{1000 * seconds:.2f}", f"{1000 * bound:.2f}", f"{seconds / bound:.1f}"]


def take_apart(world, learner, train, batch, clock):
    """The lines of Learner.step, each one waited for."""
    from mxnet import autograd, nd

    barrier = barrier_of(world)
    rng = np.random.RandomState(world.rank)
    for _ in range(STEPS):
        with clock("data"):
            images, labels = train.take(rng.randint(0, len(train), batch).astype(np.int32))
        with clock("forward and loss"), autograd.record():
            known = nd.array([1 / batch / world.size, batch, 0, 0])
            part, report = learner.objective(images, labels, known)
        with clock("backward"):
            part.backward()
        with clock("waiting for others"):
            barrier()
        with clock("exchange"):
            world.sum_gradients(learner.gradients, report)
        with clock("update"):
            learner.update(list(range(len(learner.weights))), learner.gradients, learner.weights)


def barrier_of(world):
    """A function that returns once all ranks have called it."""
    return communicator().Barrier if world.size > 1 else lambda: None


def communicator():
    """mpi4py's, over the MPI that Horovod has started."""
    import mpi4py

    mpi4py.rc.initialize = mpi4py.rc.finalize = False
    from mpi4py import MPI

    if not MPI.Is_initialized():
        raise SystemExit("error: start this with mpirun; Horovod runs without MPI here")
    return MPI.COMM_WORLD


def limits(world, batch):
    """Seconds that each part needs at the least, by this machine's rates while all processes work."""
    flops, rate = matrix_product_rate(), copy_rate()
    found = {
        "data": batch * PIXELS * 2 / rate,  # read and written
        "forward and loss": batch * FORWARD / flops,
        "backward": batch * BACKWARD / flops,
        "update": PARAMETERS * 4 * 5 / rate,  # weights and momenta read and written, gradients read
    }
    found["whole step, as in a run"] = found["forward and loss"] + found["backward"]
    if world.size > 1:
        found["exchange"] = allreduce_seconds()
        found["whole step, as in a run"] += found["exchange"]
    return found


def best(work, times=20):
    """The least seconds that `work()` took."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        found.append(time.perf_counter() - began)
    return min(found)


def matrix_product_rate(size=1024):
    """Floating-point operations per second."""
    a = np.ones((size, size), np.float32)
    return 2 * size**3 / best(lambda: a @ a)


def copy_rate(size=2**26):
    """Bytes per second, read and written counted."""
    source, target = np.ones(size, np.uint8), np.empty(size, np.uint8)
    return 2 * size / best(lambda: np.copyto(target, source))


def allreduce_seconds():
    """The median of MPI_Allreduce of as many bytes as the gradients and the report."""
    world, sent = communicator(), np.ones(PARAMETERS + 5, np.float32)
    received, found = np.empty_like(sent), []
    for _ in range(200):
        world.Barrier()
        began = time.perf_counter()
        world.Allreduce(sent, received)
        found.append(time.perf_counter() - began)
    return statistics.median(found)


if __name__ == "__main__":
    main()
