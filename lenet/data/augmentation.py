"""Training images that are mirrored and moved at random, drawn from the seed, the epoch and the image alone."""

import math

import mxnet as mx
import numpy as np
from mxnet import nd

from lenet.data.batches import Batches
from lenet.data.dataset import Split
from lenet.data.idx import MAX_VALUES
from lenet.errors import InputError

FLIP, DOWN, RIGHT = 1, 2, 3  # a stream of random numbers each, none of them that of an epoch's order


def draws(seed: int, epoch: int, images: int, flip: bool, shift: int) -> np.ndarray:
    """What happens to each image in an epoch: (3, images) int32, mirrored (0 or 1), pixels down, pixels right.

    A pure function of the seed, the epoch and the image's number: not of its place in the order, nor of how many
    images there are.
    """
    limits = {FLIP: (0, 2 if flip else 1), DOWN: (-shift, shift + 1), RIGHT: (-shift, shift + 1)}
    streams = (np.random.RandomState([seed, epoch, each]).randint(*limits[each], images) for each in limits)
    return np.stack(list(streams)).astype(np.int32)


class AugmentedBatches(Batches):
    """Batches whose images are mirrored left to right with `flip`, half of them, and moved by up to `shift` pixels.

    What is moved in from outside is black. A batch is one gather of pixels, from images with black edges. InputError:
    they have more pixels than MXNet can count.
    """

    def __init__(self, split: Split, device: mx.Context, seed: int, flip: bool, shift: int):
        super().__init__(split, device)
        self.seed, self.flip, self.shift = seed, flip, shift
        number, *shape = split.images.shape
        self.height, self.width = shape[0] + 2 * shift, shape[1] + 2 * shift
        if number * self.height * self.width * math.prod(shape[2:]) > MAX_VALUES:
            raise InputError(f"--shift {shift}: the images with so wide edges have too many pixels for MXNet")
        edges = ((0, 0), (shift, shift), (shift, shift), (0, 0))[: split.images.ndim]
        padded = np.pad(split.images, edges).reshape(-1, *shape[2:])
        self.pixels = nd.array(padded, ctx=device, dtype="uint8")  # (N * height * width,) or (N * height * width, C)
        self.rows = nd.arange(shape[0], ctx=device, dtype="int32").reshape((1, -1, 1))
        self.columns = nd.arange(shape[1], ctx=device, dtype="int32").reshape((1, 1, -1))

    def start_epoch(self, epoch: int) -> None:
        """Draw what happens to the images of this epoch."""
        table = draws(self.seed, epoch, len(self), self.flip, self.shift)
        self.draws = [nd.array(each.reshape(-1, 1, 1), ctx=self.device, dtype="int32") for each in table]  # (N, 1, 1)

    def take(self, rows: nd.NDArray, images: nd.NDArray, labels: nd.NDArray) -> None:
        """As Batches.take, the images changed as this epoch has drawn."""
        mirrored, down, right = (nd.take(each, rows) for each in self.draws)  # (n, 1, 1) each
        row = nd.broadcast_sub(self.rows + self.shift, down)  # (n, H, 1): where a pixel comes from
        column = nd.broadcast_sub(self.columns + self.shift, right)  # (n, 1, W)
        column = nd.broadcast_add(column, nd.broadcast_mul(mirrored, (self.width - 1) - 2 * column))
        row = nd.broadcast_add(row, rows.reshape((-1, 1, 1)) * self.height) * self.width
        nd.take(self.pixels, nd.broadcast_add(row, column), out=images)
        nd.take(self.labels, rows, out=labels)
