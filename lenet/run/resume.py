"""The options that a checkpoint was trained with, and which others a run may go on with."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lenet.config import Config
from lenet.data.dataset import Dataset
from lenet.errors import InputError, shorten
from lenet.run.checkpoint import Checkpoint
from lenet.run.progress import Progress
from lenet.run.state_file import KINDS, Value

# Options that change no bit of a result.
SETTINGS = ("log_every", "checkpoint_every", "keep", "stall_timeout", "tensorboard")
# Part of what a run is, but one that a checkpoint which is asked for by name can go on with.
CAN_CHANGE_BY_NAME = ("global_batch",)


@dataclass(frozen=True)
class Change:
    """An option that has another value from the step that follows a checkpoint on."""

    option: str
    before: Value
    after: Value

    def __str__(self) -> str:
        return f"{self.option} {_text(self.before)} -> {_text(self.after)}"


def run_identity(config: Config, dataset: Dataset, network: str) -> dict[str, int | str]:
    """What makes a run this one: the bits of its result depend on it, and it cannot change on the way.

    `network` is the identity of the network.
    """
    return {
        "seed": config.seed,
        "data": dataset.digest,
        "images": len(dataset.train),
        "shard": config.shard,
        "global_batch": config.images_in_step,
        "network": network,
        "optimizer": config.optimizer,
    }


def options_of(config: Config) -> dict[str, Value]:
    """The options of `config` that a checkpoint keeps."""
    return {name: getattr(config, name) for name in KINDS["options"]}


def changed_options(found: Checkpoint, identity: dict[str, int | str], config: Config) -> list[Change]:
    """What changes when the run of `found` goes on as the run `identity` under `config`.

    InputError: it would be another run, or the run has ended and other options would be told of its result.
    """
    of_run = _differences(found.run, identity)
    of_options = _differences(found.options, options_of(config))
    of_recipe = [each for each in of_options if each.option not in SETTINGS]
    has_steps_left = _has_steps_left(found.progress, config)
    by_name = CAN_CHANGE_BY_NAME if config.resume != "auto" else ()
    refused = [each for each in of_run if each.option not in by_name]
    if refused and (has_steps_left or not _is_finished(found)):
        before = ", ".join(f"{each.option} {_text(each.before)}" for each in refused)
        after = ", ".join(_text(each.after) for each in refused)
        raise InputError(
            f"the run to resume has {before}, this one {after}: use --resume never or another --output-dir"
        )
    if has_steps_left:
        return [*of_run, *of_recipe, *(each for each in of_options if each.option in SETTINGS)]
    if of_run or of_recipe:
        raise InputError(_ended(found, of_run + of_recipe, config))
    return []


def _differences(before: Mapping[str, Value], after: Mapping[str, Value]) -> list[Change]:
    return [Change(name, before[name], after[name]) for name in after if before[name] != after[name]]


def _has_steps_left(progress: Progress, config: Config) -> bool:
    """Would a run that stands at `progress` train at all?"""
    return progress.epoch < config.epochs and (config.max_steps is None or progress.step < config.max_steps)


def _is_finished(found: Checkpoint) -> bool:
    """Has it the epochs that it was trained for?"""
    return found.progress.epoch == found.options["epochs"]


def _ended(found: Checkpoint, differences: list[Change], config: Config) -> str:
    where = "finished" if _is_finished(found) else f"at step {found.progress.step}"
    trained_with = ", ".join(f"{each.option} {_text(each.before)}" for each in differences)
    place, remedy = Path(config.output_dir), "start over with --resume never, or another --output-dir"
    if config.resume != "auto":
        place, remedy = Path(config.resume), "ask for more steps, or for another checkpoint"
    return f"{place}: already {where} with {trained_with}; {remedy}"


def _text(value: Value) -> str:
    return "none" if value is None else shorten(value)
