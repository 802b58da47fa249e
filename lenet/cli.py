"""The command lines of `python -m lenet`: a wrong one is an InputError."""

import argparse
from pathlib import Path

from lenet.errors import InputError


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that takes no abbreviations and leaves it to the entry how to end."""

    def __init__(self, **how):
        super().__init__(allow_abbrev=False, **how)

    def error(self, message):
        raise InputError(f"{message}; see {self.prog} --help")


def add_params(parser):
    """PARAMS, the trained network."""
    parser.add_argument(
        "params",
        metavar="PARAMS",
        help="trained network: a .params file (the tutorial's too) or a checkpoint's folder",
    )


def add_data_dir(parser):
    """--data-dir, as train.py has it."""
    parser.add_argument("--data-dir", metavar="DIR", help="folder with the four IDX files (default: as train.py)")


def count(most):
    """A parser of whole numbers from 1 to `most`."""

    def parse(text):
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
            raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to {most}")
        return int(text)

    return parse


def path_ending(suffix):
    """A parser of file names that end in `suffix` and whose folder is there."""

    def parse(text):
        path = Path(text)
        if path.suffix.lower() != suffix:
            raise argparse.ArgumentTypeError(f"{text}: a name that ends in {suffix} is needed")
        if not path.parent.is_dir():
            raise argparse.ArgumentTypeError(f"{text}: there is no folder {path.parent}")
        if path.is_dir():
            raise argparse.ArgumentTypeError(f"{text}: it is a folder")
        return path

    return parse
