"""The progress of a run, and the sums over the images of an epoch."""

import math
from collections.abc import Iterable
from dataclasses import astuple, dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Progress:
    """`epoch` epochs are finished and `images_done` images of the next one, in `step` steps."""

    epoch: int = 0
    images_done: int = 0
    step: int = 0

    def after_step(self, images: int) -> "Progress":
        """The progress once a step of `images` images is done."""
        return replace(self, images_done=self.images_done + images, step=self.step + 1)

    def after_epoch(self) -> "Progress":
        """The progress at the start of the next epoch."""
        return replace(self, epoch=self.epoch + 1, images_done=0)


@dataclass(frozen=True)
class Totals:
    """Sums over images; means are taken last. A step's vector and a checkpoint have them in the order of the fields.

    A field that is None by default is not counted of every network.
    """

    loss: float = 0.0  # cross-entropy in nats
    correct: int = 0  # images whose largest logit is that of the label
    images: int = 0
    top5: int | None = None  # images with fewer than five logits above that of the label

    @classmethod
    def sum(cls, parts: Iterable["Totals"]) -> "Totals":
        """The sum of one or more `parts`, the same in any order: that of the losses is correctly rounded."""
        loss, *others = ([each for each in column if each is not None] for column in zip(*map(astuple, parts)))
        counts: list[Any] = [sum(column) if column else None for column in others]
        return cls(math.fsum(loss), *counts)

    def __add__(self, other: "Totals") -> "Totals":
        return Totals.sum([self, other])

    def means(self) -> dict[str, float]:
        """The means over the images, by the names that they have in records."""
        totals = {name: getattr(self, total) for name, total in MEANS.items()}
        return {
            name: total / self.images if self.images else math.nan
            for name, total in totals.items()
            if total is not None
        }

    @property
    def mean_loss(self) -> float:
        """Cross-entropy in nats per image."""
        return self.means()["loss"]

    @property
    def accuracy(self) -> float:
        """The part of the images whose largest logit is that of the label."""
        return self.means()["accuracy"]


MEANS = {
    "loss": "loss",
    "accuracy": "correct",
    "top5": "top5",
}  # what is recorded, and the field of Totals that it is the mean of
