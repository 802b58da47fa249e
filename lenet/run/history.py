"""What a run has written of itself, read back: also of one that is still going."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml

from lenet.errors import InputError
from lenet.run import checkpoint

STEP = ("step", "loss", "learning_rate")
EPOCH = (
    "step",
    "epoch",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "images_per_second",
    "seconds",
    "processes",
)


@dataclass(frozen=True, eq=False)
class History:
    """The run in `folder`: its config, and a column of numbers for each name in STEP and EPOCH."""

    folder: Path
    config: dict[str, object]
    steps: dict[str, np.ndarray]
    epochs: dict[str, np.ndarray]

    def epochs_done(self, steps):
        """Where `steps` stand in epochs, a fraction; an epoch that is going on is as long as the last one."""
        ends = np.concatenate([[0], self.epochs["step"]])
        done = np.concatenate([[0], self.epochs["epoch"] + 1])
        ahead = 2 * ends[-1] - ends[-2], 2 * done[-1] - done[-2]
        return np.interp(steps, [*ends, ahead[0]], [*done, ahead[1]])

    def weights(self):
        """The path of the newest weights that the run has written, or None if it has not yet."""
        whole = checkpoint.folders(self.folder)
        trained = self.folder / "trained_LeNet5.params"
        return whole[-1] if whole else trained if trained.exists() else None


def read(folder):
    """The History of the run in `folder`. InputError if no run has written there."""
    folder = Path(folder)
    steps, epochs = [], []
    for record in _records(folder / "metrics.jsonl"):
        if _holds(record, "step", STEP):
            steps.append(record)
        elif _holds(record, "epoch", EPOCH):
            epochs.append(record)
    if not steps and not epochs:
        raise InputError(f"{folder / 'metrics.jsonl'}: it has no step and no epoch yet")
    return History(folder, _config(folder / "config.yaml"), _columns(steps, STEP), _columns(epochs, EPOCH))


def _records(path):
    """The JSON objects in the lines of a file; the last line may still be being written."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; the folder of a run is needed") from None
    for line in lines:
        try:
            yield json.loads(line)
        except (ValueError, RecursionError):
            continue


def _holds(record, kind, names):
    return (
        isinstance(record, dict)
        and record.get("kind") == kind
        and all(isinstance(record.get(name), (int, float)) for name in names)
    )


def _columns(records, names):
    return {name: np.array([record[name] for record in records], float) for name in names}


def _config(path):
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; the folder of a run is needed") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not YAML: {' '.join(str(error).split())[:200]}") from None
    if not isinstance(config, dict):
        raise InputError(f"{path}: it is not the config of a run")
    return config
