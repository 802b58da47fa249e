"""Parameters of a network by name: reading, setting and checking them."""

from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, Parameter

from lenet.errors import InputError


def named_parameters(net: HybridBlock) -> dict[str, Parameter]:
    """Return the parameters of `net` by the names that Gluon's `save_parameters` gives them: `0.weight`, `0.bias`, …"""
    return net._collect_params_with_prefix()


def set_parameters(net: HybridBlock, arrays: dict[str, np.ndarray], path: str | Path) -> None:
    """Set the parameters of `net` to `arrays`. InputError as `check_arrays`."""
    parameters = named_parameters(net)
    check_arrays({name: parameter.shape for name, parameter in parameters.items()}, arrays, path)
    for name, parameter in parameters.items():
        parameter.set_data(mx.nd.array(arrays[name], ctx=mx.cpu(), dtype="float32"))


def check_arrays(shapes: dict[str, tuple[int, ...]], arrays: dict[str, np.ndarray], path: str | Path) -> None:
    """Raise InputError, which names `path`, unless `arrays` has finite values for the names and shapes in `shapes`."""
    for name, shape in shapes.items():
        if name not in arrays:
            raise InputError(f"{path}: {name} is missing; these are not the parameters of this network")
        if arrays[name].shape != shape:
            raise InputError(f"{path}: {name} has shape {arrays[name].shape}, this network needs {shape}")
        if not np.isfinite(arrays[name]).all():
            raise InputError(f"{path}: {name} holds values that are not finite")
    extra = sorted(set(arrays) - set(shapes))
    if extra:
        raise InputError(f"{path}: {extra[0]} is not a parameter of this network")
