"""A split of the data set on the device: a batch is a gather there, not one call an image."""

from collections.abc import Iterator

import mxnet as mx
from mxnet import nd

from lenet.data.fashion_mnist import Split


class Batches:
    """Images (N, 28, 28) uint8 and labels (N,) uint8 of a `Split`, held on `device`."""

    def __init__(self, split: Split, device: mx.Context):
        self.device = device
        self.images = nd.array(split.images, ctx=device, dtype="uint8")
        self.labels = nd.array(split.labels, ctx=device, dtype="uint8")

    def __len__(self) -> int:
        return len(self.images)

    def take(self, rows: nd.NDArray, images: nd.NDArray, labels: nd.NDArray) -> None:
        """Write the images (n, 28, 28) uint8 and labels (n,) uint8 of `rows` (n,) int32 into the arrays given."""
        nd.take(self.images, rows, out=images)
        nd.take(self.labels, rows, out=labels)

    def cut(self, rows: range, size: int) -> Iterator[tuple[nd.NDArray, nd.NDArray]]:
        """The images and labels of the range `rows` in slices of at most `size`."""
        for start in range(rows.start, rows.stop, size):
            stop = min(start + size, rows.stop)
            yield self.images[start:stop], self.labels[start:stop]
