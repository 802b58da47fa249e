"""The network of MXNet's Fashion-MNIST tutorial: LeNet-5 with ReLU and max-pooling, 60,170 parameters."""

from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, Parameter, nn

from lenet.errors import InputError

CLASSES = 10


def lenet5(classes: int = CLASSES, image_shape: tuple[int, int, int] = (1, 28, 28)) -> nn.HybridSequential:
    """The plain network: (n, *image_shape) float32 normalised pixels to (n, classes) logits.

    The shapes in the comments are those of the tutorial. All are given, so that the parameters exist before the first
    forward and can be broadcast at once. InputError: images so small that nothing is left of them.
    """
    channels, *lengths = image_shape
    height, width = (((length - 4) // 2 - 2) // 2 for length in lengths)  # after both pools
    if min(height, width) < 1:
        raise InputError(f"lenet5 takes images of 12 x 12 pixels or more, these have {lengths[0]} x {lengths[1]}")
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(6, kernel_size=5, in_channels=channels, activation="relu"),  # (n, 6, 24, 24)
        nn.MaxPool2D(pool_size=2, strides=2),  # (n, 6, 12, 12)
        nn.Conv2D(16, kernel_size=3, in_channels=6, activation="relu"),  # (n, 16, 10, 10)
        nn.MaxPool2D(pool_size=2, strides=2),  # (n, 16, 5, 5)
        nn.Flatten(),  # (n, 400)
        nn.Dense(120, in_units=16 * height * width, activation="relu"),
        nn.Dense(84, in_units=120, activation="relu"),
        nn.Dense(classes, in_units=84),
    )
    return net


def named_parameters(net: HybridBlock) -> dict[str, Parameter]:
    """The parameters of `net` by the names that Gluon's `save_parameters` gives them: `0.weight`, `0.bias`, …"""
    return net._collect_params_with_prefix()


def set_parameters(net: HybridBlock, arrays: dict[str, np.ndarray], path: str | Path) -> None:
    """Give `net` the values in `arrays`, as read_params returns them. InputError as `check_arrays`."""
    parameters = named_parameters(net)
    check_arrays({name: parameter.shape for name, parameter in parameters.items()}, arrays, path)
    for name, parameter in parameters.items():
        parameter.set_data(mx.nd.array(arrays[name], ctx=mx.cpu(), dtype="float32"))


def check_arrays(shapes: dict[str, tuple[int, ...]], arrays: dict[str, np.ndarray], path: str | Path) -> None:
    """InputError, which names `path`, unless `arrays` has a finite value for each name of `shapes` and no other."""
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
