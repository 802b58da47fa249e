"""train.py --deterministic-check: train a few steps twice and compare every bit."""

import hashlib
import io
import tempfile
from contextlib import redirect_stdout
from dataclasses import replace

import numpy as np

from distributed import World
from lenet.config import Config
from lenet.data.dataset import Dataset
from lenet.errors import TrainingError
from lenet.run.progress_bar import print_line
from lenet.training.state import TrainState
from lenet.training.trainer import Trainer

STEPS = 30


def check_determinism(config: Config, world: World, dataset: Dataset) -> int:
    """Train STEPS steps twice from the start and compare every bit of parameters and slots. Returns the exit code.

    Nothing is written outside of temporary folders. TrainingError on all ranks: the two differ, or the ranks do.
    """
    epochs = max(config.epochs, -(-STEPS * config.global_batch // len(dataset.train)))
    config = replace(config, epochs=epochs, max_steps=STEPS, resume="never", tensorboard=False, profile=None)
    with tempfile.TemporaryDirectory() as own:
        folder = world.broadcast_object(own)
        runs = (replace(config, output_dir=f"{folder}/{name}") for name in ("first", "second"))
        trainers = [_train(run, dataset, world) for run in runs]
    first, second = (_arrays(each.state) for each in trainers)
    for name in first:
        difference = np.abs(first[name] - second[name]).max()
        if any(world.all_gather_object(bool(first[name].tobytes() != second[name].tobytes()))):
            raise TrainingError(f"not deterministic: {name} differs by up to {difference:.3g} after {STEPS} steps")
    digests = world.all_gather_object(hashlib.sha256(b"".join(array.tobytes() for array in first.values())).hexdigest())
    if len(set(digests)) > 1:
        raise TrainingError(f"not deterministic: after {STEPS} steps the ranks have different weights")
    if world.is_root:
        where = f"{world.size} x {trainers[0].device.device_type}"
        print_line(f"Deterministic: {STEPS} steps twice gave the same bits on {where}; SHA-256 {digests[0]}")
    return 0


def _train(config: Config, dataset: Dataset, world: World) -> Trainer:
    """Return a Trainer after the steps. The lines of its run are not printed."""
    with redirect_stdout(io.StringIO()), Trainer(config, dataset, world) as trainer:
        trainer.restore()
        trainer.train()
    return trainer


def _arrays(state: TrainState) -> dict[str, np.ndarray]:
    """Return the parameters and the optimizer's slots by name."""
    return {**state.parameters(), **state.slot_arrays()}
