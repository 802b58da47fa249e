"""Normalise pixels channel by channel, for the input of a network."""

from collections.abc import Sequence
from types import ModuleType
from typing import TypeVar

import mxnet as mx

Tensor = TypeVar("Tensor", mx.nd.NDArray, mx.sym.Symbol)


def normalise(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Return uint8 pixels as (n, channels, height, width) float32, as Gluon's ToTensor and Normalize(mean, std) do.

    The pixels are (n, height, width), or (n, height, width, channels) with several; `mean` and `std` have a number
    for each channel.
    """
    if len(mean) == 1:
        return ((pixels.astype("float32") / 255 - mean[0]) / std[0]).expand_dims(axis=1)
    # Numbers and no arrays: a symbol cannot hold an array.
    channels = [
        (pixels.slice_axis(axis=3, begin=number, end=number + 1).astype("float32") / 255 - each_mean) / each_std
        for number, (each_mean, each_std) in enumerate(zip(mean, std, strict=True))
    ]
    operators: ModuleType = mx.sym if isinstance(pixels, mx.sym.Symbol) else mx.nd
    return operators.concat(*channels, dim=3).transpose((0, 3, 1, 2))
