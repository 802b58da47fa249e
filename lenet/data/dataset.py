"""A data set in memory: two splits of images with their classes, and the facts that a network depends on."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHUNK = 1 << 22  # pixels at a time


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their classes. Images of one channel have no axis for it."""

    images: np.ndarray  # (n, height, width) or (n, height, width, channels) uint8
    labels: np.ndarray  # (n,) uint8 or int32, indices into the class names

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (channels, height, width) of the network's input."""
        height, width, *channels = self.images.shape[1:]
        return (channels[0] if channels else 1, height, width)


@dataclass(frozen=True, eq=False)
class Dataset:
    """The two splits and their origin.

    `digest` is the SHA-256 over the SHA-256 of each of the four files (unzipped; as hex text, in the order of
    fashion_mnist.FILES, nothing between), so it does not depend on how the files are zipped.
    """

    train: Split
    validation: Split
    folder: Path
    digest: str
    name: str  # "Fashion-MNIST", or "data set in FOLDER" where a file is not the original
    class_names: tuple[str, ...]
    pixel_mean: tuple[float, ...]  # of each channel, of pixels from 0 to 1
    pixel_std: tuple[float, ...]

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Return (channels, height, width) of every image."""
        return self.train.image_shape


def pixel_statistics(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of each channel of images (n, H, W) or (n, H, W, C) uint8, divided by 255.

    They are exact sums of integers, rounded to 6 digits at the end: equal on every machine. A channel with a single
    value has the deviation 1.
    """
    channels = images.shape[3] if images.ndim == 4 else 1
    pixels = images.reshape(-1, channels)
    counts = [_histogram(pixels[:, channel]) for channel in range(channels)]
    means, deviations = zip(*(_mean_and_deviation(each) for each in counts))
    return means, deviations


def _histogram(values: np.ndarray) -> list[int]:
    """Count each of 0 to 255 in `values` (n,), in chunks: NumPy copies each value to 8 bytes."""
    total = np.zeros(256, np.int64)
    for begin in range(0, len(values), CHUNK):
        total += np.bincount(values[begin : begin + CHUNK], minlength=256)
    return total.tolist()


def _mean_and_deviation(counts: list[int]) -> tuple[float, float]:
    number = sum(counts)
    total = sum(value * count for value, count in enumerate(counts))
    squares = sum(value * value * count for value, count in enumerate(counts))
    variance = (number * squares - total * total) / number**2  # the difference of integers is exact
    deviation = variance**0.5 / 255
    return float(f"{total / number / 255:.6g}"), float(f"{deviation:.6g}") if deviation else 1.0
