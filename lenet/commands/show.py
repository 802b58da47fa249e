"""python -m lenet show: images of the data set in a row, with their class names and numbers."""

from pathlib import Path

from lenet import cli
from lenet.commands import plots
from lenet.data import fashion_mnist
from lenet.data.fashion_mnist import CLASS_NAMES
from lenet.errors import InputError

MOST = 100  # images in one picture


def add_options(parser):
    """The options of the command."""
    parser.add_argument("--count", type=cli.count(MOST), default=6, metavar="N", help="how many images (default: 6)")
    split = parser.add_mutually_exclusive_group()
    split.add_argument("--train", dest="split", action="store_const", const="train", help="training images (default)")
    split.add_argument("--test", dest="split", action="store_const", const="validation", help="test images")
    parser.set_defaults(split="train")
    parser.add_argument(
        "--output",
        type=cli.path_ending(".png"),
        default=Path("show.png"),
        metavar="FILE",
        help="PNG to write (default: show.png)",
    )
    cli.add_data_dir(parser)


def run(options):
    """Print what the images show and write the picture."""
    split = getattr(fashion_mnist.load(options.data_dir), options.split)
    check_count(options.count, split)
    labels = split.labels[: options.count]
    names = [CLASS_NAMES[label] for label in labels]
    print(f"{[int(label) for label in labels]}\n{', '.join(names)}")
    titles = [f"image {place}\n{label} {name}" for place, (label, name) in enumerate(zip(labels, names))]
    with plots.theme(plots.LIGHT):
        plots.save(plots.image_grid(split.images[: options.count], titles), options.output)
    print(f"wrote {options.output}")


def check_count(count, split):
    """InputError if the split holds fewer images than `count`."""
    if count > len(split):
        raise InputError(f"--count {count}: there are {len(split):,} images")
