"""Small data sets in the real format for the tests, sound ones that can be learned and broken ones."""

import gzip
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lenet.data.fashion_mnist import CLASS_NAMES

NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def write(folder: str | Path, train: int = 600, validation: int = 100, seed: int = 0, gz: bool = True) -> Path:
    """Writes the four files and the names of Fashion-MNIST's classes into the folder and returns it.

    The classes look the same whatever the seed.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    arrays = (*make_split(train, rng), *make_split(validation, rng))
    for name, array in zip(NAMES, arrays):
        store(folder, name, pack(array), gz)
    (folder / "classes.txt").write_text("".join(f"{name}\n" for name in CLASS_NAMES))
    return folder


def make_split(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Images (count, 28, 28), each the pattern of its class, dimmed and noisy; labels (count,), balanced."""
    labels = rng.permutation(np.arange(count) % 10).astype(np.uint8)
    brightness = rng.uniform(0.5, 1, (count, 1, 1))
    noise = rng.normal(0, 25, (count, 28, 28))
    images = _patterns()[labels] * brightness + noise
    return images.clip(0, 255).astype(np.uint8), labels


def _patterns():
    """Ten blurred patterns of 7 x 7 squares, (10, 28, 28)."""
    squares = np.random.default_rng(28).integers(0, 2, (10, 7, 7)) * 255.0
    images = squares.repeat(4, axis=1).repeat(4, axis=2)
    shifted = [np.roll(images, (down, right), axis=(1, 2)) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return np.mean(shifted, axis=0)


def pack(array: np.ndarray, kind: int = 0x08, shape: Sequence[int] | None = None) -> bytes:
    """An IDX file's bytes; `kind` and `shape` can be given wrong on purpose."""
    shape = array.shape if shape is None else shape
    return struct.pack(f">HBB{len(shape)}I", 0, kind, len(shape), *shape) + array.tobytes()


def store(folder: str | Path, name: str, content: bytes, gz: bool = True) -> Path:
    """Writes the content as `name`, or gzipped as `name.gz`; the same bytes each time."""
    path = Path(folder, f"{name}.gz" if gz else name)
    path.write_bytes(gzip.compress(content, compresslevel=1, mtime=0) if gz else content)
    return path
