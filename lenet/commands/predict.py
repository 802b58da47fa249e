"""python -m lenet predict: what a trained network takes test images, or people's own pictures, for."""

from pathlib import Path

import mxnet as mx
import numpy as np

from lenet import cli
from lenet.commands import plots, user_images
from lenet.commands.network import load_network
from lenet.commands.show import MOST, check_count
from lenet.data import fashion_mnist
from lenet.data.batches import Batches
from lenet.data.fashion_mnist import CLASS_NAMES, Split
from lenet.errors import InputError
from lenet.training.evaluation import predict_logits, probabilities


def add_options(parser):
    """The options of the command."""
    cli.add_params(parser)
    parser.add_argument("--count", type=cli.count(MOST), metavar="N", help="how many test images (default: 6)")
    parser.add_argument("--image", nargs="+", default=[], metavar="FILE", help="your own PNG or JPEG pictures instead")
    parser.add_argument(
        "--output",
        type=cli.path_ending(".png"),
        default=Path("predictions.png"),
        metavar="FILE",
        help="PNG to write (default: predictions.png)",
    )
    cli.add_data_dir(parser)


def run(options):
    """Print the predicted classes and write the picture."""
    if options.image and (options.count or options.data_dir):
        raise InputError("--image: your own pictures need neither --count nor --data-dir")
    if len(options.image) > MOST:
        raise InputError(f"--image: {len(options.image)} pictures, at most {MOST} at a time")
    net = load_network(options.params, mx.cpu())
    split = _own_pictures(options.image) if options.image else _test_images(options.data_dir, options.count or 6)
    found = probabilities(predict_logits(net, Batches(split, mx.cpu()), range(len(split)))[0])
    predicted = found.argmax(axis=1)
    print([int(each) for each in predicted])
    if options.image:
        titles, wrong = _tell(options.image, found), []
    else:
        pairs = list(zip(split.labels, predicted))
        titles = [f"True [{CLASS_NAMES[label]}]\nPredicted [{CLASS_NAMES[guess]}]" for label, guess in pairs]
        wrong = np.flatnonzero(predicted != split.labels)
        print(f"{len(split) - len(wrong)} of {len(split)} right")
    with plots.theme(plots.LIGHT):
        plots.save(plots.image_grid(split.images, titles, wrong), options.output)
    print(f"wrote {options.output}")


def _test_images(data_dir, count):
    split = fashion_mnist.load(data_dir).validation
    check_count(count, split)
    return Split(split.images[:count], split.labels[:count])


def _own_pictures(paths):
    images = np.stack([user_images.read(path) for path in paths])
    return Split(images, np.zeros(len(images), np.uint8))  # nobody knows their labels; none is looked at


def _tell(paths, found):
    """Print the three likeliest classes of each picture; the titles of the pictures."""
    for path, chances in zip(paths, found):
        best = np.argsort(-chances, kind="stable")[:3]
        print(f"{path}: {', '.join(f'{CLASS_NAMES[each]} {chances[each]:.1%}' for each in best)}")
    return [f"Predicted [{CLASS_NAMES[chances.argmax()]}]\n{chances.max():.1%}" for chances in found]
