"""Our exponential, logarithm and cosine are accurate, and their bits are known."""

import hashlib
import math

import numpy as np
import pytest

from lenet.exact_math import cosine_of_pi, cross_entropy, exponential, logarithm
from lenet.model.initial_weights import initial_weights
from lenet.model.lenet5 import lenet5
from lenet.model.parameters import named_parameters


def test_exponential_is_accurate():
    x = np.concatenate([-np.random.RandomState(0).random_sample(10000) * 708, np.linspace(-1, 0, 10001), [-708.0]])
    np.testing.assert_allclose(exponential(x), np.exp(x), rtol=4e-16)


def test_exponential_at_the_ends():
    assert exponential(np.array([0.0, -0.0, -709.0, -math.inf])).tolist() == [1, 1, 0, 0]
    assert np.isnan(exponential(np.array([math.nan]))).all()


def test_logarithm_is_accurate():
    x = np.concatenate([np.geomspace(1, 1e6, 10000), 1 + np.geomspace(1e-15, 1, 10000)])
    np.testing.assert_allclose(logarithm(x), np.log(x), rtol=5e-16, atol=0)
    assert logarithm(np.array([1.0])) == 0


def test_cosine_is_accurate():
    for x in np.linspace(0, 1, 1001):
        assert cosine_of_pi(float(x)) == pytest.approx(math.cos(math.pi * x), abs=1e-15)
    assert (cosine_of_pi(0.0), cosine_of_pi(0.5), cosine_of_pi(1.0)) == (1, pytest.approx(0, abs=3e-16), -1)


@pytest.mark.parametrize("scale", [1, 100, 1e30])
def test_cross_entropy_for_logits_of_any_size(scale):
    random = np.random.RandomState(1)
    logits = (random.normal(0, 1, (50, 7)) * scale).astype(np.float32)
    labels = random.randint(0, 7, 50)
    exact = [
        float(max(row)) - float(row[label]) + math.log(sum(math.exp(float(each) - float(max(row))) for each in row))
        for row, label in zip(logits, labels)
    ]
    np.testing.assert_allclose(cross_entropy(logits, labels), exact, rtol=1e-14, atol=1e-16)


def test_the_loss_of_an_image_does_not_depend_on_the_others():
    random = np.random.RandomState(2)
    logits, labels = random.normal(0, 3, (40, 10)).astype(np.float32), random.randint(0, 10, 40)
    alone = [cross_entropy(logits[i : i + 1], labels[i : i + 1])[0] for i in range(40)]
    assert cross_entropy(logits, labels).tolist() == alone


def test_the_bits_are_known():
    """On any processor, with any NumPy."""
    x = np.random.RandomState(3).random_sample(1000)
    logits = (x.reshape(100, 10) * 20 - 10).astype(np.float32)
    results = exponential(-x * 50), logarithm(1 + x * 50), cross_entropy(logits, np.arange(100) % 10)
    cosines = np.array([cosine_of_pi(float(each)) for each in x])
    digest = hashlib.sha256(b"".join(each.tobytes() for each in (*results, cosines))).hexdigest()
    assert digest == "33b8d4d5091797712794a13b65618676d2b7a47989ae5cfd9e62f388d08c1435"


def test_initial_weights_are_xaviers():
    shapes = {name: each.shape for name, each in named_parameters(lenet5()).items()}
    weights = initial_weights(1, shapes)
    assert {name: each.shape for name, each in weights.items()} == shapes
    for name, each in weights.items():
        if name.endswith("bias"):
            assert not each.any()
        else:
            fans = (each.shape[0] + each.shape[1]) * math.prod(each.shape[2:])
            assert 0.9 < np.abs(each).max() / math.sqrt(6 / fans) <= 1
            assert abs(each.mean()) < 3 * each.std() / math.sqrt(each.size)
    digest = hashlib.sha256(b"".join(each.tobytes() for each in weights.values())).hexdigest()
    assert digest == "c6da0a66d5354289d3e2e9e0ecc9aec5529c5646fe661640bec5a43a90146609"
    assert not np.array_equal(initial_weights(2, shapes)["0.weight"], weights["0.weight"])
