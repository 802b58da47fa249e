"""train.py --deterministic-check: train a few steps twice and compare every bit."""

import hashlib

import mxnet as mx
import numpy as np
from mxnet import nd

from distributed import World
from lenet.config import Config
from lenet.data.augmentation import training_batches
from lenet.data.dataset import Dataset
from lenet.data.sampler import epoch_order
from lenet.device import choose_device
from lenet.errors import InputError, TrainingError
from lenet.model.network import Network, load_network
from lenet.run.progress import Progress
from lenet.run.progress_bar import print_line
from lenet.training.fingerprint import fingerprint
from lenet.training.objective import Objective
from lenet.training.optimizer import choose_optimizer
from lenet.training.schedule import learning_rate
from lenet.training.state import TrainState
from lenet.training.step import Step

STEPS = 30


def check_determinism(config: Config, world: World, dataset: Dataset) -> int:
    """Train STEPS steps twice from the start, write nothing, and compare every bit of the parameters and slots.

    TrainingError on all ranks if the two differ, or the ranks do. Returns the exit code of the job.
    """
    device, _, kind = choose_device(config.device, world)
    network = world.on_all_ranks(lambda: load_network(config.network), InputError, "the network's code")
    world.compare({"the data": dataset.digest, "the network": network.digest, **fingerprint(config, kind)})
    first, second = (_train(config, world, dataset, network, device) for _ in range(2))
    for name in first:
        difference = np.abs(first[name] - second[name]).max()
        if any(world.all_gather_object(bool(first[name].tobytes() != second[name].tobytes()))):
            raise TrainingError(f"not deterministic: {name} differs by up to {difference:.3g} after {STEPS} steps")
    digests = world.all_gather_object(hashlib.sha256(b"".join(array.tobytes() for array in first.values())).hexdigest())
    if len(set(digests)) > 1:
        raise TrainingError(f"not deterministic: after {STEPS} steps the ranks have different weights")
    if world.is_root:
        where = f"{world.size} x {device.device_type}"
        print_line(f"Deterministic: {STEPS} steps twice gave the same bits on {where}; SHA-256 {digests[0]}")
    return 0


def _train(
    config: Config, world: World, dataset: Dataset, network: Network, device: mx.Context
) -> dict[str, np.ndarray]:
    """Parameters and the optimizer's slots after the steps, by name."""
    net = world.on_all_ranks(
        lambda: network.build(len(dataset.class_names), dataset.image_shape, config.seed, device),
        InputError,
        "the network",
    )
    data = world.on_all_ranks(lambda: training_batches(config, dataset, device), InputError, "the training images")
    state = TrainState.of(net, device, choose_optimizer(config).slots)
    objective = Objective.of(config, network, len(dataset.class_names))
    step = Step(network.training_form(net, device, config.debug), state, objective, config, data)
    progress, images = Progress(), len(data)
    while progress.step < STEPS:
        data.start_epoch(progress.epoch)
        order = nd.array(epoch_order(config.seed, progress.epoch, images), ctx=device, dtype="int32")
        while progress.images_done < images and progress.step < STEPS:
            begin, end = progress.images_done, min(progress.images_done + config.images_in_step, images)
            rate = learning_rate(config, progress, end - begin, images)
            step.read(step.take(world, order, begin, end, rate, ()))
            progress = state.progress = progress.after_step(end - begin)
            world.heartbeat(f"the gradients of step {progress.step} from all ranks")
        progress = state.progress = progress.after_epoch()
    return {**state.parameters(), **state.slot_arrays()}
