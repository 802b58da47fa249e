"""Read the metrics and the config of a run, which may still be training."""

import math
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenet.errors import InputError, shorten
from lenet.run import checkpoint
from lenet.run.progress import MEANS, Totals
from lenet.untrusted import read_json_lines, read_yaml

PARTS = ("train", "validation")
STEP = ("step", "loss", "learning_rate")
EPOCH = (
    "step",
    "epoch",
    *(f"{part}_{name}" for part in PARTS for name in MEANS),
    "images_per_second",
    "seconds",
    "processes",
)
# Means that not every run records: NaN where they are missing.
OPTIONAL = {f"{part}_{name}" for part in PARTS for name, total in MEANS.items() if getattr(Totals(), total) is None}
COUNTS = ("step", "epoch", "processes")
MAX_COUNT = 1 << 53
MAX_METRICS = 1 << 28  # bytes of a metrics.jsonl: two million steps


@dataclass(frozen=True, eq=False)
class History:
    """The run in `folder`: its config, and a column of numbers for each name in STEP and EPOCH."""

    folder: Path
    config: dict[str, Any]
    steps: dict[str, np.ndarray]  # each (steps,) float64
    epochs: dict[str, np.ndarray]  # each (epochs,) float64

    def epochs_done(self, steps: np.ndarray) -> np.ndarray:
        """Return the epochs done after each of `steps`, with fractions.

        An epoch that is not finished counts as long as the one before it.
        """
        ends = np.concatenate([[0], self.epochs["step"]])
        done = np.concatenate([[0], self.epochs["epoch"] + 1])
        ahead = 2 * ends[-1] - ends[-2], 2 * done[-1] - done[-2]
        return np.interp(steps, [*ends, ahead[0]], [*done, ahead[1]])

    def newest_weights(self) -> Path | None:
        """Return the path of the newest weights of the run, or None if it has not written any yet."""
        checkpoints = checkpoint.folders(self.folder)
        return checkpoints[-1] if checkpoints else next(self.folder.glob("trained_*.params"), None)


def read(folder: str | Path) -> History:
    """Return the History of the run in `folder`. InputError: there is no run, or its files are too large."""
    folder = Path(folder)
    path = folder / "metrics.jsonl"
    steps, epochs = array("d"), array("d")  # rows of STEP and of EPOCH, one after another
    try:
        for _, record in read_json_lines(path, MAX_METRICS):
            steps.extend(_numbers(record, "step", STEP))
            epochs.extend(_numbers(record, "epoch", EPOCH))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; the folder of a run is needed") from None
    if not steps and not epochs:
        raise InputError(f"{path}: it has no step and no epoch yet")
    return History(folder, _read_config(folder / "config.yaml"), _columns(steps, STEP), _columns(epochs, EPOCH))


def _numbers(record: dict[str, Any] | None, kind: str, names: tuple[str, ...]) -> list[float]:
    """Return the numbers of these names in a record of this kind, or nothing for another record."""
    if record is None or record.get("kind") != kind:
        return []
    numbers: list[Any] = [record.get(name, math.nan if name in OPTIONAL else None) for name in names]
    return numbers if all(map(_is_valid, names, numbers)) else []


def _is_valid(name: str, number: Any) -> bool:
    if type(number) is int:  # and not bool
        return 0 <= number <= MAX_COUNT
    return type(number) is float and name not in COUNTS


def _columns(rows: array, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    return dict(zip(names, np.array(rows).reshape(-1, len(names)).T))


def _read_config(path: Path) -> dict[str, Any]:
    config = read_yaml(path, str(path))
    data_dir = config.get("data_dir")
    if not isinstance(data_dir, (str, type(None))):
        raise InputError(f"{path}: data_dir {shorten(data_dir)}: it is not the name of a folder")
    return config
