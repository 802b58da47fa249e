"""Checkpoints as a run of 250 images in steps of 64 leaves them, of small arrays and without a run."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lenet.config import Config
from lenet.run import checkpoint
from lenet.run.checkpoint import Checkpoint
from lenet.run.progress import Progress, Totals
from lenet.run.resume import options_of

IMAGES, BATCH, STEPS_PER_EPOCH = 250, 64, 4
IDENTITY = {"seed": 1, "data": "a digest", "images": IMAGES, "shard": 16, "global_batch": BATCH, "network": "LeNet5"}
IDENTITY |= {"optimizer": "sgd"}


def make(step: int) -> Checkpoint:
    """The checkpoint after `step` steps; another step has other arrays."""
    epoch, steps = divmod(step, STEPS_PER_EPOCH)
    random = np.random.default_rng(step)
    shapes = {"0.weight": (6, 1, 5, 5), "0.bias": (6,)}
    weights, momenta = (
        {name: random.standard_normal(shape, np.float32) for name, shape in shapes.items()} for _ in range(2)
    )
    slots = {f"momentum:{name}": momentum for name, momentum in momenta.items()}
    images_done = steps * BATCH
    totals = Totals(loss=1.5 * images_done, correct=images_done // 3, images=images_done)
    return Checkpoint(weights, slots, Progress(epoch, images_done, step), totals, IDENTITY, options_of(Config()))


def write(output_dir: Path, steps: Sequence[int] = (3, 4, 5)) -> Path:
    """Save the checkpoints of these steps in `output_dir`, which is made, and return it."""
    output_dir.mkdir(parents=True, exist_ok=True)
    for step in steps:
        checkpoint.save(output_dir, make(step), keep=len(steps))
    return output_dir
