"""A split of the data set on the device: a batch is a gather there, not one call an image."""

from mxnet import nd


class Batches:
    """Images (N, 28, 28) uint8 and labels (N,) of a `Split`, held on `device`."""

    def __init__(self, split, device):
        self.device = device
        self.images = nd.array(split.images, ctx=device, dtype="uint8")
        self.labels = nd.array(split.labels, ctx=device, dtype="uint8")

    def __len__(self):
        return len(self.images)

    def take(self, rows):
        """The images (n, 28, 28) uint8 and labels (n,) uint8 of `rows`, (n,) int32; none for no rows."""
        if not len(rows):
            return (), ()
        rows = nd.array(rows, ctx=self.device, dtype="int32")
        return nd.take(self.images, rows), nd.take(self.labels, rows)

    def cut(self, rows, size):
        """The images and labels of the range `rows` in slices of at most `size`."""
        for start in range(rows.start, rows.stop, size):
            stop = min(start + size, rows.stop)
            yield self.images[start:stop], self.labels[start:stop]
