"""Where a step's time goes, and how far each part is from what this machine can do.

    OMP_NUM_THREADS=1 mpirun -np 2 python -m tests.benchmarks.step [BATCH]

Without mpirun: one process, nothing to exchange.
BATCH is of all processes together. Each part is waited for before the next begins, so the parts add up to more than a
step of a real run, where Python runs ahead; that one is timed too. The limits: floating-point work at the rate of a
large matrix product by NumPy's BLAS, bytes at the rate of copying a large array, and the exchange as MPI_Allreduce of
the same bytes through mpi4py. All processes measure at the same time.
"""

import statistics
import sys
import time

import numpy as np

from distributed import connect
from distributed.environment import settle
from distributed.launcher import read_launch
from tests.benchmarks import measuring
from tests.benchmarks.steps import prepare, seconds_of_a_step, steps_of

STEPS, WARM_UP = 300, 20
# Multiplications and additions of one image, forward: two convolutions and three dense layers.
FORWARD = 2 * (6 * 24 * 24 * 25 + 16 * 10 * 10 * 54 + 400 * 120 + 120 * 84 + 84 * 10)
# Backward is the same again for the weights and, but for the first layer, for the inputs.
BACKWARD = 2 * FORWARD - 2 * 6 * 24 * 24 * 25
PARAMETERS = 60_170
WHOLE = "whole step, as in a run"


class Clock:
    """Adds up seconds by part of a step; what is queued on the device in a part belongs to it."""

    def __init__(self, wait):
        self.wait, self.seconds, self.steps = wait, {}, 0

    def begin(self):
        """The next step begins."""
        self.steps += 1

    def __call__(self, part):
        return Part(self, part)


class Part:
    """A block that belongs to a part of a step; a step can have several."""

    def __init__(self, clock, name):
        self.clock, self.name = clock, name

    def __enter__(self):
        self.clock.wait()
        self.began = time.perf_counter()

    def __exit__(self, *_):
        self.clock.wait()
        times = self.clock.seconds.setdefault(self.name, [])
        times += [0.0] * (self.clock.steps - len(times))
        times[-1] += time.perf_counter() - self.began


def main():
    batch = int(sys.argv[1]) if len(sys.argv) > 1 else 256
    settle()
    # Before Horovod starts: its thread is in MPI all the time, and two threads of a process there hold each other up.
    mpi = start_mpi() if read_launch() else None
    exchange = allreduce_seconds(mpi) if mpi else None
    world = connect()
    from mxnet import nd

    step = prepare(threads=world.local.cores)
    clock = Clock(nd.waitall)
    whole = seconds_of_a_step(world, world, step, batch, seconds=0.5)
    take_apart(world, step, batch, clock)
    everywhere = world.all_gather_object([clock.seconds, limits(batch / world.size / world.local.cores, exchange)])
    if world.is_root:
        parts = {**split_exchange([seconds for seconds, _ in everywhere]), WHOLE: whole}
        bounds = {name: statistics.mean(found[name] for _, found in everywhere) for name in everywhere[0][1]}
        rows = [row(part, seconds, bounds.get(part)) for part, seconds in parts.items()]
        head = ["part", "ms", "limit, ms", "times the limit"]
        measuring.publish(f"A step of {batch} in {world.size} process(es)", measuring.table(head, rows), parts, None)
    world.close()


def row(part, seconds, bound):
    if bound is None:
        return [part, f"{1000 * seconds:.2f}", "", ""]
    return [part, f"{1000 * seconds:.2f}", f"{1000 * bound:.2f}", f"{seconds / bound:.1f}"]


def split_exchange(everywhere):
    """The median seconds of each part from every rank's; `exchange` is that of the rank that came to it last.

    That one waits for nobody; the others' time beyond it is `waiting for others`.
    """
    parts = {part: np.array([seconds[part][WARM_UP:] for seconds in everywhere]) for part in everywhere[0]}
    least = parts["exchange"].min(axis=0)
    parts["waiting for others"] = parts["exchange"] - least
    parts["exchange"] = least[None]
    return {part: float(np.median(times.mean(axis=0))) for part, times in parts.items()}


def take_apart(world, step, batch, clock):
    """The parts of Step.take, each one waited for."""
    waited = {
        (step.computation, "compute"): "forward and backward, and their sum",
        (step.sum, "allreduce"): "exchange",
        (step.computation, "update"): "update",
    }
    for (owner, name), part in waited.items():
        setattr(owner, name, timed(getattr(owner, name), clock(part)))
    places = steps_of(step, batch)
    for _ in range(STEPS):
        clock.begin()
        step.take(world, *next(places), 0.001, ())


def timed(work, part):
    """`work`, each call of which belongs to `part` of a step."""

    def waited(*arguments, **named):
        with part:
            return work(*arguments, **named)

    return waited


def start_mpi():
    """mpi4py's communicator of all ranks; Horovod goes on with the MPI that is started here."""
    from mpi4py import MPI

    return MPI.COMM_WORLD


def limits(batch, exchange):
    """Seconds that each part needs at the least for `batch` images a core, by the rates while all processes work."""
    flops, rate = matrix_product_rate(), copy_rate()
    found = {
        "forward and backward, and their sum": batch * (FORWARD + BACKWARD) / flops,
        "update": PARAMETERS * 4 * 5 / rate,  # weights and momenta read and written, gradients read
    }
    found[WHOLE] = found["forward and backward, and their sum"]
    if exchange is not None:
        found["exchange"] = exchange
        found[WHOLE] += exchange
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


def allreduce_seconds(world):
    """The median of MPI_Allreduce of as many bytes as the gradients and the metrics."""
    sent = np.ones(PARAMETERS + 6, np.int64)
    received, found = np.empty_like(sent), []
    for _ in range(200):
        world.Barrier()
        began = time.perf_counter()
        world.Allreduce(sent, received)
        found.append(time.perf_counter() - began)
    return statistics.median(found)


if __name__ == "__main__":
    main()
