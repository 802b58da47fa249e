"""What it costs that all ranks agree on a stop, are watched and hear of each step's loss.

    python tests/benchmarks/stop_cost.py [--rounds 30]        in one process
    mpirun -np 2 python tests/benchmarks/stop_cost.py         in two

The loop of train.py takes blocks of steps in turn with and without the reading of each step's metrics. (The metrics
travel with the gradients either way: six numbers more in a vector of 60,170.) The median of the ratios of neighbouring
blocks is what counts.
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
from lenet.config import Config  # noqa: E402
from lenet.data import fashion_mnist  # noqa: E402
from tests.support import datasets  # noqa: E402

STEPS = 40  # of a block


def main(world):
    """Measure in `world`; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--global-batch", type=int, default=256)
    options = parser.parse_args()

    import mxnet as mx

    from lenet.run.progress import Progress, Totals
    from lenet.training.trainer import Trainer

    with tempfile.TemporaryDirectory() as folder:
        data = fashion_mnist.load(datasets.write(folder, train=STEPS * options.global_batch, validation=10))
        config = Config(global_batch=options.global_batch, output_dir=f"{folder}/run")
        trainer = Trainer(config, data, world)
        reading, silent = trainer._finish_step, lambda pending: None
        seconds = {reading: [], silent: []}
        for number in range(options.rounds + 1):
            for way in (reading, silent) if number % 2 else (silent, reading):
                trainer._finish_step = way
                trainer.state.progress, trainer.state.totals = Progress(), Totals()
                world.barrier()
                began = time.perf_counter(), time.process_time()
                trainer._take_steps()
                mx.nd.waitall()
                seconds[way].append((time.perf_counter() - began[0], time.process_time() - began[1]))
    if world.is_root:
        print(f"{world.size} process(es), {options.global_batch} images a step; what the reading of the metrics adds:")
        for place, what in enumerate(("time", "processor time")):
            tell(what, *([each[place] for each in seconds[way][1:]] for way in (silent, reading)))
        tell_agreement(world)
    return 0


def tell(what, without, with_it):
    low, middle, high = statistics.quantiles([100 * (b / a - 1) for a, b in zip(without, with_it)], n=4)
    step = 1000 * statistics.median(without) / STEPS
    print(
        f"{what}: {middle:+.2f} % of {step:.2f} ms a step (median of {len(without)}; quartiles {low:+.2f}, {high:+.2f})"
    )


def tell_agreement(world):
    """The part that is only there for stopping and watching: it is too small to be seen in whole steps."""
    from lenet.training.signals import stop_request

    times = 10_000
    each = lambda: (bool(stop_request), world.committed.hosts_updated, world.monitor.heartbeat(f"step {times}"))  # noqa: E731
    print(f"asking for a stop and telling the watchdog: {1e6 / times * timeit(each, number=times):.1f} µs a step")


if __name__ == "__main__":
    sys.exit(run_job(main))
