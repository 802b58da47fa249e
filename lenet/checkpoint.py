"""Checkpoints: folders of two `.params` files and a JSON file. Nothing in them is a pickle."""

import hashlib
import json
import re
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lenet.errors import InputError
from lenet.files import whole_folder
from lenet.metrics import Totals
from lenet.params import read_params, write_params
from lenet.progress import Progress

MODEL, OPTIMIZER, STATE = "model.params", "optimizer.params", "state.json"
FORMAT = 1
LIMIT = 1 << 20  # bytes of a state.json


@dataclass(frozen=True)
class Checkpoint:
    """A run at a step: weights and momenta by parameter name, where it stands, and which run it is."""

    weights: dict[str, np.ndarray]
    momenta: dict[str, np.ndarray]
    progress: Progress
    totals: Totals  # of the epoch that is not finished
    run: dict[str, object]  # what must not change on resuming: seed, data, images


def folder_of(output_dir, step):
    """Where the checkpoint of `step` steps stands."""
    return Path(output_dir) / "checkpoints" / f"step-{step:08d}"


def save(output_dir, checkpoint, keep):
    """Write `checkpoint` and delete all but the newest `keep`. Returns its folder. OSError if the disk refuses."""
    folder = folder_of(output_dir, checkpoint.progress.step)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder) as place:
        write_params(place / MODEL, checkpoint.weights)
        write_params(place / OPTIMIZER, checkpoint.momenta)
        state = {
            "format": FORMAT,
            "progress": asdict(checkpoint.progress),
            "totals": asdict(checkpoint.totals),
            "run": checkpoint.run,
            "sha256": {name: _sha256(place / name) for name in (MODEL, OPTIMIZER)},
        }
        (place / STATE).write_text(json.dumps(state, indent=1) + "\n")
    for old in folders(output_dir)[:-keep]:
        shutil.rmtree(old)
    return folder


def folders(output_dir):
    """The folders of all checkpoints under `output_dir`, oldest first."""
    return sorted(
        folder
        for folder in (Path(output_dir) / "checkpoints").glob("step-*")
        if re.fullmatch(r"step-\d{8,}", folder.name) and folder.is_dir()
    )


def newest(output_dir, report):
    """The newest whole checkpoint under `output_dir`, or None if there is none. Each damaged one goes to `report`."""
    for folder in reversed(folders(output_dir)):
        try:
            return load(folder)
        except InputError as error:
            report(f"Damaged checkpoint, the one before it is used: {error}")
    if folders(output_dir):
        raise InputError(f"{output_dir}: no checkpoint is whole; --resume never begins anew")
    return None


def load(folder):
    """The checkpoint in `folder`. InputError if it is not whole, not of this format, or was changed since."""
    folder = Path(folder)
    state = _read_state(folder / STATE)
    for name, expected in state["sha256"].items():
        if _sha256(folder / name) != expected:
            raise InputError(f"{folder / name}: its SHA-256 is not the one in {STATE}: it is damaged")
    return Checkpoint(
        weights=read_params(folder / MODEL),
        momenta=read_params(folder / OPTIMIZER),
        progress=Progress(**state["progress"]),
        totals=Totals(**state["totals"]),
        run=state["run"],
    )


def _read_state(path):
    try:
        with open(path, "rb") as file:
            content = file.read(LIMIT)
        state = json.loads(content)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; a checkpoint's folder is needed") from None
    except (ValueError, RecursionError):
        raise InputError(f"{path}: it is not JSON") from None
    if not isinstance(state, dict) or state.get("format") != FORMAT:
        raise InputError(f"{path}: it is not the state of a checkpoint of format {FORMAT}")
    counts = {"epoch": int, "images_done": int, "step": int}
    sums = {"loss": float, "hits": int, "images": int}
    run = {"seed": int, "data": str, "images": int}
    digests = {MODEL: str, OPTIMIZER: str}
    for name, kinds in (("progress", counts), ("totals", sums), ("run", run), ("sha256", digests)):
        part = state.get(name)
        if not isinstance(part, dict) or {key: type(value) for key, value in part.items()} != kinds:
            raise InputError(f"{path}: {name} must hold {', '.join(kinds)}")
    if min(state["progress"].values()) < 0:
        raise InputError(f"{path}: the progress is negative")
    return state


def _sha256(path):
    try:
        return hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
