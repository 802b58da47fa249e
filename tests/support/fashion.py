"""LeNet-5 and Fashion-MNIST's pixels, for tests that need no run."""

import mxnet as mx

from lenet.data import fashion_mnist
from lenet.data.batches import Batches
from lenet.data.fashion_mnist import PIXEL_MEAN, PIXEL_STD
from lenet.model import normalise as pixels
from lenet.model.network import load_network


def build_lenet5(seed):
    """LeNet-5 for ten classes of 28 x 28 images."""
    return load_network("lenet5").build(10, (1, 28, 28), seed, mx.cpu())


def batches_of(split):
    return Batches(split, mx.cpu(), PIXEL_MEAN, PIXEL_STD)


def validation_of(folder):
    """The Batches of the validation images of the data set in `folder`, whose own pixels they are normalised by."""
    dataset = fashion_mnist.load(folder)
    return Batches(dataset.validation, mx.cpu(), dataset.pixel_mean, dataset.pixel_std)


def normalise(images):
    return pixels.normalise(images, PIXEL_MEAN, PIXEL_STD)
