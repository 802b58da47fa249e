"""python -m lenet evaluate: the accuracy of a trained network, alone or under a launcher."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence

import numpy as np
from mxnet import nd
from mxnet.gluon import HybridBlock

from distributed import World
from lenet import cli
from lenet.commands.trained_network import describe, load_trained
from lenet.data import fashion_mnist
from lenet.data.batches import Batches
from lenet.data.fashion_mnist import CLASS_NAMES
from lenet.device import choose_device
from lenet.errors import InputError
from lenet.model.network import load_network
from lenet.model.parameters import named_parameters
from lenet.run.network_spec import NetworkSpec
from lenet.run.progress_bar import print_line
from lenet.training.evaluation import evaluate
from lenet.training.objective import Objective


def add_options(parser: ArgumentParser) -> None:
    """Add the options of the command."""
    cli.add_params(parser)
    cli.add_network(parser)
    cli.add_data_dir(parser)


def main(options: Namespace, world: World) -> int:
    """Evaluate in `world`, whose rank 0 alone needs the file PARAMS. Returns the exit code."""
    device = choose_device("auto", world).context
    dataset = world.on_all_ranks(
        lambda: fashion_mnist.load(options.data_dir, world.heartbeat), InputError, "the data set"
    )
    text = world.on_all_ranks(
        lambda: describe(options.params, options.network, dataset).to_json() if world.is_root else None,
        InputError,
        "the network's description",
    )
    found = NetworkSpec.from_json(world.broadcast_object(text), "rank 0")
    code = world.on_all_ranks(lambda: load_network(found.network), InputError, "the network's code")
    world.compare({"the data": dataset.digest, "the network": code.digest})
    path = options.params if world.is_root else None
    net = world.on_all_ranks(lambda: load_trained(path, device, found, code), InputError, "the network")
    world.heartbeat("the network of rank 0")
    _broadcast_parameters(net, world)
    data = Batches(dataset.validation, device, found.pixel_mean, found.pixel_std)
    evaluation = evaluate(net, data, world, Objective(len(found.class_names)))
    if world.is_root:
        totals = evaluation.totals
        lines = [
            f"Validation Accuracy: {totals.accuracy:.3f}",
            f"{totals.correct:,} of {totals.images:,} images, loss {totals.mean_loss:.4f}\n",
            *class_table(evaluation.confusion, found.class_names),
        ]
        print_line("\n".join(lines))
    return 0


def _broadcast_parameters(net: HybridBlock, world: World) -> None:
    """Give all ranks rank 0's parameters, by way of copies: a forward leaves them in a layout that cannot be sent."""
    parameters = named_parameters(net).values()
    copies = [nd.array(each.data().asnumpy(), ctx=each.data().context) for each in parameters]
    world.broadcast(copies)
    for parameter, copy in zip(parameters, copies):
        parameter.set_data(copy)


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
