"""python -m lenet show: images of the data set in a row, with their class names and numbers."""

from argparse import ArgumentParser, Namespace

from lenet import cli
from lenet.commands import plots
from lenet.commands.pictures import viewable
from lenet.data import fashion_mnist
from lenet.data.dataset import Split
from lenet.errors import InputError

MAX_IMAGES = 100  # in one picture


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    parser.add_argument(
        "--count", type=cli.count(MAX_IMAGES), default=6, metavar="N", help="how many images (default: 6)"
    )
    split = parser.add_mutually_exclusive_group()
    split.add_argument("--train", dest="split", action="store_const", const="train", help="training images (default)")
    split.add_argument("--test", dest="split", action="store_const", const="validation", help="test images")
    parser.set_defaults(split="train")
    parser.add_argument(
        "--output",
        type=cli.path_ending(".png"),
        default="show.png",  # a text, which the parser checks too
        metavar="FILE",
        help="PNG to write (default: show.png)",
    )
    cli.add_data_dir(parser)


def main(options: Namespace) -> None:
    """Print the classes of the images and write the picture."""
    dataset = fashion_mnist.load(options.data_dir)
    split = first_images(getattr(dataset, options.split), options.count)
    names = [dataset.class_names[label] for label in split.labels]
    print(f"{split.labels.tolist()}\n{', '.join(names)}")
    titles = [f"image {row}\n{label} {name}" for row, (label, name) in enumerate(zip(split.labels, names))]
    with plots.theme(plots.LIGHT):
        plots.save(plots.image_grid(viewable(split.images), titles), options.output)
    print(f"wrote {options.output}")


def first_images(split: Split, count: int) -> Split:
    """Return the first `count` images of a split. InputError: it has fewer."""
    if count > len(split):
        raise InputError(f"--count {count}: there are {len(split):,} images")
    return Split(split.images[:count], split.labels[:count])
