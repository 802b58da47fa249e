"""The network and the transform as MXNet's Fashion-MNIST tutorial writes them, to compare ours with."""

from mxnet.gluon import nn
from mxnet.gluon.data.vision import transforms


def network() -> nn.Sequential:
    """The tutorial's plain network, without input shapes and not initialized."""
    net = nn.Sequential()
    net.add(
        nn.Conv2D(channels=6, kernel_size=5, activation="relu"),
        nn.MaxPool2D(pool_size=2, strides=2),
        nn.Conv2D(channels=16, kernel_size=3, activation="relu"),
        nn.MaxPool2D(pool_size=2, strides=2),
        nn.Flatten(),
        nn.Dense(120, activation="relu"),
        nn.Dense(84, activation="relu"),
        nn.Dense(10),
    )
    return net


# (28, 28, 1) uint8 to (1, 28, 28) float32
transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.13, 0.31)])
