"""Find the pictures of each class, in folders that are named after the classes."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from lenet.data import classes
from lenet.errors import InputError

SPLITS = ("train", "validation")
ENDINGS = (".png", ".jpg", ".jpeg")
VALIDATION, SEED = 0.1, 1


class Picture(NamedTuple):
    """A picture's file and its class."""

    path: Path
    label: int


def find_pictures(folder: Path, validation: float | None, seed: int | None) -> tuple[list[str], list[list[Picture]]]:
    """Return the names of the classes and the pictures of both splits.

    `validation` is the fraction to hold out and `seed` chooses it; None where the options are not given.
    InputError: the folder cannot be a data set.
    """
    try:
        is_split = all((folder / split).is_dir() for split in SPLITS)
        if is_split and (validation is not None or seed is not None):
            raise InputError(
                f"{folder}: is split already, in {' and '.join(SPLITS)}: --validation and --seed change nothing"
            )
        roots = [folder / split for split in SPLITS] if is_split else [folder]
        names = sorted(
            {each.name for root in roots for each in root.iterdir() if each.is_dir() and each.name[0] != "."}
        )
        classes.check_class_names(names, str(folder))
        found = [[_pictures(root / name, label) for label, name in enumerate(names)] for root in roots]
    except OSError as error:
        raise InputError(f"{error.filename}: {error.strerror}") from None
    if not is_split:
        found = _split(found[0], VALIDATION if validation is None else validation, SEED if seed is None else seed)
    splits = [[picture for pictures in split for picture in pictures] for split in found]
    for split, pictures in zip(SPLITS, splits):
        if not pictures:
            raise InputError(f"{folder}: has no PNG or JPEG picture for {split}")
    return names, splits


def _pictures(folder: Path, label: int) -> list[Picture]:
    """Return the pictures of a class in the order of their names."""
    if not folder.is_dir():
        return []
    return [Picture(each, label) for each in sorted(folder.iterdir()) if each.suffix.lower() in ENDINGS]


def _split(found: Sequence[list[Picture]], part: float, seed: int) -> list[list[list[Picture]]]:
    """Split each class's pictures into training pictures and the fraction `part` of them, at least one, held out."""
    train, validation = [], []
    for label, pictures in enumerate(found):
        held_out = min(max(1, round(part * len(pictures))), len(pictures) - 1) if pictures else 0
        order = np.random.RandomState([seed, label]).permutation(len(pictures))
        validation.append([pictures[place] for place in sorted(order[:held_out])])
        train.append([pictures[place] for place in sorted(order[held_out:])])
    return [train, validation]
