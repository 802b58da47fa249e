"""A network of a user's own for colour pictures: two convolutions, and a mean over all places."""

from mxnet.gluon import HybridBlock, nn


def small(classes: int) -> HybridBlock:
    """Images (n, channels, height, width) of any size to logits (n, classes)."""
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(8, kernel_size=5, strides=2, activation="relu"),
        nn.MaxPool2D(),
        nn.Conv2D(16, kernel_size=3, activation="relu"),
        nn.Flatten(),
        nn.Dense(classes),
    )
    return net
