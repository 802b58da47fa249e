"""The objective: the loss that training lowers, and what is counted of each image, in training and in evaluation.

Another loss is written here, and its option in config.py. Another metric is a field of Totals that is counted here.
"""

import math
from types import ModuleType
from typing import Any

import numpy as np
from mxnet import gluon

from lenet.config import Config
from lenet.exact_math import cross_entropy
from lenet.model.network import Network
from lenet.model.normalise import Tensor
from lenet.run.progress import Totals

METRICS = ("loss", "correct", "images")  # the fields of Totals that are counted of any network


class Objective:
    """Cross-entropy over `classes`, in nats. `metrics` are the fields of Totals that are counted, in their order."""

    def __init__(self, classes: int, label_smoothing: float = 0.0, metrics: tuple[str, ...] = METRICS):
        self.classes, self.smoothing, self.metrics = classes, label_smoothing, metrics
        self.cross_entropy = gluon.loss.SoftmaxCrossEntropyLoss()

    @classmethod
    def of(cls, config: Config, network: Network, classes: int) -> "Objective":
        """The objective of training `network` under `config`. Of five classes, all are among the five best."""
        counts_top5 = classes > 5 and not network.is_lenet5
        return cls(classes, config.label_smoothing, (*METRICS, "top5") if counts_top5 else METRICS)

    def compute(self, F: ModuleType, logits: Tensor, labels: Tensor, scale: Tensor) -> tuple[Tensor, Tensor]:
        """The loss of a shard times `scale` (1,), and its metrics (len(metrics),), of logits (n, classes)."""
        losses = self.cross_entropy(logits, labels)
        if self.smoothing:  # Szegedy et al. 2016, arXiv:1512.00567, section 7
            losses = (1 - self.smoothing) * losses - self.smoothing * F.log_softmax(logits).mean(axis=1)
        counted = {
            "loss": losses.sum() * scale,
            "correct": F.broadcast_equal(logits.argmax(axis=1), labels.astype("float32")).sum(),
            "images": F.ones_like(labels).astype("float32").sum(),
            "top5": (F.broadcast_greater(logits, F.pick(logits, labels, keepdims=True)).sum(axis=1) < 5).sum(),
        }
        return counted["loss"], F.concat(*(counted[name] for name in self.metrics), dim=0)

    def evaluate(self, logits: np.ndarray, labels: np.ndarray) -> Totals:
        """The sums over images that are evaluated: logits (n, classes) float64; the loss is without smoothing."""
        rows = np.arange(len(labels))
        counted: dict[str, Any] = {
            "loss": math.fsum(cross_entropy(logits, labels)),
            "correct": int((logits.argmax(axis=1) == labels).sum()),
            "images": len(labels),
            "top5": int(((logits > logits[rows, labels, None]).sum(axis=1) < 5).sum()),
        }
        return Totals(**{name: counted[name] for name in self.metrics})
