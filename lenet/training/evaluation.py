"""Evaluates a network: its totals and its confusion matrix over a split of the data set."""

import math
from dataclasses import astuple, dataclass

import numpy as np
from mxnet import nd
from mxnet.gluon import HybridBlock

from distributed import World
from lenet.data.batches import Batches
from lenet.model.normalise import normalise
from lenet.model.parameters import named_parameters
from lenet.native.operations import NativeData, compute_logits
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


def evaluate(
    net: HybridBlock, data: Batches, world: World, objective: Objective, threads: int | None = None
) -> Evaluation:
    """The Evaluation of all images of `data`, each computed by one rank: no padding, none left out.

    The images are cut into the same shards for any number of ranks, and the sum of their losses is the correctly
    rounded one (math.fsum), so the result has the same bits for any number of ranks. `threads` as `predict_logits`.
    """
    parts: list[tuple[float | int | None, ...]] = []  # the Totals of each shard
    matrix = np.zeros((objective.classes, objective.classes), int)
    shard = max(1, min(EVALUATED, EVALUATED_VALUES // math.prod(data.images.shape[1:])))
    for begin in world.split(range(0, len(data), shard)):
        world.monitor.heartbeat("this rank's part of the evaluation")
        logits, labels = predict_logits(net, data, range(begin, min(begin + shard, len(data))), threads)
        parts.append(astuple(objective.evaluate(logits, labels)))
        matrix += confusion(logits, labels)
    world.monitor.heartbeat("the other ranks' parts of the evaluation")
    totals = Totals.sum(Totals(*part) for rank in world.all_gather_object(parts) for part in rank)
    return Evaluation(totals, world.sum(matrix).astype(int))


def predict_logits(
    net: HybridBlock, batches: Batches, rows: range, threads: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The logits (n, classes) float64 and labels (n,) of the range `rows` of `batches`, both on the host.

    With `threads` native code computes them, in that many threads: see native_threads of model/network.py.
    """
    if threads:
        return _native_logits(net, batches, rows, threads), batches.labels[rows.start : rows.stop].asnumpy().astype(int)
    logits, labels = [], []  # of each batch
    for images, truth in batches.cut(rows, BATCH):
        logits.append(net(normalise(images, batches.mean, batches.std)).asnumpy())
        labels.append(truth.asnumpy())
    return np.concatenate(logits).astype(float), np.concatenate(labels).astype(int)


def _native_logits(net: HybridBlock, batches: Batches, rows: range, threads: int) -> np.ndarray:
    weights = nd.concat(*(each.data().reshape(-1) for each in named_parameters(net).values()), dim=0)
    classes = net[-1].weight.shape[0]
    data = NativeData(batches.images, batches.labels, batches.mean, batches.std, classes)
    return compute_logits(data, weights, rows, threads).asnumpy().astype(float)


def confusion(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """(classes, classes) int: how many images of each class (row) were taken for each class (column)."""
    classes = logits.shape[1]
    pairs = labels * classes + logits.argmax(axis=1)
    return np.bincount(pairs, minlength=classes**2).reshape(classes, classes)
