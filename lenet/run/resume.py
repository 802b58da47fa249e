"""Which options may change when a run is resumed: those of its checkpoint are compared with the config's."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from lenet.config import Config, options_with
from lenet.data.dataset import Dataset
from lenet.errors import InputError, shorten
from lenet.options import BY_NAME, FREE, NEW_RUN, RECORDED
from lenet.run.checkpoint import Checkpoint
from lenet.run.progress import Progress
from lenet.run.state_file import Value


@dataclass(frozen=True)
class Change:
    """An option whose value changes after a checkpoint."""

    option: str
    before: Value
    after: Value

    def __str__(self) -> str:
        return f"{self.option} {_text(self.before)} -> {_text(self.after)}"


def run_identity(config: Config, dataset: Dataset, network: str) -> dict[str, int | str]:
    """Return what makes a run this one: a checkpoint with other values is of another run.

    `network` is the identity of the network's code.
    """
    options = {name: getattr(config, name) for name in options_with(NEW_RUN, BY_NAME)}
    return {**options, "network": network, "data": dataset.digest, "images": len(dataset.train)}


def options_of(config: Config) -> dict[str, Value]:
    """Return the options of `config` that a checkpoint keeps."""
    return {name: getattr(config, name) for name in options_with(RECORDED, FREE)}


def changed_options(found: Checkpoint, identity: dict[str, int | str], config: Config) -> list[Change]:
    """Return the options that change when `config` resumes the checkpoint `found` as the run `identity`.

    InputError: it is another run, or no step is left that could be trained with the changed options.
    """
    of_run = _differences(found.run, identity)
    of_options = _differences(found.options, options_of(config))
    has_steps_left = _has_steps_left(found.progress, config)
    allowed = options_with(BY_NAME) if config.resume != "auto" else {}
    refused = [each for each in of_run if each.option not in allowed]
    if refused and (has_steps_left or not _is_finished(found)):
        before = ", ".join(f"{each.option} {_text(each.before)}" for each in refused)
        after = ", ".join(_text(each.after) for each in refused)
        raise InputError(
            f"the run to resume has {before}, this one {after}: use --resume never or another --output-dir"
        )
    if has_steps_left:
        return of_run + of_options
    unused = [each for each in of_run + of_options if each.option not in options_with(FREE)]
    if unused:
        raise InputError(_no_step_left(found, unused, config))
    return []


def _differences(before: Mapping[str, Value], after: Mapping[str, Value]) -> list[Change]:
    """Return what differs of `after`; what `before` does not hold was not yet an option, and is no change."""
    return [Change(name, before[name], after[name]) for name in after if before.get(name, after[name]) != after[name]]


def _has_steps_left(progress: Progress, config: Config) -> bool:
    return progress.epoch < config.epochs and (config.max_steps is None or progress.step < config.max_steps)


def _is_finished(found: Checkpoint) -> bool:
    return found.progress.epoch == found.options["epochs"]


def _no_step_left(found: Checkpoint, unused: list[Change], config: Config) -> str:
    where = "finished" if _is_finished(found) else f"at step {found.progress.step}"
    trained_with = ", ".join(f"{each.option} {_text(each.before)}" for each in unused)
    place, remedy = Path(config.output_dir), "start over with --resume never, or another --output-dir"
    if config.resume != "auto":
        place, remedy = Path(config.resume), "ask for more steps, or for another checkpoint"
    return f"{place}: already {where} with {trained_with}; {remedy}"


def _text(value: Value) -> str:
    return "none" if value is None else shorten(value)
