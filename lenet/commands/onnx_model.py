"""Networks as ONNX models that take the pixels of a data set."""

from typing import Any

import numpy as np
import onnx
from mxnet.gluon import HybridBlock
from onnx import TensorProto, helper, numpy_helper

from lenet.commands.onnx_writer import OPSET, write_graph
from lenet.run.network_spec import NetworkSpec


class Graph:
    """The nodes and constants of a graph that is being built."""

    def __init__(self) -> None:
        self.weights: list[TensorProto] = []
        self.nodes: list[onnx.NodeProto] = []

    def constant(self, name: str, value: np.ndarray | np.float32) -> str:
        """Add a constant. Returns its name."""
        self.weights.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def node(self, kind: str, *inputs: str, **attributes: Any) -> str:
        """Add a node with one output. Returns the output's name."""
        self.nodes.append(helper.make_node(kind, inputs, [f"{kind}_{len(self.nodes)}"], **attributes))
        return self.nodes[-1].output[0]


def onnx_model(net: HybridBlock, found: NetworkSpec) -> onnx.ModelProto:
    """Return an ONNX model from `pixels` (n, H, W) or (n, H, W, C) uint8 to `logits` (n, classes) float32, for any n.

    InputError: MXNet cannot write an operator of the network.
    """
    graph, classes = Graph(), len(found.class_names)
    channels, height, width = found.image_shape
    nodes, weights, output = write_graph(net, found.image_shape, _normalise(graph, found))
    graph.nodes += nodes
    graph.weights += weights
    graph.node("Identity", output)
    graph.nodes[-1].output[0] = "logits"
    shape: list[str | int | None] = ["n", height, width, *([channels] if channels > 1 else [])]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            found.network,
            [helper.make_tensor_value_info("pixels", TensorProto.UINT8, shape)],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=7,
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def _normalise(graph: Graph, found: NetworkSpec) -> str:
    """Add the nodes of lenet.model.normalise.normalise. Returns the name of the output (n, C, H, W)."""
    output = graph.node("Cast", "pixels", to=TensorProto.FLOAT)
    is_grey = found.image_shape[0] == 1
    mean, std = (np.array(each[0] if is_grey else each, np.float32) for each in (found.pixel_mean, found.pixel_std))
    for kind, name, value in (("Div", "255", np.float32(255)), ("Sub", "mean", mean), ("Div", "std", std)):
        output = graph.node(kind, output, graph.constant(f"{kind}_by_{name}", value))
    if is_grey:
        return graph.node("Unsqueeze", output, graph.constant("axes", np.array([1], np.int64)))
    return graph.node("Transpose", output, perm=(0, 3, 1, 2))
