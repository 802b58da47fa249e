"""Exports of networks that are not LeNet-5: by MXNet's own writer, from raw pixels, checked in onnxruntime."""

import mxnet as mx
import numpy as np
import onnxruntime
import pytest
from mxnet.gluon import HybridBlock, nn

from lenet.commands.onnx_model import onnx_model
from lenet.commands.trained_network import load_trained
from lenet.errors import InputError
from lenet.model.normalise import normalise
from lenet.run.network_spec import NetworkSpec

RNG = np.random.default_rng(0)


class Residual(HybridBlock):
    """A layer beside a shortcut, with running statistics."""

    def __init__(self, channels):
        super().__init__()
        self.body = nn.HybridSequential()
        self.body.add(nn.Conv2D(channels, 3, padding=1, use_bias=False), nn.BatchNorm(), nn.Dropout(0.3))

    def hybrid_forward(self, F, x):
        return F.relu(x + self.body(x))


class Unwritten(HybridBlock):
    def hybrid_forward(self, F, x):
        return F.linalg.syrk(x).mean(axis=(1, 3))


def build(*layers, image_shape):
    net = nn.HybridSequential()
    net.add(*layers)
    net.initialize(mx.init.Xavier())
    net.hybridize()
    with mx.autograd.record():  # running statistics move
        net(mx.nd.array(RNG.normal(1, 2, (4, *image_shape)))).wait_to_read()
    return net


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_onnx_gives_what_gluon_gives(channels):
    image_shape = (channels, 16, 20)
    layers = [nn.Conv2D(8, 3), Residual(8), nn.MaxPool2D(), nn.LeakyReLU(0.1), nn.GlobalAvgPool2D(), nn.Dense(5)]
    net = build(*layers, image_shape=image_shape)
    mean, std = tuple(RNG.uniform(0.1, 0.6, channels)), tuple(RNG.uniform(0.1, 0.6, channels))
    model = onnx_model(net, NetworkSpec("a.py:net", image_shape, tuple("abcde"), mean, std))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    shape = (7, 16, 20) if channels == 1 else (7, 16, 20, channels)
    images = RNG.integers(0, 256, shape, np.uint8)
    expected = net(normalise(mx.nd.array(images, dtype="uint8"), mean, std)).asnumpy()
    for count in (1, 7):
        (found,) = session.run(["logits"], {"pixels": images[:count]})
        np.testing.assert_allclose(found, expected[:count], atol=1e-5)
    names = {each.name for each in model.graph.initializer}
    assert names == {name for node in model.graph.node for name in node.input} & names  # none unused
    assert [each.name for each in model.graph.input] == ["pixels"]


def test_an_operator_that_cannot_be_written_is_named():
    net = build(Unwritten(), image_shape=(3, 16, 20))
    with pytest.raises(InputError, match="MXNet cannot write the operator _linalg_syrk"):
        onnx_model(net, NetworkSpec("a.py:net", (3, 16, 20), tuple("abcde"), (0.1,) * 3, (0.2,) * 3))


def test_lenet5_of_other_images():
    found = NetworkSpec("lenet5", (3, 32, 40), tuple("abcde"), (0.1, 0.2, 0.3), (0.3, 0.2, 0.1))
    net = load_trained(None, mx.cpu(), found)
    session = onnxruntime.InferenceSession(onnx_model(net, found).SerializeToString())
    images = RNG.integers(0, 256, (3, 32, 40, 3), np.uint8)
    (logits,) = session.run(None, {"pixels": images})
    pixels = normalise(mx.nd.array(images, dtype="uint8"), found.pixel_mean, found.pixel_std)
    np.testing.assert_allclose(logits, net(pixels).asnumpy(), atol=1e-5)
