"""python -m lenet pack: folders of pictures, one for each class, as the four IDX files of a data set."""

import math
import os
import tempfile
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lenet import cli
from lenet.commands.picture_folders import SPLITS, Picture, find_pictures
from lenet.commands.pictures import read_picture
from lenet.data import classes, idx
from lenet.data.fashion_mnist import FILES
from lenet.errors import InputError
from lenet.run.progress_bar import print_line

LONGEST = 4096  # pixels of an edge


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "folder",
        type=Path,
        metavar="FOLDER",
        help="pictures as CLASS/*.png or .jpg, or already split as train/CLASS/… and validation/CLASS/…",
    )
    parser.add_argument("output", type=Path, metavar="OUTPUT_DIR", help="folder for the data set, new or empty")
    parser.add_argument(
        "--size", type=_size, metavar="HxW", help="scale and crop all pictures to this height and width"
    )
    parser.add_argument("--gray", action="store_true", help="one channel instead of three")
    parser.add_argument(
        "--validation", type=_part, metavar="PART", help="part of each class that is held out (default: 0.1)"
    )
    parser.add_argument("--seed", type=cli.count(10**9 - 1), metavar="N", help="of that split (default: 1)")


class Reader:
    """Read pictures of one shape: `size`, or that of the first picture."""

    def __init__(self, size: tuple[int, int] | None, channels: int, count: int):
        """`count`: the number of pictures to read in all."""
        self.size, self.channels, self.count = size, channels, count
        self.first: Path | None = None
        self.shape: tuple[int, ...] = ()  # of the first picture

    def read(self, pictures: Sequence[Picture], split: str) -> tuple[np.ndarray, np.ndarray]:
        """Return images (n, H, W) or (n, H, W, 3) and labels (n,). Prints a line for each picture that cannot be read.

        InputError: sizes differ and `size` is not given, there are too many pixels, or no picture can be read.
        """
        images, labels = [], []
        with tqdm(pictures, desc=split, unit=" pictures", disable=None) as bar:
            for picture in bar:
                try:
                    image = read_picture(picture.path, self.channels, self.size)
                except InputError as error:
                    print_line(f"left out: {error}")
                    continue
                self._check(picture.path, image.shape)
                images.append(image)
                labels.append(picture.label)
        if not images:
            raise InputError(f"{pictures[0].path.parent}: no picture for {split} can be read")
        return np.stack(images), np.array(labels)

    def _check(self, path: Path, shape: tuple[int, ...]) -> None:
        if self.first is None:
            self.first, self.shape = path, shape
            if max(shape) > LONGEST or self.count * math.prod(shape) > idx.MAX_VALUES:
                raise InputError(
                    f"{self.count:,} pictures of {_text(shape)} pixels are too many: give a smaller --size"
                )
        if shape != self.shape:
            raise InputError(
                f"{path}: has {_text(shape)} pixels, {self.first} has {_text(self.shape)}: --size HxW makes them equal"
            )


def main(options: Namespace) -> None:
    """Read all pictures, then write the whole data set or nothing."""
    names, splits = find_pictures(options.folder, options.validation, options.seed)
    reader = Reader(options.size, 1 if options.gray else 3, sum(map(len, splits)))
    lines = []
    with _new_folder(options.output) as place:
        for split, pictures, files in zip(SPLITS, splits, (FILES[:2], FILES[2:])):
            images, labels = reader.read(pictures, split)
            idx.write(place / files[0], images)
            idx.write(place / files[1], labels.astype(np.uint8 if len(names) <= 256 else np.int16))
            unread = len(pictures) - len(images)
            lines.append(
                f"{split}: {len(images):,} pictures of {_text(images.shape[1:])} pixels"
                + (f", {unread:,} left out" if unread else "")
            )
        (place / classes.FILE).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    print("\n".join([*lines, f"wrote {len(names)} classes; train.py --data-dir {options.output} takes them"]))


@contextmanager
def _new_folder(output: Path) -> Iterator[Path]:
    """Yield a folder that becomes `output` if the block succeeds. InputError: `output` exists or cannot be made."""
    try:
        if output.exists() and not (output.is_dir() and not any(output.iterdir())):
            raise InputError(f"{output}: is not an empty folder, which the data set needs")
        output.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=output.parent, prefix=".pack-") as temporary:
            place = Path(temporary) / "data"
            place.mkdir()
            yield place
            os.replace(place, output)
    except OSError as error:
        raise InputError(f"{output}: {error.strerror or error}") from None


def _text(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]}"


def _size(text: str) -> tuple[int, int]:
    height, _, width = text.lower().partition("x")
    if not all(
        each.isascii() and each.isdigit() and len(each) < 5 and 1 <= int(each) <= LONGEST for each in (height, width)
    ):
        raise ArgumentTypeError(f"{text}: a height and a width as 32x40 are needed, of 1 to {LONGEST} pixels")
    return int(height), int(width)


def _part(text: str) -> float:
    try:
        part = float(text)
    except ValueError:
        part = 0.0
    if not 0 < part < 1:
        raise ArgumentTypeError(f"{text}: a number between 0 and 1 is needed")
    return part
