"""What is counted in training and in evaluation is the same, by its definition."""

import math

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from lenet.config import Config
from lenet.model.network import Network, load_network
from lenet.run.progress import Totals
from lenet.training.objective import METRICS, Objective

IMAGES = 50


@pytest.mark.parametrize("classes", [2, 6, 300])
def test_training_counts_what_evaluation_counts(classes):
    random = np.random.RandomState(classes)
    logits = random.randint(-9, 9, (IMAGES, classes)).astype(np.float32)  # with ties
    labels = random.randint(0, classes, IMAGES).astype(np.int32)
    objective = Objective(classes, metrics=(*METRICS, "top5"))
    loss, metrics = objective.compute(mx.nd, nd.array(logits), nd.array(labels, dtype="int32"), nd.array([2.0]))
    totals = objective.evaluate(logits.astype(float), labels)
    assert loss.asscalar() == pytest.approx(2 * totals.loss, rel=1e-5)
    assert metrics.asnumpy().tolist() == [loss.asscalar(), totals.correct, totals.images, totals.top5]
    above = [sum(each > row[label] for each in row) for row, label in zip(logits, labels)]
    assert totals.top5 == sum(count < 5 for count in above)
    assert totals.correct <= totals.top5


def test_the_five_best_are_counted_of_more_classes_and_other_networks():
    own = Network("small", "a digest", load_network, path="small.py")
    assert Objective.of(Config(), own, 6).metrics == (*METRICS, "top5")
    for network, classes in ((own, 5), (load_network("lenet5"), 10)):
        assert Objective.of(Config(), network, classes).metrics == METRICS


def test_totals_add_up_in_any_order():
    parts = [Totals(0.1 * number, number, 10, number + 1) for number in range(9)]
    total = Totals.sum(parts)
    assert total == Totals.sum(parts[::-1]) == Totals(math.fsum(0.1 * number for number in range(9)), 36, 90, 45)
    assert Totals() + total == total
    assert total.means() == {"loss": total.loss / 90, "accuracy": 0.4, "top5": 0.5}
    assert Totals(1.0, 1, 2).means() == {"loss": 0.5, "accuracy": 0.5}
