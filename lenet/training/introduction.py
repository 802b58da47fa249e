"""The first lines of a run: what is trained on what, by how many, and which promise holds."""

from collections.abc import Sequence

from lenet.config import Config
from lenet.data.dataset import Dataset


def introduction(
    config: Config, processes: int, dataset: Dataset, devices: Sequence[str], notes: Sequence[str | None]
) -> list[str]:
    """The lines for people; `devices` and `notes` about them are those of all ranks."""
    lines = [
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.validation):,} test images; "
        f"{config.images_in_step} images a step on {', '.join(sorted(set(devices)))}; "
        f"processes: {processes}, {_promise(config)}"
    ]
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
