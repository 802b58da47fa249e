"""The output folder of a run: made, continued or set aside by rank 0, which alone writes in it."""

import fcntl
import io
import json
import os
import shutil
import socket
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np

from lenet.config import write_config
from lenet.errors import InputError
from lenet.files import PARTIAL, whole_file
from lenet.model.params_file import write_params
from lenet.run import checkpoint
from lenet.run.checkpoint import Checkpoint
from lenet.run.progress import Progress, Totals
from lenet.training.trainer import diverged

TRAINED = "trained_LeNet5.params"
ARRAYS = ("weights", "momenta")
_locked = {}  # the folders whose lock this process holds, with the descriptors that hold it


def prepare(config):
    """Make the output folder and take it for this job alone. InputError if that cannot be."""
    folder = Path(config.output_dir)
    with _refused_by_the_disk(config):
        (folder / "checkpoints").mkdir(parents=True, exist_ok=True)
        _lock(folder)
        for left_over in (*folder.glob(f".*{PARTIAL}"), *folder.glob(f"checkpoints/.*{PARTIAL}")):
            shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()


@contextmanager
def _refused_by_the_disk(config):
    try:
        yield
    except OSError as error:
        raise InputError(f"--output-dir {config.output_dir}: {error.strerror}") from None


def _lock(folder):
    """Hold the folder's lock until this process ends, however it does, or calls `release`."""
    if folder.resolve() in _locked:
        return
    lock = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(lock, 200).decode(errors="replace").strip()
        raise InputError(f"--output-dir {folder}: another job writes there ({holder}); choose another folder") from None
    _locked[folder.resolve()] = lock
    os.truncate(lock, 0)
    os.write(lock, f"process {os.getpid()} on {socket.gethostname()}\n".encode())


def release(config):
    """Let another process of the job, or of another one, take the output folder."""
    lock = _locked.pop(Path(config.output_dir).resolve(), None)
    if lock is not None:
        os.close(lock)


def find_checkpoint(config, identity, say):
    """The checkpoint that `--resume` asks for, or None to begin anew. `identity` is what must not have changed."""
    if config.resume == "auto":
        found = checkpoint.newest(config.output_dir, report=say)
    else:
        found = None if config.resume == "never" else checkpoint.load(config.resume)
    for name, value in identity.items() if found else ():
        if found.run[name] != value:
            raise InputError(
                f"the run to resume has {name} {found.run[name]}, this one {value}: "
                "use --resume never or another --output-dir"
            )
    return found


def begin(config, found, say):
    """Once it is sure that the run goes on from `found`: set aside what it does not go on from, write config.yaml."""
    with _refused_by_the_disk(config):
        if config.resume != "auto":
            set_aside(config.output_dir, -1 if found is None else found.progress.step, say)
        place_config(config)


def place_config(config):
    """Write config.yaml into the output folder."""
    with whole_file(Path(config.output_dir, "config.yaml")) as place, open(place, "w", encoding="utf-8") as file:
        write_config(config, file)


def set_aside(output_dir, step, say):
    """Move checkpoints after `step`, with a copy of what else the run left, to a folder of their own."""
    output_dir = Path(output_dir)
    later = [folder for folder in checkpoint.folders(output_dir) if checkpoint.step_of(folder) > step]
    if not later and (step >= 0 or not (output_dir / "metrics.jsonl").exists()):
        return
    number = 1 + sum(1 for _ in output_dir.glob("earlier-*"))
    place = output_dir / f"earlier-{number}"
    (place / "checkpoints").mkdir(parents=True)
    for folder in later:
        folder.rename(place / "checkpoints" / folder.name)
    for name in ("config.yaml", "metrics.jsonl", TRAINED):
        if (output_dir / name).exists():
            shutil.copy2(output_dir / name, place / name)
    if (output_dir / "tensorboard").is_dir():
        shutil.copytree(output_dir / "tensorboard", place / "tensorboard")
    say(f"What the earlier run left is kept in {place}")


def _state_of(run, identity):
    """The state of `run` as a Checkpoint of arrays in host memory."""
    learner = run.learner
    weights = {name: weight.asnumpy() for name, weight in zip(learner.parameters, learner.weights)}
    for name, weight in weights.items():
        if not np.isfinite(weight).all():
            raise diverged(run, f"{name} is not finite after step {run.progress.step}")
    momenta = {name: momentum.asnumpy() for name, momentum in learner.momenta.items()}
    return Checkpoint(weights, momenta, run.progress, run.totals, identity)


def to_bytes(state):
    """`state` without a pickle, to be kept in memory."""
    arrays = {f"{kind} {name}": array for kind in ARRAYS for name, array in getattr(state, kind).items()}
    facts = [asdict(state.progress), asdict(state.totals), state.run]
    with io.BytesIO() as file:
        np.savez(file, facts=np.array(json.dumps(facts)), **arrays)
        return file.getvalue()


def from_bytes(content):
    """The Checkpoint that `to_bytes` was given."""
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        progress, totals, identity = json.loads(str(file["facts"]))
        weights, momenta = (
            {name.split(" ", 1)[1]: file[name] for name in file.files if name.startswith(f"{kind} ")} for kind in ARRAYS
        )
    return Checkpoint(weights, momenta, Progress(**progress), Totals(**totals), identity)


def save_checkpoint(run, identity, to_disk):
    """Keep where `run` stands, on the disk too if `to_disk`. Every rank calls it; rank 0 writes."""
    state, config = _state_of(run, identity), run.config
    if run.world.is_elastic:
        run.world.keep(to_bytes(state), lambda: _save_alone(config, state))
    if not (to_disk and run.world.is_root):
        return
    output_dir, what = config.output_dir, f"checkpoint of step {run.progress.step}"
    run.world.heartbeat(f"the disk to take the {what}")
    try:
        try:
            checkpoint.save(output_dir, state, keep=config.keep)
        except FileNotFoundError:  # the folder was taken away, perhaps in the middle of this
            if not Path(output_dir).is_dir():
                run.journal.say(f"{output_dir} is gone; it is made anew for the {what}")
                _locked.clear()
            prepare(config)
            place_config(config)
            checkpoint.save(output_dir, state, keep=config.keep)
    except (OSError, InputError) as error:
        raise OSError(f"no {what} in {output_dir}: {getattr(error, 'strerror', None) or error}") from error


def _save_alone(config, state):
    """Save `state` if none of the other ranks is about to: all that are left of a job would."""
    with suppress(InputError):  # another one holds the folder
        prepare(config)
        try:
            checkpoint.save(config.output_dir, state, keep=config.keep)
        finally:
            release(config)


def write_trained(run):
    """Write the trained network where rank 0 is; the tutorial's own network loads it. Returns its path."""
    path = Path(run.config.output_dir, TRAINED)
    if run.world.is_root:
        weights = {name: weight.asnumpy() for name, weight in zip(run.learner.parameters, run.learner.weights)}
        try:
            with whole_file(path) as place:
                write_params(place, weights)
        except OSError as error:
            raise OSError(f"{path}: {error.strerror}") from error
    return path
