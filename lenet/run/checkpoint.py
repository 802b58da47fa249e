"""Checkpoints: folders of two `.params` files and a JSON file. Nothing in them is a pickle."""

import json
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from lenet.atomic import remove_folder, whole_folder
from lenet.errors import InputError
from lenet.model.params_file import LIMIT, format_params, parse_params, write_params
from lenet.run.network_spec import FILE as DESCRIPTION
from lenet.run.progress import Progress, Totals
from lenet.run.state_file import MODEL, OPTIMIZER, STATE, Value, read_state, sha256, write_state
from lenet.untrusted import read_regular


@dataclass(frozen=True)
class Checkpoint:
    """A run at a step: its parameters and the optimizer's slots, its progress, and which run it is."""

    weights: dict[str, np.ndarray]  # of all parameters, running statistics too
    slots: dict[str, np.ndarray]  # by `slot:parameter`
    progress: Progress
    totals: Totals  # of the epoch that is not finished
    run: dict[str, int | str]  # what must not change on resuming, as run_identity returns it
    options: dict[str, Value]  # of the config that it was trained with
    best: int = 0  # correct predictions of the best evaluation so far

    def dump(self) -> bytes:
        """The checkpoint as bytes, for `parse`: a line of JSON, then both `.params` files."""
        model, optimizer = format_params(self.weights), format_params(self.slots)
        head = {**self.facts(), "model": len(model)}
        return json.dumps(head).encode() + b"\n" + model + optimizer

    def facts(self) -> dict[str, dict[str, Any]]:
        """All but the arrays, for JSON."""
        progress, totals = asdict(self.progress), asdict(self.totals)
        best = {"correct": self.best}
        return {"progress": progress, "totals": totals, "run": self.run, "best": best, "options": self.options}


def parse(content: bytes) -> Checkpoint:
    """The checkpoint that `dump` has made `content` of: in the memory of this job, so it is not checked."""
    line, _, files = content.partition(b"\n")
    head = json.loads(line)
    return Checkpoint(
        weights=parse_params(files[: head["model"]], "the kept weights"),
        slots=parse_params(files[head["model"] :], "the kept slots"),
        progress=Progress(**head["progress"]),
        totals=Totals(**head["totals"]),
        run=head["run"],
        options=head["options"],
        best=head["best"]["correct"],
    )


def folder_of(output_dir: str | Path, step: int) -> Path:
    """The folder of the checkpoint of `step` steps."""
    return Path(output_dir) / "checkpoints" / f"step-{step:08d}"


def save(output_dir: str | Path, checkpoint: Checkpoint, keep: int) -> Path:
    """Write `checkpoint`, keep the newest `keep`. Returns its folder.

    OSError if the disk refuses; FileNotFoundError if `output_dir` is not there, or no longer.
    """
    folder = folder_of(output_dir, checkpoint.progress.step)
    folder.parent.mkdir(exist_ok=True)
    with whole_folder(folder) as place:
        write_params(place / MODEL, checkpoint.weights)
        write_params(place / OPTIMIZER, checkpoint.slots)
        with suppress(FileNotFoundError):  # it says how to use the network, also where this folder is taken to
            shutil.copyfile(Path(output_dir) / DESCRIPTION, place / DESCRIPTION)
        digests = {name: sha256((place / name).read_bytes()) for name in (MODEL, OPTIMIZER)}
        write_state(place / STATE, checkpoint.facts(), digests)
    # Later ones do not count: they are damaged, otherwise this run would have resumed from them.
    up_to_it = [each for each in folders(output_dir) if step_of(each) <= step_of(folder)]
    for old in up_to_it[:-keep]:
        remove_folder(old)
    return folder


def folders(output_dir: str | Path) -> list[Path]:
    """The folders of all checkpoints under `output_dir`, oldest first."""
    found = (Path(output_dir) / "checkpoints").glob("step-*")
    return sorted(
        (each for each in found if re.fullmatch(r"step-[0-9]{8,18}", each.name) and each.is_dir()), key=step_of
    )


def newest(output_dir: str | Path, report: Callable[[str], None], limit: int = LIMIT) -> Checkpoint | None:
    """The newest whole checkpoint under `output_dir`, or None. Each damaged one goes to `report`; `limit` as `load`."""
    for folder in reversed(folders(output_dir)):
        try:
            return load(folder, limit)
        except InputError as error:
            report(f"A checkpoint that cannot be used, the one before it is tried: {error}")
    if folders(output_dir):
        raise InputError(f"{output_dir}: no checkpoint can be used; start over with --resume never")
    return None


def load(folder: str | Path, limit: int = LIMIT) -> Checkpoint:
    """The checkpoint in `folder`, whose `.params` files have at most `limit` bytes.

    InputError if it is not whole, not of this format, or was changed since.
    """
    folder = Path(folder)
    state = read_state(folder / STATE)
    return Checkpoint(
        weights=_read_arrays(folder / MODEL, state["sha256"][MODEL], limit),
        slots=_read_arrays(folder / OPTIMIZER, state["sha256"][OPTIMIZER], limit),
        progress=Progress(**state["progress"]),
        totals=Totals(**state["totals"]),
        run=state["run"],
        options=state["options"],
        best=state["best"]["correct"],
    )


def load_weights(folder: str | Path, limit: int = LIMIT) -> dict[str, np.ndarray]:
    """The parameters alone of the checkpoint in `folder`. InputError as `load`."""
    folder = Path(folder)
    return _read_arrays(folder / MODEL, read_state(folder / STATE)["sha256"][MODEL], limit)


def step_of(folder: Path) -> int:
    """The step that a checkpoint's folder is named after."""
    return int(folder.name[len("step-") :])


def _read_arrays(path: Path, digest: str, limit: int) -> dict[str, np.ndarray]:
    try:
        content = read_regular(path, limit)
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    if sha256(content) != digest:
        raise InputError(f"{path}: its SHA-256 is not the one in {STATE}: it is damaged")
    return parse_params(content, path)
