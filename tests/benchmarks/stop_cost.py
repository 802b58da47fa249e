"""What it costs that all ranks agree on a stop, are watched and hear of each step's loss.

    python tests/benchmarks/stop_cost.py [--rounds 30]        in one process
    horovodrun -np 2 python tests/benchmarks/stop_cost.py     in two, as with mpirun

The loop of train.py takes blocks of steps in turn with and without all of that: without, no report travels with the
gradients and none is read. The median of the ratios of neighbouring blocks is what counts.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from timeit import timeit

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from distributed import run_job  # noqa: E402
from tests.support import datasets  # noqa: E402

STEPS = 40  # of a block


def main(world):
    """Measure in `world`; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=64)
    options = parser.parse_args()

    import mxnet as mx

    from lenet.training import trainer

    run = _run(world, options.batch_size)
    world.watch(60)
    reported = trainer._read, world.sum_gradients
    silent = lambda *report: None, lambda gradients, report, fp16: reported[1](gradients[:-1], gradients[-1], fp16)
    seconds = {reported: [], silent: []}
    for number in range(options.rounds + 1):
        for way in (reported, silent) if number % 2 else (silent, reported):
            trainer._read, world.sum_gradients = way
            run.progress, run.totals = type(run.progress)(), type(run.totals)()
            world.all_gather("ready")
            began = time.perf_counter(), time.process_time()
            trainer.train_epoch(run)
            mx.nd.waitall()
            seconds[way].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    if world.is_root:
        print(f"{world.size} processes, {options.batch_size} images each; what the report and its reading add:")
        _tell_agreement(run)
        _tell("time", [each[0] for each in seconds[silent][1:]], [each[0] for each in seconds[reported][1:]])
        _tell("processor time", [each[1] for each in seconds[silent][1:]], [each[1] for each in seconds[reported][1:]])
    return 0


def _tell_agreement(run):
    """The part that is only there for stopping and watching: it is too small to be seen in whole steps."""
    times, world = 10_000, run.world
    micro = (
        1e6
        / times
        * timeit(lambda: (bool(run.stop), world.wants_resize, world.heartbeat(f"step {times}")), number=times)
    )
    print(f"asking for a stop and telling the watchdog: {micro:.1f} µs a step, and two numbers more in the report")


def _tell(what, without, with_it):
    low, middle, high = statistics.quantiles([100 * (b / a - 1) for a, b in zip(without, with_it)], n=4)
    step = 1000 * statistics.median(without) / STEPS
    print(
        f"{what}: {middle:+.2f} % of {step:.2f} ms a step (median of {len(without)}; quartiles {low:+.2f}, {high:+.2f})"
    )


def _run(world, batch_size):
    """A run whose epochs are one block of steps, on random images."""
    import mxnet as mx

    from lenet.config import Config
    from lenet.data import fashion_mnist
    from lenet.data.batches import Batches
    from lenet.model import lenet5
    from lenet.run.metrics_log import MetricsLog
    from lenet.training import trainer
    from lenet.training.signals import stop_request
    from lenet.training.step import Learner

    with tempfile.TemporaryDirectory() as folder:
        images = fashion_mnist.load(datasets.write(folder, train=STEPS * batch_size * world.size, validation=10)).train
        journal = MetricsLog(folder, writes=False)
    config = Config(batch_size=batch_size, log_every=50)
    net = lenet5.lenet5()
    lenet5.initialize(net, config.seed, mx.cpu())
    net.hybridize(static_alloc=True)
    batches = Batches(images, mx.cpu())
    stop_request.listen()
    return trainer.Run(config, world, Learner(net, config, mx.cpu()), batches, batches, journal, None, stop_request)


if __name__ == "__main__":
    sys.exit(run_job(main, ()))
