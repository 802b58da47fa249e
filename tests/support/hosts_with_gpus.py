"""The choice of a device in a rank of a job that is not there."""

from collections.abc import Sequence
from typing import Any

import mxnet as mx

from distributed import World
from lenet import device


class Host(World):
    """A rank of a job on one host, all of whose ranks do the same; `seen` are the GPUs that each of them sees."""

    def __init__(self, local_rank: int, local_size: int, seen: Sequence[list[str]] | None = None) -> None:
        super().__init__()
        self.rank = self.local_rank = local_rank
        self.size = self.local_size = local_size
        self.seen = seen

    def all_gather_object(self, value: Any) -> list[Any]:
        is_of_gpus = self.seen is not None and value == self.seen[self.rank]
        return list(self.seen or []) if is_of_gpus else [value] * self.size


def choose_device(
    requested: str, local_rank: int, local_size: int, seen: Sequence[list[str]] | None = None
) -> tuple[mx.Context, str | None]:
    """The device and what the log says of it."""
    return device.choose_device(requested, Host(local_rank, local_size, seen))[:2]
