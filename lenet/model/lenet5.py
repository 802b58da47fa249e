"""The network of MXNet's Fashion-MNIST tutorial: LeNet-5 with ReLU and max-pooling, 60,170 parameters."""

from pathlib import Path
from typing import TypeVar

import mxnet as mx
import numpy as np
from mxnet.gluon import HybridBlock, Parameter, nn

from lenet.errors import InputError

CLASSES = 10
Tensor = TypeVar("Tensor", mx.nd.NDArray, mx.sym.Symbol)


def lenet5() -> nn.HybridSequential:
    """The plain network: (n, 1, 28, 28) float32 normalised pixels to (n, 10) logits.

    All shapes are given, so that the parameters exist before the first forward and can be broadcast at once.
    """
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(6, kernel_size=5, in_channels=1, activation="relu"),  # (n, 6, 24, 24)
        nn.MaxPool2D(pool_size=2, strides=2),  # (n, 6, 12, 12)
        nn.Conv2D(16, kernel_size=3, in_channels=6, activation="relu"),  # (n, 16, 10, 10)
        nn.MaxPool2D(pool_size=2, strides=2),  # (n, 16, 5, 5)
        nn.Flatten(),  # (n, 400)
        nn.Dense(120, in_units=400, activation="relu"),
        nn.Dense(84, in_units=120, activation="relu"),
        nn.Dense(CLASSES, in_units=84),
    )
    return net


def build_network(seed: int, device: mx.Context) -> nn.HybridSequential:
    """lenet5() on `device` with the first weights that `seed` decides (Xavier: Glorot and Bengio 2010)."""
    mx.random.seed(seed)
    net = lenet5()
    net.initialize(mx.init.Xavier(), ctx=device)
    return net


def named_parameters(net: HybridBlock) -> dict[str, Parameter]:
    """The parameters of `net` by the names that Gluon's `save_parameters` gives them: `0.weight`, `0.bias`, …"""
    return net._collect_params_with_prefix()


def normalise(pixels: Tensor) -> Tensor:
    """(n, 28, 28) uint8 to (n, 1, 28, 28) float32, as the tutorial's ToTensor and Normalize(0.13, 0.31) do."""
    return ((pixels.astype("float32") / 255 - 0.13) / 0.31).expand_dims(axis=1)


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
            raise InputError(f"{path}: {name} is missing; these are not the parameters of LeNet-5")
        if arrays[name].shape != shape:
            raise InputError(f"{path}: {name} has shape {arrays[name].shape}, LeNet-5 needs {shape}")
        if not np.isfinite(arrays[name]).all():
            raise InputError(f"{path}: {name} holds values that are not finite")
    extra = sorted(set(arrays) - set(shapes))
    if extra:
        raise InputError(f"{path}: {extra[0]} is not a parameter of LeNet-5")
