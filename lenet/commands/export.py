"""python -m lenet export: an ONNX file and Gluon's own pair of files, checked on real images."""

import os
import tempfile
import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mxnet as mx
import numpy as np
import onnx
import onnxruntime
from mxnet.gluon import HybridBlock, SymbolBlock, nn
from onnx import TensorProto, helper, numpy_helper

from lenet import cli
from lenet.commands.network import load_network
from lenet.data import fashion_mnist
from lenet.data.batches import Batches
from lenet.data.fashion_mnist import Split
from lenet.errors import InputError
from lenet.model.lenet5 import CLASSES, normalise
from lenet.training.evaluation import predict_logits

OPSET = 13  # of ONNX 1.8 (2020): old runtimes know it too
CHECKED = 1000  # images
TOLERANCE = 1e-4  # of a logit; the logits of a trained network reach about 20


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    cli.add_params(parser)
    parser.add_argument(
        "--output",
        type=cli.path_ending(".onnx"),
        default="lenet5.onnx",  # a text, which the parser checks too
        metavar="FILE",
        help="ONNX file to write, with Gluon's pair beside it (default: lenet5.onnx)",
    )
    cli.add_data_dir(parser)


def main(options: Namespace) -> None:
    """Write the three files beside their paths, check them, and only then give them their names."""
    net = load_network(options.params, mx.cpu())
    images = fashion_mnist.load(options.data_dir).validation.images[:CHECKED]
    expected = _gluon(net, images)
    try:
        with tempfile.TemporaryDirectory(dir=options.output.parent, prefix=".export-") as temporary:
            folder = Path(temporary)
            onnx.save(onnx_model(net), folder / options.output.name)
            net.export(str(folder / options.output.stem))
            difference = max(
                _compare("ONNX", expected, _onnx(folder / options.output.name, images)),
                _compare("Gluon's pair", expected, _pair(folder / options.output.stem, images)),
            )
            written = [options.output.parent / path.name for path in sorted(folder.iterdir())]
            for path in written:
                os.replace(folder / path.name, path)
    except OSError as error:
        raise InputError(f"{options.output}: {error.strerror or error}") from None
    print(f"checked on {len(images):,} images: the same classes, logits within {difference:.0e} of Gluon's")
    for path in written:
        print(f"wrote {path}")


def onnx_model(net: HybridBlock) -> onnx.ModelProto:
    """The network as an ONNX model: `pixels` (n, 28, 28) uint8 to `logits` (n, 10) float32, any n."""
    weights: list[TensorProto] = []
    nodes: list[onnx.NodeProto] = []

    def constant(name: str, value: np.ndarray | np.float32) -> str:
        weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(kind: str, *inputs: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [f"{kind}_{len(nodes)}"], **attributes))
        return nodes[-1].output[0]

    output = node("Cast", "pixels", to=TensorProto.FLOAT)
    for kind, value in (("Div", 255), ("Sub", 0.13), ("Div", 0.31)):  # as lenet.model.lenet5.normalise
        output = node(kind, output, constant(f"{kind}_by_{value}", np.float32(value)))
    output = node("Unsqueeze", output, constant("axes", np.array([1], np.int64)))  # (n, 1, 28, 28)
    for index, layer in enumerate(net):
        output = _add_layer(layer, output, node, lambda name, value, index=index: constant(f"{index}.{name}", value))
    node("Identity", output)
    nodes[-1].output[0] = "logits"
    graph = helper.make_graph(
        nodes,
        "LeNet-5",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["n", 28, 28])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", CLASSES])],
        weights,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=7)
    onnx.checker.check_model(model, full_check=True)
    return model


def _add_layer(layer: HybridBlock, output: str, node: Callable[..., str], constant: Callable[..., str]) -> str:
    """Add the nodes of a Gluon layer that takes the output of this name. Returns the name of its own output."""
    if isinstance(layer, (nn.Conv2D, nn.Dense)):
        weight, bias = (
            constant("weight", layer.weight.data().asnumpy()),
            constant("bias", layer.bias.data().asnumpy()),
        )
    if isinstance(layer, nn.Conv2D):
        output = node("Conv", output, weight, bias, kernel_shape=layer._kwargs["kernel"])
    elif isinstance(layer, nn.Dense):
        output = node("Gemm", output, weight, bias, transB=1)
    elif isinstance(layer, nn.MaxPool2D):
        return node("MaxPool", output, kernel_shape=layer._kwargs["kernel"], strides=layer._kwargs["stride"])
    elif isinstance(layer, nn.Flatten):
        return node("Flatten", output)
    else:
        raise TypeError(f"no ONNX for {layer}")
    return node("Relu", output) if layer.act is not None else output


def _gluon(net: HybridBlock, images: np.ndarray) -> np.ndarray:
    split = Split(images, np.zeros(len(images), np.uint8))
    return predict_logits(net, Batches(split, mx.cpu()), range(len(images)))[0]


def _onnx(path: Path, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    first, rest = (session.run(["logits"], {"pixels": part})[0] for part in (images[:1], images[1:]))
    return np.concatenate([first, rest])


def _pair(prefix: Path, images: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Cannot decide type")  # MXNet's, of the input: it takes that of what comes
        net = SymbolBlock.imports(f"{prefix}-symbol.json", ["data"], f"{prefix}-0000.params", ctx=mx.cpu())
    return net(normalise(mx.nd.array(images, dtype="uint8"))).asnumpy()


def _compare(what: str, expected: np.ndarray, found: np.ndarray) -> float:
    """The largest difference of a logit. RuntimeError: it is more than rounding."""
    difference = float(np.abs(expected - found).max())
    if difference > TOLERANCE or (expected.argmax(axis=1) != found.argmax(axis=1)).any():
        raise RuntimeError(f"{what} differs from Gluon by up to {difference:.3g} of a logit: nothing was written")
    return difference
