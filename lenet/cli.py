"""The command lines of `python -m lenet`: a wrong one is an InputError."""

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from lenet.errors import InputError


class Parser(argparse.ArgumentParser):
    """An ArgumentParser without abbreviations, whose errors are InputErrors."""

    def __init__(self, **arguments: Any) -> None:
        super().__init__(allow_abbrev=False, **arguments)

    def error(self, message: str) -> NoReturn:
        """Raise InputError instead of ending the process."""
        raise InputError(f"{message}; see {self.prog} --help")


def add_params(parser: argparse.ArgumentParser) -> None:
    """Add PARAMS, the trained network."""
    parser.add_argument(
        "params",
        metavar="PARAMS",
        help="trained network: a run's folder, a .params file (the tutorial's too) or a checkpoint's folder",
    )


def add_network(parser: argparse.ArgumentParser, default: str = "as the run beside PARAMS says") -> None:
    """Add --network, as train.py has it; the help describes its `default`."""
    parser.add_argument(
        "--network",
        "--model",  # for horovodrun, whose options --network abbreviates
        metavar="NETWORK",
        help=f"lenet5 or FILE.py:FUNCTION (default: {default})",
    )


def add_data_dir(parser: argparse.ArgumentParser) -> None:
    """Add --data-dir, as train.py has it."""
    parser.add_argument("--data-dir", metavar="DIR", help="folder with the four IDX files (default: as train.py)")


def count(limit: int) -> Callable[[str], int]:
    """Return a parser of whole numbers from 1 to `limit`."""

    def parse(text: str) -> int:
        if not (text.isascii() and text.isdigit() and len(text) < 10 and 1 <= int(text) <= limit):
            raise argparse.ArgumentTypeError(f"{text} is not a whole number from 1 to {limit}")
        return int(text)

    return parse


def path_ending(suffix: str) -> Callable[[str], Path]:
    """Return a parser of names of files that end in `suffix`, in a folder that exists and can be written."""

    def parse(text: str) -> Path:
        path = Path(text)
        if path.suffix.lower() != suffix:
            raise argparse.ArgumentTypeError(f"{text}: a name that ends in {suffix} is needed")
        if not path.parent.is_dir():
            raise argparse.ArgumentTypeError(f"{text}: there is no folder {path.parent}")
        if path.is_dir():
            raise argparse.ArgumentTypeError(f"{text}: it is a folder")
        if not os.access(path.parent, os.W_OK):  # as in a container whose root is read-only
            raise argparse.ArgumentTypeError(
                f"{text}: the folder {path.parent.resolve()} cannot be written; name another, such as runs/{path.name}"
            )
        return path

    return parse
