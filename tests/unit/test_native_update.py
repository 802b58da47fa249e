"""The native update is NumPy's single operations bit for bit, and MXNet's optimizers to float rounding."""

import math

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from lenet.native.operations import NativeUpdate
from lenet.native.tasks import Rule

COUNT = 60170
RATES = [0.1, 0.05, 0.2]
UPDATES = [
    NativeUpdate(Rule.SGD),
    NativeUpdate(Rule.SGD, weight_decay=0.01, clip_norm=3.0),
    NativeUpdate(Rule.NESTEROV, momentum=0.9),
    NativeUpdate(Rule.NESTEROV, weight_decay=5e-4, momentum=0.9, clip_norm=1.0),
    NativeUpdate(Rule.ADAM, weight_decay=0.01),
    NativeUpdate(Rule.ADAM, beta1=0.8, beta2=0.99, epsilon=1e-6, clip_norm=2.0),
    NativeUpdate(Rule.ADAMW, weight_decay=0.01),
]


def vectors():
    """Weights, and the totals of three steps: gradients of about 0.01, among them zeros and large ones."""
    random = np.random.RandomState(7)
    weights = random.normal(0, 0.1, COUNT).astype(np.float32)
    gradients = random.normal(0, 0.01, (3, COUNT)) * random.randint(0, 2, COUNT)
    gradients[:, ::1000] *= 1000
    return weights, (gradients * 2.0**40).astype(np.int64)


def power(base, exponent):
    result = 1.0
    while exponent:
        result = result * base if exponent & 1 else result
        base, exponent = base * base, exponent >> 1
    return result


def numpy_step(update, w, slots, total, rate, step):
    """The weights and slots after a step, each line as lenet5.cpp writes it."""
    f = np.float32
    g = total.astype(np.float32) * f(2.0**-40)
    if update.clip_norm:
        padded = np.zeros(-(-len(g) // 16) * 16)
        padded[: len(g)] = g.astype(np.float64) ** 2
        sums = np.add.accumulate(padded.reshape(-1, 16), axis=0)[-1]
        for half in (8, 4, 2, 1):
            sums = sums[:half] + sums[half:]
        g = g * f(min(update.clip_norm / math.sqrt(sums[0]), 1.0))
    if update.rule != Rule.ADAMW:
        g = g + f(update.weight_decay) * w
    if update.rule == Rule.SGD:
        return w - f(rate) * g, slots
    if update.rule == Rule.NESTEROV:
        v = f(update.momentum) * slots[0] - f(rate) * g
        return w + (f(update.momentum) * v - f(rate) * g), [v]
    mean = f(update.beta1) * slots[0] + f(1 - update.beta1) * g
    variance = f(update.beta2) * slots[1] + f(1 - update.beta2) * (g * g)
    adam_rate = f(rate * math.sqrt(1 - power(update.beta2, step)) / (1 - power(update.beta1, step)))
    change = adam_rate * mean / (np.sqrt(variance) + f(update.epsilon))
    if update.rule == Rule.ADAMW:
        change = change + f(rate * update.weight_decay) * w
    return w - change, [mean, variance]


def native_steps(update):
    weights, totals = vectors()
    weights, slots = nd.array(weights), [nd.zeros(COUNT) for _ in update.slots]
    for step, (rate, total) in enumerate(zip(RATES, totals), start=1):
        update.take(weights, slots, nd.array(total, dtype="int64"), rate, step)
    return [each.asnumpy() for each in (weights, *slots)]


@pytest.mark.parametrize("update", UPDATES, ids=str)
def test_the_bits_are_those_of_single_operations(update):
    weights, totals = vectors()
    slots = [np.zeros(COUNT, np.float32) for _ in update.slots]
    for step, (rate, total) in enumerate(zip(RATES, totals), start=1):
        weights, slots = numpy_step(update, weights, slots, total, rate, step)
    for ours, expected in zip(native_steps(update), [weights, *slots], strict=True):
        assert ours.tobytes() == expected.astype(np.float32).tobytes()


def mxnet_steps(update):
    """The weights after the steps of MXNet's own optimizer, or AdamW's operator."""
    weights, totals = vectors()
    weights = nd.array(weights)
    options = {"wd": update.weight_decay}
    if update.rule in (Rule.SGD, Rule.NESTEROV):
        optimizer = mx.optimizer.NAG(momentum=update.momentum, **options)
    else:
        optimizer = mx.optimizer.Adam(beta1=update.beta1, beta2=update.beta2, epsilon=update.epsilon, **options)
    state = optimizer.create_state(0, weights)
    for step, (rate, total) in enumerate(zip(RATES, totals), start=1):
        gradient = nd.array(total / 2.0**40)
        if update.clip_norm:
            mx.gluon.utils.clip_global_norm([gradient], update.clip_norm)
        if update.rule == Rule.ADAMW:
            corrected = math.sqrt(1 - update.beta2**step) / (1 - update.beta1**step)
            mx.nd.contrib.adamw_update(
                weights, gradient, *state, nd.ones(1), lr=corrected, eta=rate, wd=update.weight_decay, out=weights
            )
        else:
            optimizer.set_learning_rate(rate)
            optimizer.update(0, weights, gradient, state)
    return weights.asnumpy()


# MXNet's Nesterov with weight decay depends on where a weight lies (lenet/training/sgd.py).
@pytest.mark.parametrize("update", [each for each in UPDATES if not (each.momentum and each.weight_decay)], ids=str)
def test_the_weights_are_those_of_mxnets_optimizers(update):
    np.testing.assert_allclose(native_steps(update)[0], mxnet_steps(update), rtol=1e-4, atol=2e-5)


def test_gradients_of_zero_are_not_clipped():
    weights = nd.ones(5)
    NativeUpdate(Rule.SGD, clip_norm=1.0).take(weights, [], nd.zeros(5, dtype="int64"), 0.1)
    assert weights.asnumpy().tolist() == [1] * 5
