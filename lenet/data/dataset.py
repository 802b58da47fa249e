"""What a data set is in memory: two splits of images with their classes, and what a network must know of them."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their classes. Images of one channel have no axis for it."""

    images: np.ndarray  # (n, height, width) or (n, height, width, channels) uint8
    labels: np.ndarray  # (n,) uint8 or int32, indices into the class names

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(channels, height, width), as a network takes an image."""
        height, width, *channels = self.images.shape[1:]
        return (channels[0] if channels else 1, height, width)


@dataclass(frozen=True, eq=False)
class Dataset:
    """The two splits, and where they are from.

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
        """(channels, height, width) of every image."""
        return self.train.image_shape
