"""Sums that may be added over steps and ranks; means are taken last."""

import math
from dataclasses import astuple, dataclass


@dataclass(frozen=True)
class Totals:
    """The summed loss, the hits and the number of images that they were summed over."""

    loss: float = 0.0
    hits: int = 0
    images: int = 0

    def __add__(self, other):
        return Totals(*(a + b for a, b in zip(astuple(self), astuple(other))))

    @property
    def mean_loss(self):
        """Cross-entropy in nats per image."""
        return self.loss / self.images if self.images else math.nan

    @property
    def accuracy(self):
        """The part of the images whose largest logit is that of the label."""
        return self.hits / self.images if self.images else math.nan
