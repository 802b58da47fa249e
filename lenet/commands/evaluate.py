"""python -m lenet evaluate: the accuracy of a trained network, alone or under a launcher."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence

import numpy as np

from distributed import World
from lenet import cli
from lenet.commands.network import load_network
from lenet.data import fashion_mnist
from lenet.data.batches import Batches
from lenet.data.fashion_mnist import CLASS_NAMES
from lenet.device import choose_device
from lenet.errors import InputError
from lenet.model.lenet5 import named_parameters
from lenet.training.evaluation import evaluate


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    cli.add_params(parser)
    cli.add_data_dir(parser)


def main(options: Namespace, world: World) -> int:
    """Evaluate in `world`, whose rank 0 alone needs the file PARAMS. Returns the exit code."""
    device, _ = world.on_all_ranks(lambda: choose_device("auto", world.local_rank, world.local_size), InputError)
    dataset = world.on_all_ranks(lambda: fashion_mnist.load(options.data_dir), InputError)
    world.compare({"the data": dataset.digest})
    net = world.on_all_ranks(lambda: load_network(options.params if world.is_root else None, device), InputError)
    world.broadcast([parameter.data() for parameter in named_parameters(net).values()])
    evaluation = evaluate(net, Batches(dataset.validation, device), world)
    if world.is_root:
        totals = evaluation.totals
        print(f"Validation Accuracy: {totals.accuracy:.3f}")
        print(f"{totals.correct:,} of {totals.images:,} images, loss {totals.mean_loss:.4f}\n")
        print("\n".join(class_table(evaluation.confusion)))
    return 0


def class_table(confusion: np.ndarray, class_names: Sequence[str] = CLASS_NAMES) -> list[str]:
    """The lines of a table of the classes, from the matrix (classes, classes) of labels by predictions."""
    lines = [f"{'class':<14}{'precision':>10}{'recall':>8}{'support':>8}"]
    for name, precision, recall, support in class_scores(confusion, class_names):
        lines.append(f"{name:<14}{precision:>10}{recall:>8}{support:>8}")
    return lines


def class_scores(confusion: np.ndarray, class_names: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    """Each class with its number, its precision, recall and support, from the matrix of labels by predictions.

    Precision: the correct part of the images that were taken for the class. Recall: the part of the images of the
    class that was found. Support: how many images the class has.
    """
    for number, name in enumerate(class_names):
        correct, predicted, support = confusion[number, number], confusion[:, number].sum(), confusion[number].sum()
        precision = f"{correct / predicted:.3f}" if predicted else "-"
        recall = f"{correct / support:.3f}" if support else "-"
        yield f"{number} {name}", precision, recall, f"{support:,}"
