"""SGD as it is defined, for arrays of any shapes."""

import numpy as np
import pytest
from mxnet import nd

from lenet.training import sgd

SHAPES = [(16, 6, 3, 3), (16,), (10, 840)]
RATES = [0.05, 0.2, 0.1]  # of three steps


def some(random):
    return [random.standard_normal(shape).astype(np.float32) for shape in SHAPES]


@pytest.mark.parametrize("decay", [0, 0.1])
@pytest.mark.parametrize("momentum", [0, 0.5, 0.9])
def test_it_is_nesterovs(momentum, decay):
    random = np.random.RandomState(5)
    weights, velocities = some(random), [np.zeros(shape, np.float64) for shape in SHAPES]
    ahead = [nd.array(weight) for weight in weights]  # where the gradients are taken: weight + momentum * velocity
    momenta = [nd.zeros(shape) for shape in SHAPES] if momentum else []
    for rate in RATES:
        gradients = some(random)
        sgd.step(ahead, [nd.array(gradient) for gradient in gradients], momenta, rate, momentum, decay)
        for i, gradient in enumerate(gradients):
            velocities[i] = momentum * velocities[i] - rate * (gradient + decay * weights[i])
            weights[i] = weights[i] + velocities[i]
    for i, weight in enumerate(ahead):
        np.testing.assert_allclose(weight.asnumpy(), weights[i] + momentum * velocities[i], rtol=1e-4, atol=1e-6)
    for own, velocity in zip(momenta, velocities):
        np.testing.assert_allclose(own.asnumpy(), velocity, rtol=1e-4, atol=1e-6)
