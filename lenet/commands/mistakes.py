"""The images that a network predicts wrongly, those with the highest confidence first."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure

from lenet.commands import plots
from lenet.commands.pictures import viewable
from lenet.data.dataset import Split


@dataclass(frozen=True, eq=False)
class Mistakes:
    """The wrongly predicted images of a split, those with the highest confidence first."""

    rows: np.ndarray  # (n,) int, of the split
    labels: np.ndarray  # (n,) uint8, the true classes
    predicted: np.ndarray  # (n,) int, the predicted classes
    confidence: np.ndarray  # (n,) the predicted classes' probabilities
    images: np.ndarray  # (n, 28, 28) uint8


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax (n, classes) of logits (n, classes)."""
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def find_mistakes(logits: np.ndarray, split: Split, limit: int = 25) -> Mistakes:
    """Return at most `limit` Mistakes in the logits (n, classes) of all images of `split`."""
    predicted, confidence = logits.argmax(axis=1), probabilities(logits).max(axis=1)
    rows = np.flatnonzero(predicted != split.labels)
    rows = rows[np.argsort(-confidence[rows], kind="stable")][:limit]
    return Mistakes(rows, split.labels[rows], predicted[rows], confidence[rows], split.images[rows])


def figure(mistakes: Mistakes, class_names: Sequence[str]) -> Figure:
    """Return the figure of the images, each under its true class, its predicted class and the probability of that."""
    titles = [
        f"True [{class_names[label]}]\nPredicted [{class_names[guess]}]\n{confidence:.1%}, image {row}"
        for row, label, guess, confidence in zip(
            mistakes.rows, mistakes.labels, mistakes.predicted, mistakes.confidence
        )
    ]
    return plots.image_grid(viewable(mistakes.images), titles, columns=5)
