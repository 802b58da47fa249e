"""The data set, whole in memory: 28 x 28 images of ten kinds of clothing, from four IDX files in a folder."""

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lenet.data import download, idx
from lenet.errors import InputError

CLASS_NAMES = (
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
)
FILES = tuple(download.DIGESTS)  # training images and labels, then validation images and labels
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


@dataclass(frozen=True, eq=False)
class Split:
    """Images and their classes."""

    images: np.ndarray  # (n, 28, 28) uint8
    labels: np.ndarray  # (n,) uint8, indices into CLASS_NAMES

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, eq=False)
class Dataset:
    """The two splits, and where they are from.

    `digest` is the SHA-256 over the SHA-256 of each of the four files (unzipped; as hex text, in the order of
    FILES, nothing between), so it does not depend on how the files are zipped.
    """

    train: Split
    validation: Split
    folder: Path
    digest: str
    name: str  # "Fashion-MNIST", or "data set in FOLDER" where a file is not the original


def load(data_dir: str | Path | None = None, heartbeat: Callable[[str], None] = lambda waiting_for: None) -> Dataset:
    """Read the four files in `data_dir`, or wherever the data set stands on this machine.

    Each file may be gzipped; where both `NAME` and `NAME.gz` stand in the folder, `NAME` is read. Without
    `data_dir`, Debian's folder is taken if any of the files is there, else MXNet's download folder, completed
    from the network. InputError: a file is missing, cannot be read or is not sound; the text names it.
    `heartbeat` is told each piece that is read or downloaded next.
    """
    folder = _default_folder(heartbeat) if data_dir is None else Path(os.path.expanduser(data_dir))
    paths = [_path(folder, name) for name in FILES]
    heartbeat(f"the data set in {folder}")
    train, train_digests = _read_split(*paths[:2])
    heartbeat(f"the test images in {folder}")
    validation, validation_digests = _read_split(*paths[2:])
    digests = train_digests + validation_digests
    original = digests == tuple(download.DIGESTS.values())
    return Dataset(
        train,
        validation,
        folder,
        digest=hashlib.sha256("".join(digests).encode()).hexdigest(),
        name="Fashion-MNIST" if original else f"data set in {folder}",
    )


def _default_folder(heartbeat: Callable[[str], None]) -> Path:
    home = os.environ.get("MXNET_HOME") or os.path.expanduser("~/.mxnet")
    folder = Path(home, "datasets", "fashion-mnist")
    try:
        if any(idx.find(DEBIAN_FOLDER, name) for name in FILES):
            return DEBIAN_FOLDER
        is_complete = all(idx.find(folder, name) for name in FILES)
    except OSError as error:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror}; {download.OTHER_WAYS}") from None
    if not is_complete:
        download.fetch(folder, heartbeat=heartbeat)
    return folder


def _path(folder: Path, name: str) -> Path:
    try:
        path = idx.find(folder, name)
    except (OSError, ValueError) as error:  # ValueError: a null byte
        raise InputError(f"{folder / name}: cannot be read: {getattr(error, 'strerror', error)}") from None
    if path is None:
        why = "is missing" if folder.is_dir() else "cannot be there: no such folder"
        raise InputError(f"{folder / name}: {why}; a data set is {', '.join(FILES)}, each with or without .gz")
    return path


def _read_split(images_path: Path, labels_path: Path) -> tuple[Split, tuple[str, str]]:
    """The split, and the digests of its two files."""
    images, labels = idx.read(images_path), idx.read(labels_path)
    if images.shape[1:] != (28, 28):
        shape = " x ".join(map(str, images.shape))
        raise InputError(f"{images_path}: holds {shape} values; images must be N x 28 x 28")
    if labels.ndim != 1:
        raise InputError(f"{labels_path}: has {labels.ndim} dimensions; labels have 1")
    if len(images) != len(labels):
        raise InputError(f"{labels_path}: has {len(labels)} labels for the {len(images)} images of {images_path}")
    if labels.max() >= len(CLASS_NAMES):
        row = int(labels.argmax())
        raise InputError(f"{labels_path}: label {labels[row]} of image {row} is not one of 0 to 9")
    return Split(images, labels), (idx.sha256(images), idx.sha256(labels))
