"""Evaluates a network: its totals and its confusion matrix over a split of the data set."""

import math
from dataclasses import astuple, dataclass

import numpy as np
from mxnet.gluon import HybridBlock

from distributed import World
from lenet.data.batches import Batches
from lenet.model.normalise import normalise
from lenet.run.progress import Totals
from lenet.training.objective import Objective

# Images at a time that a rank evaluates, and fewer where they are large; part of the result.
EVALUATED, EVALUATED_VALUES = 500, 1 << 22
BATCH = 1000  # images at a time


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The results of a network over a split of the data set."""

    totals: Totals  # over all ranks
    confusion: np.ndarray  # (classes, classes) int, label by prediction, over all ranks


def evaluate(net: HybridBlock, data: Batches, world: World, objective: Objective) -> Evaluation:
    """The Evaluation of all images of `data`, each computed by one rank: no padding, none left out.

    The images are cut into the same shards for any number of ranks, and the sum of their losses is the correctly
    rounded one (math.fsum), so the result has the same bits for any number of ranks.
    """
    parts: list[tuple[float | int | None, ...]] = []  # the Totals of each shard
    matrix = np.zeros((objective.classes, objective.classes), int)
    shard = max(1, min(EVALUATED, EVALUATED_VALUES // math.prod(data.images.shape[1:])))
    for begin in world.split(range(0, len(data), shard)):
        world.monitor.heartbeat("this rank's part of the evaluation")
        logits, labels = predict_logits(net, data, range(begin, min(begin + shard, len(data))))
        parts.append(astuple(objective.evaluate(logits, labels)))
        matrix += confusion(logits, labels)
    world.monitor.heartbeat("the other ranks' parts of the evaluation")
    totals = Totals.sum(Totals(*part) for rank in world.all_gather_object(parts) for part in rank)
    return Evaluation(totals, world.sum(matrix).astype(int))


def predict_logits(net: HybridBlock, batches: Batches, rows: range) -> tuple[np.ndarray, np.ndarray]:
    """The logits (n, classes) float64 and labels (n,) of the range `rows` of `batches`, both on the host."""
    logits, labels = [], []  # of each batch
    for images, truth in batches.cut(rows, BATCH):
        logits.append(net(normalise(images, batches.mean, batches.std)).asnumpy())
        labels.append(truth.asnumpy())
    return np.concatenate(logits).astype(float), np.concatenate(labels).astype(int)


def confusion(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(classes, classes) int: how many images of each class (row) were taken for each class (column)."""
    classes = logits.shape[1]
    pairs = labels * classes + logits.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
