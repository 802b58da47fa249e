"""The output folder of a run: made, continued or set aside by rank 0, which alone writes in it."""

import shutil
from pathlib import Path

import mxnet as mx
import numpy as np

from lenet import checkpoint
from lenet.checkpoint import Checkpoint
from lenet.config import write_config
from lenet.errors import InputError
from lenet.files import whole_file
from lenet.loop import Diverged

TRAINED = "trained_LeNet5.params"


def prepare(config):
    """Make the output folder. InputError if it can not be written."""
    try:
        Path(config.output_dir, "checkpoints").mkdir(parents=True, exist_ok=True)
        with whole_file(Path(config.output_dir, "config.yaml")) as place, open(place, "w", encoding="utf-8") as file:
            write_config(config, file)
    except OSError as error:
        raise InputError(f"--output-dir {config.output_dir}: {error.strerror}") from None


def find_checkpoint(config, identity, say):
    """The checkpoint that `--resume` asks for, or None to begin anew. `identity` is what must not have changed."""
    if config.resume == "auto":
        found = checkpoint.newest(config.output_dir, report=say)
    else:
        found = None if config.resume == "never" else checkpoint.load(config.resume)
        set_aside(config.output_dir, -1 if found is None else found.progress.step, say)
    if found is not None:
        for name, value in identity.items():
            if found.run[name] != value:
                raise InputError(
                    f"the run to resume has {name} {found.run[name]}, this one {value}: "
                    "use --resume never or another --output-dir"
                )
    return found


def set_aside(output_dir, step, say):
    """Move checkpoints after `step`, with a copy of what else the run left, into a folder of their own: nothing goes."""
    output_dir = Path(output_dir)
    later = [folder for folder in checkpoint.folders(output_dir) if folder > checkpoint.folder_of(output_dir, step)]
    if not later:
        return
    number = 1 + sum(1 for _ in output_dir.glob("earlier-*"))
    place = output_dir / f"earlier-{number}"
    (place / "checkpoints").mkdir(parents=True)
    for folder in later:
        folder.rename(place / "checkpoints" / folder.name)
    for name in ("metrics.jsonl", TRAINED):
        if (output_dir / name).exists():
            shutil.copy2(output_dir / name, place / name)
    say(f"What the earlier run left is kept in {place}")


def save_checkpoint(run, identity):
    """Write the checkpoint of where `run` stands. Every rank calls it; rank 0 writes."""
    learner = run.learner
    weights = {name: weight.as_in_context(mx.cpu()) for name, weight in zip(learner.parameters, learner.weights)}
    for name, weight in weights.items():
        if not np.isfinite(weight.asnumpy()).all():
            raise Diverged(f"{name} is not finite after step {run.progress.step}: try a smaller learning_rate")
    if run.world.is_root:
        momenta = {name: momentum.as_in_context(mx.cpu()) for name, momentum in learner.momenta.items()}
        checkpoint.save(
            run.config.output_dir,
            Checkpoint(weights, momenta, run.progress, run.totals, identity),
            keep=run.config.keep,
        )


def write_trained(run):
    """Write the trained network where rank 0 is; the tutorial's own network loads it."""
    if run.world.is_root:
        with whole_file(Path(run.config.output_dir, TRAINED)) as place:
            run.learner.net.save_parameters(place)
