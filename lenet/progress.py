"""Where a run stands, and which images its next step takes: the same for every number of processes."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True)
class Progress:
    """`epoch` epochs are finished and `images_done` images of the next one; `step` steps were taken for it all."""

    epoch: int = 0
    images_done: int = 0
    step: int = 0

    def after_step(self, images):
        """The progress once a step of `images` images is done."""
        return replace(self, images_done=self.images_done + images, step=self.step + 1)

    def after_epoch(self):
        """The progress at the start of the next epoch."""
        return replace(self, epoch=self.epoch + 1, images_done=0)


def epoch_order(seed, epoch, images):
    """The order of an epoch's images: (images,) int32, a permutation that is a pure function of seed and epoch.

    RandomState's streams are frozen by NumPy's compatibility policy, so a resumed run finds the order again.
    """
    return np.random.RandomState([seed, epoch]).permutation(images).astype(np.int32)


def next_rows(order, progress, batch):
    """The rows of the next step of all ranks together: `batch` of them, fewer at the end of the epoch, never none."""
    return order[progress.images_done : progress.images_done + batch]
