"""Which images the next step takes: the same for every number of processes."""

import numpy as np


def epoch_order(seed: int, epoch: int, images: int) -> np.ndarray:
    """The order of an epoch's images: (images,) int32, a permutation that is a pure function of seed and epoch.

    RandomState's streams are frozen by NumPy's compatibility policy, so a resumed run finds the order again.
    """
    return np.random.RandomState([seed, epoch]).permutation(images).astype(np.int32)
