"""The native LeNet-5 is Gluon's network: logits, loss and gradients, whatever images, classes and shards there are."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mxnet import autograd, nd

from lenet.data.augmentation import draws
from lenet.exact_math import cross_entropy
from lenet.model.lenet5 import lenet5
from lenet.model.normalise import normalise
from lenet.model.parameters import named_parameters
from tests.support import native
from tests.support.native import make_case

UNIT = 2.0**40


def gluon(case):
    """The mean loss, logits (in the case's order) and gradients of Gluon's network."""
    net = lenet5(case.classes, case.image_shape)
    net.initialize()
    parameters = named_parameters(net)
    for name, value in native.split(case.weights, native.shapes_of(case.classes, case.image_shape)).items():
        parameters[name].set_data(nd.array(value))
    pixels, labels = nd.array(case.images[case.order], dtype="uint8"), nd.array(case.labels[case.order])
    with autograd.record():
        logits = net(normalise(pixels, case.mean, case.std))
        log_softmax = nd.log_softmax(logits)
        loss = -(1 - case.smoothing) * nd.pick(log_softmax, labels) - case.smoothing * log_softmax.mean(axis=1)
        loss = loss.mean()
    loss.backward()
    return float(loss.asscalar()), logits.asnumpy(), {name: each.grad().asnumpy() for name, each in parameters.items()}


def mirrored_and_moved(image, is_mirrored, down, right):
    """The image (height, width, ...) as lenet/data/augmentation.py changes it, pixel by pixel."""
    result = np.zeros_like(image)
    height, width = image.shape[:2]
    for row in range(height):
        for column in range(width):
            source_row, source_column = row - down, column - right
            if is_mirrored:
                source_column = width - 1 - source_column
            if 0 <= source_row < height and 0 <= source_column < width:
                result[row, column] = image[source_row, source_column]
    return result


def assert_same(case, threads=1):
    """To float rounding, of sums whose parts may be larger than they are.

    Rounding can also make another of four nearly equal positions the largest of a pool; that moves little.
    """
    loss, logits, gradients = gluon(case)
    own_loss, own_gradients = native.loss_and_gradients(case, threads=threads)
    own_logits = native.logits(case, threads=threads)[case.order]
    np.testing.assert_allclose(own_logits, logits, rtol=1e-4, atol=1e-5 * abs(logits).max())
    assert own_loss == pytest.approx(loss, rel=1e-4, abs=3e-6)
    largest = max(abs(each).max() for each in gradients.values())
    for name, expected in gradients.items():
        tolerance = 2e-4 * abs(expected).max() + 1e-6 * largest
        np.testing.assert_allclose(own_gradients[name], expected, rtol=0, atol=tolerance, err_msg=name)


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**16),
    images=st.integers(1, 40),
    height=st.integers(12, 40),
    width=st.integers(12, 40),
    channels=st.integers(1, 4),
    classes=st.one_of(st.integers(2, 30), st.sampled_from([255, 256, 257, 1000])),
    shard=st.integers(1, 50),
    smoothing=st.sampled_from([0, 0, 0.1, 0.9]),
)
@example(1, 64, 28, 28, 1, 10, 64, 0)
@example(1, 1, 12, 12, 1, 2, 1, 0)
def test_loss_logits_and_gradients_are_gluons(seed, images, height, width, channels, classes, shard, smoothing):
    assert_same(make_case(seed, images, height, width, channels, classes, shard, smoothing=smoothing))


@pytest.mark.parametrize("level", [0, 40, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_blank_images_are_ties_in_every_pool(level, channels):
    case = make_case(images=5, channels=channels)
    assert_same(replace(case, images=np.full_like(case.images, level)))


@pytest.mark.parametrize("zero", ["0.weight", "0.bias", "2.weight", "2.bias", "5.weight", "6.weight", "7.weight"])
def test_weights_of_zero(zero):
    """Then pools are ties, ReLUs are at their corner, or a layer passes nothing on."""
    case = make_case(images=9)
    native.split(case.weights, native.shapes_of(10, (1, 28, 28)))[zero][:] = 0
    assert_same(case)


@pytest.mark.parametrize("scale", [1e-20, 1e-6, 1e3, 1e5])
def test_huge_and_tiny_logits(scale):
    case = make_case(images=20, shard=20)
    weights = native.split(case.weights, native.shapes_of(10, (1, 28, 28)))
    weights["7.weight"][:] *= scale
    weights["7.bias"][:] *= scale
    assert_same(case)


def test_labels_at_both_ends():
    case = make_case(images=6, classes=10)
    assert_same(replace(case, labels=np.array([0, 9, 0, 9, 9, 0], np.uint8)))
    wide = make_case(images=4, classes=1000)
    assert_same(replace(wide, labels=np.array([0, 999, 999, 0], np.int32)))


def test_an_image_may_stand_in_the_order_more_than_once():
    assert_same(make_case(images=7, steps=50, shard=16))


@settings(max_examples=20)
@given(
    seed=st.integers(0, 2**16),
    height=st.integers(12, 20),
    width=st.integers(12, 20),
    channels=st.integers(1, 3),
    flip=st.booleans(),
    shift=st.integers(0, 11),
)
def test_mirrored_and_moved_images(seed, height, width, channels, flip, shift):
    """The bits are those of images that were changed beforehand."""
    case = make_case(seed, 10, height, width, channels)
    table = draws(seed, 3, 10, flip, shift)
    changed = np.stack([mirrored_and_moved(image, *table[:, row]) for row, image in enumerate(case.images)])
    expected = native.totals(replace(case, images=changed))
    assert native.totals(replace(case, draws=table)).tobytes() == expected.tobytes()


def test_the_loss_is_that_of_the_evaluation():
    """Bit for bit: C++ and NumPy take the same exponential and logarithm."""
    case = make_case(images=16, shard=16)
    losses = cross_entropy(native.logits(case), case.labels)[case.order]
    total = native.totals(case)
    assert total[len(case.weights)] == round(float(np.cumsum(losses)[-1]) * (UNIT / 16))


def test_metrics():
    case = make_case(images=50, shard=7)
    correct = (native.logits(case).argmax(axis=1) == case.labels).sum()
    assert native.totals(case)[len(case.weights) + 1 :].tolist() == [correct, 50, 8]


def double_loss(weights, case):
    """The mean loss, all in float64."""
    layers = native.split(weights, native.shapes_of(case.classes, case.image_shape))
    images = case.images.reshape(*case.images.shape[:3], -1).transpose(0, 3, 1, 2)
    mean, std = (np.array(each).reshape(-1, 1, 1) for each in (case.mean, case.std))
    x = (images / 255 - mean) / std
    for name in ("0", "2"):
        kernel = layers[f"{name}.weight"]
        windows = np.lib.stride_tricks.sliding_window_view(x, kernel.shape[2:], axis=(2, 3))
        x = np.einsum("nihwyx,oiyx->nohw", windows, kernel) + layers[f"{name}.bias"][:, None, None]
        n, channels, height, width = x.shape
        x = x[:, :, : height // 2 * 2, : width // 2 * 2].reshape(n, channels, height // 2, 2, width // 2, 2)
        x = np.maximum(x.max(axis=(3, 5)), 0)
    x = x.reshape(len(x), -1)
    for name in ("5", "6", "7"):
        x = x @ layers[f"{name}.weight"].T + layers[f"{name}.bias"]
        x = x if name == "7" else np.maximum(x, 0)
    x = x - x.max(axis=1, keepdims=True)
    log_softmax = x - np.log(np.exp(x).sum(axis=1, keepdims=True))
    own = log_softmax[np.arange(len(x)), case.labels]
    return -((1 - case.smoothing) * own + case.smoothing * log_softmax.mean(axis=1)).mean()


@pytest.mark.parametrize("smoothing", [0, 0.2])
def test_gradients_are_the_slopes_of_the_loss(smoothing):
    """Against differences in float64, for some weights of each layer."""
    case = make_case(3, images=11, height=13, width=14, channels=2, classes=3, shard=4, smoothing=smoothing)
    loss, _ = native.loss_and_gradients(case)
    weights = case.weights.astype(np.float64)
    assert loss == pytest.approx(double_loss(weights, case), rel=1e-5)
    gradients = native.totals(case)[: len(weights)] / UNIT
    random, begin, step = np.random.RandomState(0), 0, 1e-6
    for name, shape in native.shapes_of(case.classes, case.image_shape).items():
        for place in begin + random.choice(int(np.prod(shape)), min(8, int(np.prod(shape))), replace=False):
            ahead, behind = weights.copy(), weights.copy()
            ahead[place] += step
            behind[place] -= step
            slope = (double_loss(ahead, case) - double_loss(behind, case)) / (2 * step)
            assert gradients[place] == pytest.approx(slope, rel=1e-3, abs=1e-6), name
        begin += int(np.prod(shape))


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), 1e30])
@pytest.mark.parametrize("name", ["0.weight", "2.bias", "6.weight", "7.weight"])
def test_what_cannot_be_added_up_is_noticed(bad, name):
    case = make_case(images=9, shard=4)
    native.split(case.weights, native.shapes_of(10, (1, 28, 28)))[name].ravel()[0] = bad
    assert native.totals(case)[-1] < 3


def test_a_loss_alone_that_is_too_large_is_noticed():
    """Weights of 0 and a large bias: no gradient is large."""
    case = make_case(images=8, shard=4)
    weights = native.split(case.weights, native.shapes_of(10, (1, 28, 28)))
    weights["7.weight"][:] = 0
    weights["7.bias"][:] = [1e8] + [0] * 9
    case.labels[:] = 1
    total = native.totals(case)
    assert total[-1] == 0
    assert abs(total[: len(case.weights)] / UNIT).max() <= 1e3
