"""The lines that a run prints at its start, on resuming, and at its end."""

import shlex
from collections.abc import Mapping, Sequence

from distributed import Position
from lenet.config import Config
from lenet.data.dataset import Dataset
from lenet.data.fashion_mnist import PIXEL_MEAN, PIXEL_STD
from lenet.run.progress import Progress


def start_lines(
    config: Config, processes: int, dataset: Dataset, devices: Sequence[str], threads: int | None = None
) -> list[str]:
    """Return the lines that a run begins with; `devices` are those of all ranks, `threads` those of this one."""
    lines = [
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.validation):,} test images; "
        f"{config.global_batch} images a step on {', '.join(sorted(set(devices)))}; "
        f"processes: {processes}, {f'threads: {threads}, ' if threads else ''}{_promise(config)}"
    ]
    if (dataset.pixel_mean, dataset.pixel_std) != (PIXEL_MEAN, PIXEL_STD):
        lines.append(_own_data(dataset))
    shards = -(-config.global_batch // config.shard)
    if processes > shards:
        lines.append(
            f"{processes - shards} of {processes} processes have nothing to compute: a step of "
            f"{config.global_batch} images has {shards} shard(s) of {config.shard}; "
            f"--shard {max(1, config.global_batch // processes)} or --global-batch {config.shard * processes} "
            "gives work to all"
        )
    return lines


def resume_lines(progress: Progress, epochs: int, position: Position | None) -> list[str]:
    """Return the lines of a run of `epochs` that continues from `progress`.

    `position` is where these processes were before a failure, if that is why they resume.
    """
    if progress.epoch >= epochs:
        lines = [f"All {epochs} epochs are done; a larger --epochs continues the run, --resume never starts over"]
    else:
        lines = [f"Continuing after step {progress.step}, in epoch {progress.epoch}"]
    if position and position.epoch == progress.epoch and position.images_done > progress.images_done:
        lines.append(f"{position.images_done - progress.images_done} images of epoch {progress.epoch} are seen again")
    return lines


def final_line(config: Config, seconds: float, steps: int, accuracies: Mapping[int, float]) -> str:
    """Return the last line of a run of `steps`; `accuracies` are those of the validation, by epoch."""
    folder = shlex.quote(config.output_dir)
    if not accuracies:
        data = f" --data-dir {shlex.quote(config.data_dir)}" if config.data_dir else ""
        return (
            f"Done in {_duration(seconds)}: {steps} steps, no whole epoch; next: python -m lenet evaluate "
            f"{folder}{data}"
        )
    best = max(accuracies, key=lambda epoch: (accuracies[epoch], -epoch))  # the earliest of the best
    return (
        f"Done in {_duration(seconds)}: validation accuracy {accuracies[max(accuracies)]:.3f}, at its best "
        f"{accuracies[best]:.3f} in Epoch [{best}]; next: python -m lenet report {folder}"
    )


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {seconds} s"


def _promise(config: Config) -> str:
    if config.debug:
        return "layer by layer: other bits than without --debug"
    if config.exchange == "exact":
        return "the same bits for any number"
    return f"exchange {config.exchange}: the bits depend on their number"


def _own_data(dataset: Dataset) -> str:
    """Return the line about images other than Fashion-MNIST's."""
    mean, std = (", ".join(map(str, each)) for each in (dataset.pixel_mean, dataset.pixel_std))
    shape = " x ".join(map(str, dataset.image_shape))
    return f"{len(dataset.class_names)} classes, images of {shape}, pixels with mean {mean} and deviation {std}"
