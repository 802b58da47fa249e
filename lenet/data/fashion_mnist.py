"""Load the data set into memory from four IDX files in a folder: Fashion-MNIST, or a user's pictures."""

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from lenet.data import classes, download, idx
from lenet.data.dataset import Dataset, Split, pixel_statistics
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
PIXEL_MEAN, PIXEL_STD = (0.13,), (0.31,)  # of Fashion-MNIST, as in the tutorial
CHANNELS = 4  # at most


def load(data_dir: str | Path | None = None, heartbeat: Callable[[str], None] = lambda waiting_for: None) -> Dataset:
    """Read the four files in `data_dir`, or in the data set's folder on this machine.

    Each file may be gzipped; where both `NAME` and `NAME.gz` are in the folder, `NAME` is read. Without
    `data_dir`, Debian's folder is taken if any of the files is there, else MXNet's download folder, completed
    from the network. InputError: a file is missing, cannot be read or is not sound; the text names it.
    `heartbeat` is called before each file is read or downloaded.
    """
    folder = _default_folder(heartbeat) if data_dir is None else Path(os.path.expanduser(data_dir))
    paths = [_path(folder, name) for name in FILES]
    heartbeat(f"the data set in {folder}")
    train, train_digests = _read_split(*paths[:2])
    heartbeat(f"the test images in {folder}")
    validation, validation_digests = _read_split(*paths[2:])
    if train.image_shape != validation.image_shape:
        shapes = [_shape_text(each.images.shape[1:]) for each in (train, validation)]
        raise InputError(f"{paths[2]}: holds images of {shapes[1]}, {paths[0]} of {shapes[0]}")
    digests = train_digests + validation_digests
    is_original = digests == tuple(download.DIGESTS.values())
    mean, std = (PIXEL_MEAN, PIXEL_STD) if is_original else pixel_statistics(train.images)
    names = classes.read_class_names(folder) or (CLASS_NAMES if is_original else None)
    return Dataset(
        train,
        validation,
        folder,
        digest=hashlib.sha256("".join(digests).encode()).hexdigest(),
        name="Fashion-MNIST" if is_original else f"data set in {folder}",
        class_names=_class_names(names, [(paths[1], train), (paths[3], validation)]),
        pixel_mean=mean,
        pixel_std=std,
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
    """Return the split and the digests of its two files."""
    images, labels = idx.read(images_path), idx.read(labels_path, is_labels=True)
    if images.ndim not in (3, 4) or images.shape[3:] > (CHANNELS,):
        raise InputError(
            f"{images_path}: holds {_shape_text(images.shape)} values; images must be N x height x width, or "
            f"N x height x width x channels, 1 to {CHANNELS}"
        )
    if labels.ndim != 1:
        raise InputError(f"{labels_path}: has {labels.ndim} dimensions; labels have 1")
    if len(images) != len(labels):
        raise InputError(f"{labels_path}: has {len(labels)} labels for the {len(images)} images of {images_path}")
    digests = idx.sha256(images), idx.sha256(labels)
    if images.shape[3:] == (1,):
        images = images[..., 0]
    return Split(images, labels if labels.dtype == np.uint8 else labels.astype(np.int32)), digests


def _class_names(names: tuple[str, ...] | None, splits: list[tuple[Path, Split]]) -> tuple[str, ...]:
    """Return the names of the labels' classes, or numbers without classes.txt. InputError: a label has no name.

    `splits` come with the path of their labels.
    """
    classes_there = len(names) if names else classes.MAX_CLASSES
    for path, split in splits:
        for row in (int(split.labels.argmin()), int(split.labels.argmax())):
            if not 0 <= split.labels[row] < classes_there:
                why = "have names" if names else "can be labels"
                raise InputError(
                    f"{path}: label {split.labels[row]} of image {row}: only 0 to {classes_there - 1} {why}"
                )
    return names or classes.numbered(max(2, *(int(split.labels.max()) + 1 for _, split in splits)))


def _shape_text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
