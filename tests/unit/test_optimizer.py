"""Optimizers as they are defined, over flat vectors."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from lenet.config import Config
from lenet.training.optimizer import SGD, Adam, choose_optimizer

LENGTH = 1003
RATES = [0.05, 0.2, 0.1]  # of three steps
SCALES = [1.0, 2.0**40]


@pytest.fixture
def draw():
    """Draws float32 vectors."""
    random = np.random.RandomState(5)
    return lambda: random.standard_normal(LENGTH).astype(np.float32)


def slots_of(optimizer):
    return {name: nd.zeros(LENGTH) for name in optimizer.slots}


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("momentum", [0, 0.5, 0.9])
def test_sgd_is_nesterovs(draw, momentum, weight_decay, scale):
    weights, velocities, optimizer = draw(), np.zeros(LENGTH), SGD(momentum, weight_decay)
    own, slots = nd.array(weights), slots_of(optimizer)
    for step, rate in enumerate(RATES, 1):
        gradients = draw()
        optimizer.update(own, slots, nd.array(gradients * scale), rate, scale, step)
        decayed = gradients + weight_decay * weights
        velocities = momentum * velocities - rate * decayed
        weights = weights + momentum * velocities - rate * decayed
    np.testing.assert_allclose(own.asnumpy(), weights, rtol=1e-4, atol=1e-6)
    if momentum:
        np.testing.assert_allclose(slots["momentum"].asnumpy(), velocities, rtol=1e-4, atol=1e-6)
    else:
        assert not slots["momentum"].asnumpy().any()


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("is_decoupled", [False, True])
def test_adam_is_mxnets(draw, is_decoupled, weight_decay, scale):
    optimizer = Adam(weight_decay, is_decoupled)
    own, slots = nd.array(draw()), slots_of(optimizer)
    theirs, mean, variance = own.copy(), nd.zeros(LENGTH), nd.zeros(LENGTH)
    adam = mx.optimizer.Adam(wd=weight_decay)
    for step, rate in enumerate(RATES, 1):
        gradients = nd.array(draw())
        optimizer.update(own, slots, gradients * scale, rate, scale, step)
        if is_decoupled:
            correction = np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            nd.contrib.adamw_update(
                theirs, gradients, mean, variance, nd.ones(1), lr=correction, eta=rate, wd=weight_decay, out=theirs
            )
        else:
            adam.set_learning_rate(rate)
            adam.update(0, theirs, gradients, (mean, variance))
    for ours, expected in ((own, theirs), (slots["mean"], mean), (slots["variance"], variance)):
        # MXNet's kernel takes 1 - 0.999 in float32, which is 1.3e-5 of it too large.
        np.testing.assert_allclose(ours.asnumpy(), expected.asnumpy(), rtol=2e-5, atol=5e-6)


def test_adams_first_steps_are_of_the_learning_rate(draw):
    """By the bias correction: whatever the gradients are."""
    optimizer = Adam(weight_decay=0, is_decoupled=True)
    weights, gradients = nd.zeros(LENGTH), 100 * np.sign(draw())
    slots = slots_of(optimizer)
    for step in (1, 2):
        optimizer.update(weights, slots, nd.array(gradients), 0.01, 1.0, step)
    np.testing.assert_allclose(weights.asnumpy(), -0.02 * np.sign(gradients), rtol=1e-5)


@pytest.mark.parametrize("name", ["sgd", "adam", "adamw"])
def test_the_config_names_it(name):
    found = choose_optimizer(Config(optimizer=name, momentum=0.5, weight_decay=0.25))
    assert found.weight_decay == 0.25
    assert found == {"sgd": SGD(0.5, 0.25), "adam": Adam(0.25, False), "adamw": Adam(0.25, True)}[name]
