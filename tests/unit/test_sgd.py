"""SGD as it is defined, over flat vectors."""

import numpy as np
import pytest
from mxnet import nd

from lenet.training import sgd

LENGTH = 1003
LEARNING_RATES = [0.05, 0.2, 0.1]  # of three steps


@pytest.mark.parametrize("scale", [1.0, 2.0**40])
@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("momentum", [0, 0.5, 0.9])
def test_it_is_nesterovs(momentum, weight_decay, scale):
    random = np.random.RandomState(5)
    weights, velocities = random.standard_normal(LENGTH).astype(np.float32), np.zeros(LENGTH)
    own, momenta = nd.array(weights), nd.zeros(LENGTH)
    for rate in LEARNING_RATES:
        gradients = random.standard_normal(LENGTH).astype(np.float32)
        sgd.update(
            own,
            momenta,
            nd.array(gradients * scale),
            learning_rate=rate,
            momentum=momentum,
            weight_decay=weight_decay,
            scale=scale,
        )
        decayed = gradients + weight_decay * weights
        velocities = momentum * velocities - rate * decayed
        weights = weights + momentum * velocities - rate * decayed
    np.testing.assert_allclose(own.asnumpy(), weights, rtol=1e-4, atol=1e-6)
    if momentum:
        np.testing.assert_allclose(momenta.asnumpy(), velocities, rtol=1e-4, atol=1e-6)
    else:
        assert not momenta.asnumpy().any()
