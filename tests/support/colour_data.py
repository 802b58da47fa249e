"""A small data set of 32 x 40 colour images in five classes that can be told apart by their colours and stripes."""

from pathlib import Path

import numpy as np

from tests.support import datasets

CLASSES, HEIGHT, WIDTH = 5, 32, 40


def write(folder: Path, train: int = 150, validation: int = 40) -> Path:
    """Writes the four files into the folder, which is made, and returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(5)
    arrays = (*_split(train, rng), *_split(validation, rng))
    for name, array in zip(datasets.NAMES, arrays):
        datasets.store(folder, name, datasets.pack(array))
    return folder


def _split(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 32, 40, 3) and labels (count,) uint8."""
    labels = rng.permutation(np.arange(count) % CLASSES).astype(np.uint8)
    colours = np.random.default_rng(40).integers(40, 216, (CLASSES, 1, 1, 3))
    stripes = 40 * np.sin(np.arange(WIDTH)[None, :] * (1 + np.arange(CLASSES)[:, None]) / 3)  # (classes, width)
    images = colours[labels] + stripes[labels][:, None, :, None] + rng.normal(0, 30, (count, HEIGHT, WIDTH, 3))
    return images.clip(0, 255).astype(np.uint8), labels
