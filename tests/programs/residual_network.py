"""A small residual network with BatchNorm and Dropout, as a user writes one: --network FILE:residual."""

from types import ModuleType
from typing import Any

from mxnet.gluon import HybridBlock, nn


class Residual(HybridBlock):
    """Two convolutions with BatchNorm, added to what comes in (He et al. 2016, arXiv:1512.03385)."""

    def __init__(self, channels: int, strides: int = 1):
        super().__init__()
        with self.name_scope():
            self.body = nn.HybridSequential()
            self.body.add(
                nn.Conv2D(channels, kernel_size=3, strides=strides, padding=1, use_bias=False),
                nn.BatchNorm(),
                nn.Activation("relu"),
                nn.Conv2D(channels, kernel_size=3, padding=1, use_bias=False),
                nn.BatchNorm(),
            )
            self.shortcut = nn.Conv2D(channels, kernel_size=1, strides=strides) if strides > 1 else None

    def hybrid_forward(self, F: ModuleType, images: Any) -> Any:
        """(n, channels in, height, width) to (n, channels, height / strides, width / strides)."""
        shortcut = self.shortcut(images) if self.shortcut else images
        return F.relu(self.body(images) + shortcut)


def residual(classes: int) -> HybridBlock:
    """Images of any size and number of channels to `classes` logits; every shape is left open."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(8, kernel_size=3, padding=1, use_bias=False),
        nn.BatchNorm(),
        nn.Activation("relu"),
        Residual(8),
        Residual(16, strides=2),
        nn.GlobalAvgPool2D(),
        nn.Dropout(0.3),
        nn.Dense(classes),
    )
    return net
