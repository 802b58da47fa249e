"""Training images that are mirrored and shifted at random, by seed, epoch and image alone."""

import math
from collections.abc import Sequence

import mxnet as mx
import numpy as np
from mxnet import nd

from lenet.config import Config
from lenet.data.batches import Batches
from lenet.data.dataset import Dataset, Split
from lenet.data.idx import MAX_VALUES
from lenet.errors import InputError

FLIP, DOWN, RIGHT = 1, 2, 3  # a stream of random numbers each, none of them that of an epoch's order


def draws(seed: int, epoch: int, images: int, flip: bool, shift: int) -> np.ndarray:
    """Draw each image's change in an epoch: (3, images) int32, mirrored (0 or 1), pixels down, pixels right.

    They depend on the seed, the epoch and the image's number, not on its place in the order or the number of
    images.
    """
    limits = {FLIP: (0, 2 if flip else 1), DOWN: (-shift, shift + 1), RIGHT: (-shift, shift + 1)}
    streams = (np.random.RandomState([seed, epoch, each]).randint(*limits[each], images) for each in limits)
    return np.stack(list(streams)).astype(np.int32)


class AugmentedBatches(Batches):
    """Batches whose images are mirrored left to right with probability 1/2 (`flip`) and moved by up to `shift` pixels.

    Pixels from outside are black. A batch is one gather of pixels, from images with black edges.
    """

    def __init__(
        self, split: Split, device: mx.Context, mean: Sequence[float], std: Sequence[float], config: Config
    ) -> None:
        """Use the config's seed. InputError: its shift is too large for the images."""
        super().__init__(split, device, mean, std)
        self.seed, self.flip, self.shift = config.seed, config.flip, config.shift
        number, height, width, *channels = split.images.shape
        if self.shift >= min(height, width):
            raise InputError(f"--shift {self.shift}: nothing of an image of {height} x {width} pixels could be left")
        self.height, self.width = height + 2 * self.shift, width + 2 * self.shift
        if math.prod((number, self.height, self.width, *channels)) > MAX_VALUES:
            raise InputError(f"--shift {self.shift}: images with so wide edges have more pixels than MXNet can count")
        edges = ((0, 0), (self.shift, self.shift), (self.shift, self.shift), (0, 0))
        padded = np.pad(split.images, edges[: split.images.ndim]).reshape(-1, *channels)
        self.pixels = nd.array(padded, ctx=device, dtype="uint8")  # (N * height * width,) or (N * height * width, C)
        self.rows = nd.arange(height, ctx=device, dtype="int32").reshape((1, -1, 1))
        self.columns = nd.arange(width, ctx=device, dtype="int32").reshape((1, 1, -1))

    @property
    def draws(self) -> nd.NDArray:
        """Return what happens to each image in this epoch, as the function `draws` does."""
        return self._draws

    def start_epoch(self, epoch: int) -> None:
        """Draw the changes of the images for this epoch."""
        table = draws(self.seed, epoch, len(self), self.flip, self.shift)
        self._draws = nd.array(table, ctx=self.device, dtype="int32")  # (3, N)

    def take(self, rows: nd.NDArray, images: nd.NDArray, labels: nd.NDArray) -> None:
        """Write images and labels as Batches.take does, with this epoch's changes."""
        mirrored, down, right = nd.take(self._draws, rows, axis=1).reshape((3, -1, 1, 1))  # (n, 1, 1) each
        row = nd.broadcast_sub(self.rows + self.shift, down)  # (n, H, 1): where a pixel comes from
        column = nd.broadcast_sub(self.columns + self.shift, right)  # (n, 1, W)
        column = nd.broadcast_add(column, nd.broadcast_mul(mirrored, (self.width - 1) - 2 * column))
        row = nd.broadcast_add(row, rows.reshape((-1, 1, 1)) * self.height) * self.width
        nd.take(self.pixels, nd.broadcast_add(row, column), out=images)
        nd.take(self.labels, rows, out=labels)


def training_batches(config: Config, dataset: Dataset, device: mx.Context) -> Batches:
    """Return the training images of `config`, with or without random changes. InputError: the shift is too large."""
    plain = dataset.train, device, dataset.pixel_mean, dataset.pixel_std
    return AugmentedBatches(*plain, config) if config.flip or config.shift else Batches(*plain)
