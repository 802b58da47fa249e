"""python -m lenet summary: the network as a table, an operator a line."""

import json
import math
from argparse import ArgumentParser, Namespace

import mxnet as mx
from mxnet.gluon import HybridBlock

from lenet import cli
from lenet.data import fashion_mnist
from lenet.model.graph import trace
from lenet.model.network import LENET5, ImageShape, load_network
from lenet.model.parameters import named_parameters

LINE = "{:<32}{:<20}{:>18}{:>14}{:>14}"
COUNTED = ("Convolution", "FullyConnected")  # the operators whose FLOPs are known here
MULTIPLY_ADD = 2  # FLOPs


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    cli.add_network(parser, default=LENET5)
    cli.add_data_dir(parser)


def main(options: Namespace) -> None:
    """Print the network as it is built for the images and classes of the data set."""
    dataset = fashion_mnist.load(options.data_dir)
    classes, shape = len(dataset.class_names), dataset.image_shape
    network = load_network(options.network or LENET5)
    net = network.build(classes, shape, seed=0, device=mx.cpu())
    print(f"{network.name}: images of {_text(shape)}, {classes} classes")
    print("\n".join(summarise(net, shape)))


def summarise(net: HybridBlock, image_shape: ImageShape) -> list[str]:
    """Return a line for each operator of `net` with its output's shape for one image, and two of totals."""
    graph, parameters = trace(net), {each.name: each for each in named_parameters(net).values()}
    inner = graph.get_internals()
    shapes = dict(zip(inner.list_outputs(), inner.infer_shape(data=(1, *image_shape))[1]))
    sizes = {name: math.prod(each.shape) for name, each in parameters.items()}
    lines = [LINE.format("layer", "operator", "output of an image", "parameters", "FLOPs")]
    total, counted = 0, set[str]()
    nodes = json.loads(graph.tojson())["nodes"]
    for node in nodes:
        if node["op"] == "null":
            continue
        inputs = [nodes[each[0]]["name"] for each in node["inputs"]]
        own = [name for name in inputs if name in sizes and name not in counted]  # each where it is used first
        counted.update(own)
        output = shapes.get(f"{node['name']}_output") or shapes.get(f"{node['name']}_output0") or ()
        flops = _flops(node["op"], output, shapes.get(inputs[1])) if len(inputs) > 1 else 0
        total += flops
        numbers = (f"{number:,}" if number else "" for number in (sum(sizes[name] for name in own), flops))
        lines.append(LINE.format(node["name"], node["op"], _text(output[1:]), *numbers))
    trained = sum(sizes[name] for name, each in parameters.items() if each.grad_req != "null")
    lines.append(f"{sum(sizes.values()):,} parameters, {trained:,} of them trained")
    lines.append(f"{total:,} FLOPs of an image in convolutions and dense layers; others are not counted")
    return lines


def _flops(kind: str, output: tuple[int, ...], weight: tuple[int, ...] | None) -> int:
    """Return the FLOPs of an operator for one image: each output of a channel takes all weights of that channel."""
    if kind not in COUNTED or weight is None:
        return 0
    return MULTIPLY_ADD * math.prod(output) // weight[0] * math.prod(weight)


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))
