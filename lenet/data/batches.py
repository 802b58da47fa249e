"""A split of the data set on the device, and the order of an epoch: a batch is a gather there, not a call an image."""

from collections.abc import Iterator, Sequence

import mxnet as mx
import numpy as np
from mxnet import nd

from lenet.data.dataset import Split


class Batches:
    """Images and labels of a `Split`, held on `device`, with the `mean` and `std` of each channel's pixels."""

    def __init__(self, split: Split, device: mx.Context, mean: Sequence[float], std: Sequence[float]):
        self.device, self.mean, self.std = device, tuple(mean), tuple(std)
        self.images = nd.array(split.images, ctx=device, dtype="uint8")
        self.labels = nd.array(split.labels, ctx=device, dtype=split.labels.dtype)

    @property
    def draws(self) -> nd.NDArray | None:
        """Return what happens to each image in this epoch, as augmentation.draws does; None: nothing."""
        return None

    def __len__(self) -> int:
        return len(self.images)

    def buffers(self, size: int) -> tuple[nd.NDArray, nd.NDArray]:
        """Return arrays on the device for `size` images and labels."""
        images = nd.zeros((size, *self.images.shape[1:]), ctx=self.device, dtype="uint8")
        return images, nd.zeros(size, ctx=self.device, dtype=self.labels.dtype)

    def start_epoch(self, epoch: int) -> None:
        """Prepare for this epoch. Images that do not change need nothing."""

    def take(self, rows: nd.NDArray, images: nd.NDArray, labels: nd.NDArray) -> None:
        """Write the images and labels of `rows` (n,) int32 into the arrays of `buffers(n)`."""
        nd.take(self.images, rows, out=images)
        nd.take(self.labels, rows, out=labels)

    def cut(self, rows: range, size: int) -> Iterator[tuple[nd.NDArray, nd.NDArray]]:
        """Yield the images and labels of the range `rows` in slices of at most `size`."""
        for start in range(rows.start, rows.stop, size):
            stop = min(start + size, rows.stop)
            yield self.images[start:stop], self.labels[start:stop]


def epoch_order(seed: int, epoch: int, images: int) -> np.ndarray:
    """Return the order of an epoch's images, (images,) int32: a permutation that depends on seed and epoch alone.

    NumPy's compatibility policy freezes RandomState's streams, so that a resumed run gets the same order again.
    """
    return np.random.RandomState([seed, epoch]).permutation(images).astype(np.int32)
