"""The first lines of a run: what is trained on what, by how many, and which promise holds."""

from collections.abc import Sequence

from lenet.config import Config
from lenet.data.dataset import Dataset
from lenet.data.fashion_mnist import PIXEL_MEAN, PIXEL_STD


def introduction(
    config: Config, processes: int, dataset: Dataset, devices: Sequence[str], notes: Sequence[str | None]
) -> list[str]:
    """The lines for people; `devices` and `notes` about them are those of all ranks."""
    lines = [
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.validation):,} test images; "
        f"{config.images_in_step} images a step on {', '.join(sorted(set(devices)))}; "
        f"processes: {processes}, {_promise(config)}"
    ]
    if (dataset.pixel_mean, dataset.pixel_std) != (PIXEL_MEAN, PIXEL_STD):
        lines.append(_own_data(dataset))
    lines += sorted({note for note in notes if note})
    shards = -(-config.images_in_step // config.shard)
    if processes > shards:
        lines.append(
            f"{processes - shards} of {processes} processes have nothing to compute: a step of "
            f"{config.images_in_step} images has {shards} shard(s) of {config.shard}; "
            f"--shard {max(1, config.images_in_step // processes)} or --global-batch {config.shard * processes} "
            "gives work to all"
        )
    return lines


def _promise(config: Config) -> str:
    if config.exchange == "exact":
        return "the same bits for any number"
    return f"exchange {config.exchange}: the bits depend on their number"


def _own_data(dataset: Dataset) -> str:
    """What is known of the images of a user."""
    mean, std = (", ".join(map(str, each)) for each in (dataset.pixel_mean, dataset.pixel_std))
    shape = " x ".join(map(str, dataset.image_shape))
    return f"{len(dataset.class_names)} classes, images of {shape}, pixels with mean {mean} and deviation {std}"
