"""LeNet-5's first weights, with the same bits on every machine."""

import math
from collections.abc import Mapping

import numpy as np


def initial_weights(seed: int, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The float32 parameters of these names and `shapes`, in this order: Xavier's for weights, zeros for biases.

    Weights (out, in, ...) are uniform up to sqrt(3 / ((fan_in + fan_out) / 2)), Glorot and Bengio 2010, as
    `mx.init.Xavier()` has them.
    """
    random = np.random.RandomState(seed)
    parameters = {}
    for name, shape in shapes.items():
        if len(shape) == 1:
            parameters[name] = np.zeros(shape, np.float32)
            continue
        outputs, inputs, *kernel = shape
        bound = math.sqrt(3 / ((inputs + outputs) * math.prod(kernel) / 2))
        parameters[name] = ((random.random_sample(shape) * 2 - 1) * bound).astype(np.float32)
    return parameters
