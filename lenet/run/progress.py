"""Where a run stands, and the sums over the images of the epoch that it is in."""

import math
from dataclasses import astuple, dataclass, replace


@dataclass(frozen=True)
class Progress:
    """`epoch` epochs are finished and `images_done` images of the next one; `step` steps were taken for it all."""

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
    """The summed loss, the correct predictions and the number of images that they were summed over.

    Sums may be added over steps and ranks; means are taken last.
    """

    loss: float = 0.0
    correct: int = 0
    images: int = 0

    def __add__(self, other: "Totals") -> "Totals":
        return Totals(*(a + b for a, b in zip(astuple(self), astuple(other))))

    @property
    def mean_loss(self) -> float:
        """Cross-entropy in nats per image."""
        return self.loss / self.images if self.images else math.nan

    @property
    def accuracy(self) -> float:
        """The part of the images whose largest logit is that of the label."""
        return self.correct / self.images if self.images else math.nan
