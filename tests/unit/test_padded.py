"""The fast network is LeNet-5: the plain layers' parameters, outputs and gradients, whatever the images."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mxnet import autograd, nd

from lenet.model import lenet5, parameters
from lenet.model.padded import padded_lenet5
from tests.support.fashion import build_lenet5

CHANNELS = [6, 8, 16]  # none padded, without AVX-512, with it


def networks(seed):
    plain = build_lenet5(seed)
    for name, parameter in parameters.named_parameters(plain).items():
        if name.endswith("bias"):  # they start at 0, which would hide a bias in the wrong place
            parameter.set_data(nd.random.normal(scale=0.1, shape=parameter.shape))
    return plain, {channels: padded_lenet5(plain, channels) for channels in CHANNELS}


def outcome(net, plain, images, ahead):
    """The logits, and the gradients of `plain`'s parameters for the gradient `ahead` of the logits."""
    with autograd.record():
        logits = net(images)
    logits.backward(ahead)
    gradients = {name: parameter.grad().asnumpy() for name, parameter in parameters.named_parameters(plain).items()}
    return {"logits": logits.asnumpy(), **gradients}


def assert_same(ours, theirs):
    """To float rounding: sums over images and pixels may be added up in another order."""
    for name, expected in theirs.items():
        np.testing.assert_allclose(ours[name], expected, rtol=1e-4, atol=2e-6 * abs(expected).max(), err_msg=name)


def pictures(kind, batch, rng):
    """(batch, 1, 28, 28) float32. Few levels and blank images make ties in the pools and zeros at the ReLUs."""
    shape = (batch, 1, 28, 28)
    made = {
        "noise": lambda: rng.normal(0, 1, shape),
        "large": lambda: rng.normal(0, 1e3, shape),
        "few levels": lambda: rng.randint(-1, 2, shape),
        "blank": lambda: np.full(shape, rng.randint(-1, 2)),
        "stripes": lambda: np.broadcast_to(rng.randint(-1, 2, (batch, 1, 1, 28)), shape),
    }
    return nd.array(made[kind](), dtype="float32")


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**16),
    batch=st.one_of(st.integers(1, 40), st.sampled_from([64, 127, 256])),
    kind=st.sampled_from(["noise", "large", "few levels", "blank", "stripes"]),
    hybrid=st.booleans(),
)
def test_logits_and_gradients_are_the_plain_networks(seed, batch, kind, hybrid):
    plain, fast = networks(seed)
    rng = np.random.RandomState(seed)
    images, ahead = pictures(kind, batch, rng), nd.array(rng.normal(0, 1, (batch, lenet5.CLASSES)))
    expected = outcome(plain, plain, images, ahead)
    for net in fast.values():
        if hybrid:
            net.hybridize(static_alloc=True)
        assert_same(outcome(net, plain, images, ahead), expected)


def test_one_hybrid_network_takes_batches_of_any_size():
    plain, fast = networks(1)
    net = fast[16]
    net.hybridize(static_alloc=True)
    for batch in (7, 64, 1, 64, 65):
        images = pictures("noise", batch, np.random.RandomState(batch))
        ahead = nd.ones((batch, lenet5.CLASSES))
        assert_same(outcome(net, plain, images, ahead), outcome(plain, plain, images, ahead))


@pytest.mark.parametrize("zero", ["0.weight", "0.bias", "2.weight", "2.bias"])
def test_weights_of_zero(zero):
    """Then every pool is a tie and every ReLU is at its corner, or one layer passes nothing on."""
    plain, fast = networks(2)
    parameter = parameters.named_parameters(plain)[zero]
    parameter.set_data(nd.zeros(parameter.shape))
    images, ahead = pictures("noise", 9, np.random.RandomState(0)), nd.ones((9, lenet5.CLASSES))
    for net in fast.values():
        assert_same(outcome(net, plain, images, ahead), outcome(plain, plain, images, ahead))


def test_the_parameters_are_the_same_objects():
    plain, fast = networks(3)
    for net in fast.values():
        assert dict(net.collect_params().items()) == dict(plain.collect_params().items())
