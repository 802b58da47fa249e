"""The images that a network takes for another class, the surest first."""

from dataclasses import dataclass

import numpy as np

from lenet.data.dataset import Split


@dataclass(frozen=True, eq=False)
class Mistakes:
    """Images of a split of which a network is wrong, the surest first."""

    rows: np.ndarray  # (n,) int, of the split
    labels: np.ndarray  # (n,) uint8, the true classes
    predicted: np.ndarray  # (n,) int, what the network takes them for
    confidence: np.ndarray  # (n,) the probability that it gives to that
    images: np.ndarray  # (n, 28, 28) uint8


def probabilities(logits: np.ndarray) -> np.ndarray:
    """The softmax (n, 10) of logits (n, 10)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def find_mistakes(logits: np.ndarray, split: Split, limit: int = 25) -> Mistakes:
    """The Mistakes in the logits (n, 10) of all images of `split`, at most `limit` of them."""
    predicted, confidence = logits.argmax(axis=1), probabilities(logits).max(axis=1)
    rows = np.flatnonzero(predicted != split.labels)
    rows = rows[np.argsort(-confidence[rows], kind="stable")][:limit]
    return Mistakes(rows, split.labels[rows], predicted[rows], confidence[rows], split.images[rows])
