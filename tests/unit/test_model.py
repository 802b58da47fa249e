"""The network is the tutorial's: 60,170 parameters, the same outputs and gradients, layer by layer."""

import mxnet as mx
import numpy as np
import pytest
from mxnet import autograd, gluon, nd

from lenet.errors import InputError
from lenet.model import parameters
from lenet.model.params_file import read_params
from tests.support import tutorial
from tests.support.fashion import build_lenet5, normalise

BATCH = 7


@pytest.fixture
def net():
    return build_lenet5(seed=5)


@pytest.fixture
def pixels():
    return nd.array(np.random.RandomState(0).randint(0, 256, (BATCH, 28, 28)), dtype="uint8")


@pytest.fixture
def plain(net, tmp_path):
    """The tutorial's network with the weights of `net`, through a file as a user would carry them over."""
    net.save_parameters(str(tmp_path / "net.params"))
    plain = tutorial.network()
    plain.load_parameters(str(tmp_path / "net.params"))
    return plain


def values(net):
    return {name: parameter.data().asnumpy() for name, parameter in net._collect_params_with_prefix().items()}


def close(ours, theirs):
    np.testing.assert_allclose(ours.asnumpy(), theirs.asnumpy(), rtol=1e-4, atol=1e-6)


def test_it_has_60170_parameters(net):
    """150 + 6, 6 * 16 * 9 + 16, 400 * 120 + 120, 120 * 84 + 84 and 84 * 10 + 10."""
    assert sum(value.size for value in values(net).values()) == 60_170
    assert sum(value.size for value in values(net).values()) == 156 + 880 + 48_120 + 10_164 + 850


def test_the_names_are_those_of_the_plain_network(net, plain, pixels):
    plain(normalise(pixels))
    shapes = {name: value.shape for name, value in values(net).items()}
    assert list(shapes) == [f"{layer}.{kind}" for layer in (0, 2, 5, 6, 7) for kind in ("weight", "bias")]
    assert shapes == {name: value.shape for name, value in values(plain).items()}


def test_each_layer_gives_what_the_tutorials_gives(net, plain, pixels):
    ours = theirs = normalise(pixels)
    assert len(net) == len(plain)
    for layer, (our_layer, their_layer) in enumerate(zip(net, plain)):
        ours, theirs = our_layer(ours), their_layer(theirs)
        assert ours.shape == theirs.shape, layer
        close(ours, theirs)
    assert ours.shape == (BATCH, 10)


@pytest.mark.parametrize("hybrid", [False, True])
def test_outputs_and_gradients_are_the_tutorials(net, plain, pixels, hybrid):
    if hybrid:
        net.hybridize(static_alloc=True)
    labels = nd.arange(BATCH)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    outputs = []
    for each in (net, plain):
        with autograd.record():
            logits = each(normalise(pixels))
            mean = loss(logits, labels).mean()
        mean.backward()
        outputs.append(logits)
    close(*outputs)
    theirs = plain._collect_params_with_prefix()
    for name, parameter in parameters.named_parameters(net).items():
        assert np.abs(parameter.grad().asnumpy()).max() > 0, name
        close(parameter.grad(), theirs[name].grad())


def test_normalise_is_the_tutorials_transform(pixels):
    """For every value of a pixel, but for the last bits: the tutorial's layers round in another order."""
    every = nd.array(np.arange(784).reshape(1, 28, 28) % 256, dtype="uint8")
    for images in (pixels, every):
        expected = nd.stack(*[tutorial.transform(image.expand_dims(axis=2)) for image in images])
        normalised = normalise(images)
        assert (normalised.shape, normalised.dtype) == (expected.shape, np.float32)
        np.testing.assert_allclose(normalised.asnumpy(), expected.asnumpy(), rtol=1e-5, atol=1e-6)


def test_the_tutorials_file_loads_here(tmp_path, net, pixels):
    plain = tutorial.network()
    plain.initialize(mx.init.Normal(0.1))
    theirs = plain(normalise(pixels))
    plain.save_parameters(str(tmp_path / "plain.params"))
    parameters.set_parameters(net, read_params(tmp_path / "plain.params"), "plain.params")
    close(net(normalise(pixels)), theirs)


def test_the_seed_decides_the_first_weights(net):
    nd.random.uniform(shape=9).wait_to_read()  # whatever was drawn before
    again, other = (build_lenet5(seed) for seed in (5, 6))
    first = values(net)
    assert all(np.array_equal(value, first[name]) for name, value in values(again).items())
    assert not np.array_equal(values(other)["0.weight"], first["0.weight"])


def test_the_first_weights_are_xaviers(net):
    for name, value in values(net).items():
        if name.endswith("bias"):
            assert not value.any()
        else:
            area = np.prod(value.shape[2:])
            bound = np.sqrt(3 / ((value.shape[0] + value.shape[1]) * area / 2))
            assert 0.8 * bound < np.abs(value).max() <= bound * 1.0001


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda arrays: arrays.pop("6.bias"), "6.bias is missing"),
        (lambda arrays: arrays.update({"8.bias": np.zeros(1, np.float32)}), "8.bias is not a parameter"),
        (lambda arrays: arrays.update({"7.bias": np.zeros(9, np.float32)}), r"7.bias has shape \(9,\)"),
        (lambda arrays: arrays.update({"7.bias": np.full(10, np.nan, np.float32)}), "7.bias holds values"),
    ],
)
def test_another_networks_parameters_are_refused_and_nothing_is_changed(net, change, told):
    before = values(net)
    arrays = {name: value + 1 for name, value in before.items()}
    change(arrays)
    with pytest.raises(InputError, match=told) as caught:
        parameters.set_parameters(net, arrays, "given.params")
    assert str(caught.value).startswith("given.params: ")
    assert "\n" not in str(caught.value)
    assert all(np.array_equal(value, before[name]) for name, value in values(net).items())
