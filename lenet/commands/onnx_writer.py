"""MXNet's ONNX writer, adapted to current versions of the onnx package."""

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import mxnet as mx
import numpy as np
import onnx
from mxnet.gluon import HybridBlock
from mxnet.onnx.mx2onnx import _export_onnx
from onnx import TensorProto, checker, helper

from lenet.errors import InputError

OPSET = 13  # of ONNX 1.8 (2020): old runtimes know it too, and it is the newest that MXNet knows
INPUT = "data"
TYPES = ("float32", "float64", "float16", "bool", "int8", "int32", "int64", "uint8")  # of MXNet's arrays


def write_graph(
    net: HybridBlock, image_shape: tuple[int, int, int], source: str
) -> tuple[list[onnx.NodeProto], list[TensorProto], str]:
    """Return nodes, weights and output name of the network, whose input (n, *image_shape) is the output `source`.

    InputError: MXNet cannot write an operator of the network.
    """
    symbol = net(mx.sym.var(INPUT))
    parameters = {each.name: each.data() for each in net.collect_params().values()}
    shapes = {"in_shapes": [(1, *image_shape)], "in_types": [TensorProto.FLOAT]}
    any_batch = {"dynamic": True, "dynamic_input_shapes": [("n", *image_shape)]}
    with _onnx_as_mxnet_knows_it():
        graph = _export_onnx.MXNetGraph().create_onnx_graph_proto(
            symbol, parameters, **shapes, **any_batch, opset_version=OPSET
        )
    nodes = list(graph.node)
    for node in nodes:
        for place, name in enumerate(node.input):
            if name == INPUT:
                node.input[place] = source
    used = {name for node in nodes for name in node.input}
    return nodes, [each for each in graph.initializer if each.name in used], graph.output[0].name


@contextmanager
def _onnx_as_mxnet_knows_it() -> Iterator[None]:
    """Provide the table of types that current onnx packages no longer have, and check MXNet's graph as OPSET.

    InputError: MXNet cannot write an operator, which the message names.
    """
    to_onnx = {np.dtype(each): helper.np_dtype_to_tensor_dtype(np.dtype(each)) for each in TYPES}
    to_numpy = {number: each for each, number in to_onnx.items()}
    table = SimpleNamespace(NP_TYPE_TO_TENSOR_TYPE=to_onnx, TENSOR_TYPE_TO_NP_TYPE=to_numpy)
    convert = _export_onnx.MXNetGraph.convert_layer

    def convert_layer(node: dict[str, Any], **context: Any) -> Any:
        try:
            return convert(node, **context)
        except Exception as error:  # the writer raises no error class for this
            raise InputError(
                f"MXNet cannot write the operator {node['op']} ({node['name']}) as ONNX: {error}"
            ) from error

    imports = dict(checker.DEFAULT_CONTEXT.opset_imports)
    try:
        onnx.mapping = table  # type: ignore[attr-defined]
        checker.DEFAULT_CONTEXT.opset_imports = {"": OPSET}
        _export_onnx.MXNetGraph.convert_layer = staticmethod(convert_layer)
        yield
    finally:
        _export_onnx.MXNetGraph.convert_layer = staticmethod(convert)
        checker.DEFAULT_CONTEXT.opset_imports = imports
        del onnx.mapping  # type: ignore[attr-defined]
