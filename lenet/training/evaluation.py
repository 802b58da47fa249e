"""How good a network is: its loss and its confusion matrix over a split of the data set."""

from dataclasses import dataclass

import numpy as np

from lenet.data.fashion_mnist import CLASS_NAMES
from lenet.model.lenet5 import normalise
from lenet.run.progress import Totals

BATCH = 1000  # images at a time; does not change the result
CLASSES = len(CLASS_NAMES)


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What a network made of a split of the data set."""

    totals: Totals  # over all ranks
    confusion: np.ndarray  # (10, 10) int, label by prediction, over all ranks


def evaluate(net, batches, world):
    """The Evaluation of all images of `batches`, each looked at by one rank: no padding, none left out."""
    rows = world.part_of(range(len(batches)))
    logits, labels = predict_logits(net, batches, rows, world.heartbeat)
    world.heartbeat("the other ranks' parts of the evaluation")
    sums = world.sum([loss(logits, labels), *confusion(logits, labels).ravel()])
    matrix = sums[1:].astype(int).reshape(CLASSES, CLASSES)
    totals = Totals(float(sums[0]), int(matrix.trace()), int(matrix.sum()))
    return Evaluation(totals, matrix)


def predict_logits(net, batches, rows, alive=lambda what: None):
    """The logits (n, 10) float64 and labels (n,) of the range `rows` of `batches`, both on the host."""
    logits, labels = [np.zeros((0, CLASSES))], [np.zeros(0, int)]
    for images, truth in batches.cut(rows, BATCH):
        alive("this rank's part of the evaluation")
        logits.append(net(normalise(images)).asnumpy())
        labels.append(truth.asnumpy())
    return np.concatenate(logits), np.concatenate(labels).astype(int)


def loss(logits, labels):
    """The cross-entropy in nats, summed over the images."""
    shifted = logits - logits.max(axis=1, keepdims=True)
    return float((np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]).sum())


def confusion(logits, labels):
    """(10, 10) int: how many images of each class (row) were taken for each class (column)."""
    pairs = labels * CLASSES + logits.argmax(axis=1)
    return np.bincount(pairs, minlength=CLASSES**2).reshape(CLASSES, CLASSES)
