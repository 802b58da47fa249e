"""train.py --deterministic-check: does this machine give the same bits twice?"""

import hashlib
from dataclasses import replace

import numpy as np

from lenet.data.batches import Batches
from lenet.errors import TrainingError
from lenet.model import lenet5
from lenet.run.metrics_log import MetricsLog
from lenet.training import trainer
from lenet.training.step import Learner

STEPS = 30


def check(config, world, dataset, device):
    """Train STEPS steps twice from the start, write nothing, and compare every bit of weights and momenta.

    TrainingError on all ranks if the two differ, or the ranks do. Returns the exit code of the job.
    """
    config = replace(config, max_steps=STEPS, checkpoint_every=None)
    train, validation = Batches(dataset.train, device), Batches(dataset.validation, device)
    first, second = (_train(config, world, train, validation, device) for _ in range(2))
    for name in first:
        difference = np.abs(first[name] - second[name]).max()
        if any(world.all_gather(bool(first[name].tobytes() != second[name].tobytes()))):
            raise TrainingError(f"not deterministic: {name} differs by up to {difference:.3g} after {STEPS} steps")
    digests = world.all_gather(hashlib.sha256(b"".join(array.tobytes() for array in first.values())).hexdigest())
    if len(set(digests)) > 1:
        raise TrainingError(f"not deterministic: after {STEPS} steps the ranks have different weights")
    where = f"{world.size} x {device.device_type}"
    MetricsLog(config.output_dir, world.is_root).say(
        f"Deterministic: {STEPS} steps twice gave the same bits on {where}; SHA-256 {digests[0]}"
    )
    return 0


def _train(config, world, train, validation, device):
    """Weights and momenta after the steps, ndarrays by name."""
    net = lenet5.lenet5()
    lenet5.initialize(net, config.seed, device)
    if not config.debug:
        net.hybridize(static_alloc=True)
    learner = Learner(net, config, device)
    journal = MetricsLog(config.output_dir, writes=False)
    run = trainer.Run(config, world, learner, train, validation, journal, lambda run, to_disk: None, stop=False)
    trainer.train(run)
    weights = {name: weight.asnumpy() for name, weight in zip(learner.parameters, learner.weights)}
    return {**weights, **{f"the momentum of {name}": each.asnumpy() for name, each in learner.momenta.items()}}
