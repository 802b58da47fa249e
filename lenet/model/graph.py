"""The graph of a network's forward: the arrays that it reads and changes, and whether its training can be exact."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, Parameter

from lenet.errors import InputError

# Operators that draw from MXNet's generator of the device, which `mx.random.seed(seed, ctx=device)` sets.
RANDOM = re.compile(r"Dropout|_?(random|sample)_(?!pdf)\w+|_?shuffle|normal|uniform")
# What cannot be the same for every number of processes, and why.
REFUSED = {
    r"\w*Custom\w*|_Native|_NDArray": "runs code of its own between MXNet's operators",
    r"\w*SyncBatchNorm": "normalises over what other processes compute: use BatchNorm",
    r"_(npi?|npx)_\w+|_image_\w+|_contrib_dgl\w+|_sample_unique_zipfian": "is not known to repeat its bits",
}


def trace(net: HybridBlock) -> mx.sym.Symbol:
    """Return the graph from `data` (n, channels, height, width) to the logits. Raises errors of the network's code."""
    return net(mx.sym.var("data"))


def operators(graph: mx.sym.Symbol) -> Iterator[dict[str, Any]]:
    """Yield every operator of the graph, within loops and branches too, as in MXNet's JSON: `op`, `name`, `attrs`."""
    return _operators(json.loads(graph.tojson()))


def _operators(graph: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for node in graph["nodes"]:
        if node["op"] != "null":
            yield node
        for inner in node.get("subgraphs", ()):
            yield from _operators(inner)


def is_random(graph: mx.sym.Symbol) -> bool:
    """Return whether training draws random numbers in the graph."""
    return any(RANDOM.fullmatch(node["op"]) or _is_random_relu(node) for node in operators(graph))


def check(graph: mx.sym.Symbol, parameters: Mapping[str, Parameter]) -> None:
    """Raise InputError if the training of a layer or a parameter cannot be exact; the text names it."""
    for node in operators(graph):
        kind = node["op"]
        why = next((why for pattern, why in REFUSED.items() if re.fullmatch(pattern, kind)), None)
        if kind == "RNN" and float(node.get("attrs", {}).get("p", 0)) > 0:
            why = "draws its dropout from a generator that cannot be set: use a Dropout layer"
        if why:
            raise InputError(f"the layer {node['name']} ({kind}) cannot be trained here: it {why}")
    arguments = set(graph.list_arguments())
    if not any(each.name in arguments and each.grad_req != "null" for each in parameters.values()):
        raise InputError("it has no parameter to train")
    names: dict[str, Parameter] = {}
    for key, parameter in parameters.items():
        if names.setdefault(parameter.name, parameter) is not parameter:
            raise InputError(f"two parameters have the name {parameter.name}, one of them is {key}")
        problem = _problem(parameter)
        if problem:
            raise InputError(f"the parameter {key} {problem}")


def _is_random_relu(node: Mapping[str, Any]) -> bool:
    return node["op"] == "LeakyReLU" and node.get("attrs", {}).get("act_type") == "rrelu"


def _problem(parameter: Parameter) -> str | None:
    """Return why this parameter cannot be a part of the flat vectors, or None."""
    if parameter.shape is None or min(parameter.shape, default=1) < 1:
        return "has no shape: the forward does not use it"
    if np.dtype(parameter.dtype) != np.float32:
        return f"is of {np.dtype(parameter.dtype)}, not of float32"
    if parameter.grad_req == "add":
        return "has the grad_req add: every step has gradients of its own"
    if parameter._stype != "default" or parameter._grad_stype != "default":
        return "is sparse"
    if (parameter.lr_mult, parameter.wd_mult) != (1, 1):
        return "has an lr_mult or wd_mult of its own: all parameters are trained alike"
    return None
