"""The network of MXNet's Fashion-MNIST tutorial: LeNet-5 with ReLU and max-pooling, 60,170 parameters."""

from mxnet.gluon import nn

from lenet.errors import InputError

CLASSES = 10


def lenet5(classes: int = CLASSES, image_shape: tuple[int, int, int] = (1, 28, 28)) -> nn.HybridSequential:
    """Return the plain network, from (n, *image_shape) float32 normalised pixels to (n, classes) logits.

    The shapes in the comments are those of the tutorial. All are given, so that the parameters exist before the first
    forward and can be broadcast at once. InputError: the images are too small for the layers.
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
