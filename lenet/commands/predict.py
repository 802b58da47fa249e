"""python -m lenet predict: the classes that a trained network predicts for test images or a user's pictures."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

import mxnet as mx
import numpy as np

from lenet import cli
from lenet.commands import plots, user_images
from lenet.commands.mistakes import probabilities
from lenet.commands.pictures import read_picture, viewable
from lenet.commands.show import MAX_IMAGES, first_images
from lenet.commands.trained_network import FASHION, describe, load_trained, threads_for
from lenet.data import fashion_mnist
from lenet.data.batches import Batches
from lenet.data.dataset import Split
from lenet.errors import InputError
from lenet.run.network_spec import NetworkSpec
from lenet.training.evaluation import predict_logits


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    cli.add_params(parser)
    cli.add_network(parser)
    parser.add_argument("--count", type=cli.count(MAX_IMAGES), metavar="N", help="how many test images (default: 6)")
    parser.add_argument(
        "--image",
        nargs="+",
        default=[],
        metavar="FILE",
        help="your own PNG or JPEG pictures instead; those that cannot be read are left out",
    )
    parser.add_argument(
        "--output",
        type=cli.path_ending(".png"),
        default="predictions.png",  # a text, which the parser checks too
        metavar="FILE",
        help="PNG to write (default: predictions.png)",
    )
    cli.add_data_dir(parser)


def main(options: Namespace) -> None:
    """Print the predicted classes and write the picture."""
    if options.image and (options.count or options.data_dir):
        raise InputError("--image: your own pictures need neither --count nor --data-dir")
    if len(options.image) > MAX_IMAGES:
        raise InputError(f"--image: {len(options.image)} pictures, at most {MAX_IMAGES} at a time")
    dataset = None if options.image else fashion_mnist.load(options.data_dir)
    found = describe(options.params, options.network, dataset)
    net = load_trained(options.params, mx.cpu(), found)
    if dataset is None:
        paths, split = _user_images(options.image, found)
    else:
        split = first_images(dataset.validation, options.count or 6)
    data = Batches(split, mx.cpu(), found.pixel_mean, found.pixel_std)
    chances = probabilities(predict_logits(net, data, range(len(split)), threads_for(found))[0])
    predicted, names = chances.argmax(axis=1), found.class_names
    print(predicted.tolist())
    if options.image:
        titles, wrong = _print_likeliest(paths, chances, names), np.zeros(0, int)
    else:
        pairs = zip(split.labels, predicted)
        titles = [f"True [{names[label]}]\nPredicted [{names[guess]}]" for label, guess in pairs]
        wrong = np.flatnonzero(predicted != split.labels)
        print(f"{len(split) - len(wrong)} of {len(split)} right")
    with plots.theme(plots.LIGHT):
        plots.save(plots.image_grid(viewable(split.images), titles, wrong), options.output)
    print(f"wrote {options.output}")


def _user_images(paths: Sequence[str], found: NetworkSpec) -> tuple[list[str], Split]:
    """Return paths and images of the readable pictures; print a line on standard error for each of the others.

    Clothing becomes as in Fashion-MNIST; other pictures are scaled and cropped to the network's input. InputError:
    no picture can be read.
    """
    channels, *size = found.image_shape
    is_fashion = (found.class_names, found.image_shape) == (FASHION.class_names, FASHION.image_shape)
    images: dict[str, np.ndarray] = {}
    reasons = []
    for path in paths:
        try:
            if is_fashion:
                images[path] = user_images.read(path)
            else:
                images[path] = read_picture(path, channels, (size[0], size[1]))
        except InputError as error:
            reasons.append(str(error))
    if not images:
        more = f"; nor can the other {len(reasons) - 1} be used" if len(reasons) > 1 else ""
        raise InputError(f"--image: {reasons[0]}{more}")
    for reason in reasons:
        print(f"warning: left out: {reason}", file=sys.stderr)
    pixels = np.stack(list(images.values()))
    return list(images), Split(pixels, np.zeros(len(pixels), np.uint8))  # the labels are unknown and unused


def _print_likeliest(paths: Sequence[str], chances: np.ndarray, names: Sequence[str]) -> list[str]:
    """Print the three likeliest classes of each picture. Returns the pictures' titles."""
    for path, row in zip(paths, chances):
        best = np.argsort(-row, kind="stable")[:3]
        print(f"{path}: {', '.join(f'{names[each]} {row[each]:.1%}' for each in best)}")
    return [f"Predicted [{names[row.argmax()]}]\n{row.max():.1%}" for row in chances]
