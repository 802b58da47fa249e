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
from lenet.model.network import load_network, native_threads
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
    """Evaluate in `world`, where rank 0 alone needs the file PARAMS. Returns the exit code."""
    with world.fail_together("the device and the data set"):
        device = choose_device("auto", world)
        dataset = fashion_mnist.load(options.data_dir, world.monitor.heartbeat)
    with world.fail_together("the network's description"):
        text = describe(options.params, options.network, dataset).to_json() if world.is_root else None
    found = NetworkSpec.from_json(world.broadcast_object(text), "rank 0")
    with world.fail_together("the network's code"):
        code = load_network(found.network)
    world.compare({"the data": dataset.digest, "the network": code.digest})
    with world.fail_together("the network"):
        threads = native_threads(found.network, device, world.local.cores)
        net = load_trained(options.params if world.is_root else None, device, found, code)
    world.monitor.heartbeat("the network of rank 0")
    _broadcast_parameters(net, world)
    data = Batches(dataset.validation, device, found.pixel_mean, found.pixel_std)
    evaluation = evaluate(net, data, world, Objective(len(found.class_names)), threads)
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
    """Broadcast rank 0's parameters as copies: a forward leaves them in a layout that cannot be sent."""
    parameters = named_parameters(net).values()
    copies = [nd.array(each.data().asnumpy(), ctx=each.data().context) for each in parameters]
    world.broadcast(copies)
    for parameter, copy in zip(parameters, copies):
        parameter.set_data(copy)


def class_table(confusion: np.ndarray, class_names: Sequence[str] = CLASS_NAMES) -> list[str]:
    """Return the lines of a table of the classes, from the matrix (classes, classes) of labels by predictions."""
    lines = [f"{'class':<14}{'precision':>10}{'recall':>8}{'support':>8}"]
    for name, precision, recall, support in class_scores(confusion, class_names):
        lines.append(f"{name:<14}{precision:>10}{recall:>8}{support:>8}")
    return lines


def class_scores(confusion: np.ndarray, class_names: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield number and name, precision, recall and support of each class, from the matrix of labels by predictions.

    Precision: the correct fraction of the images predicted as the class. Recall: the fraction of the images of the
    class that were predicted as it. Support: the number of images of the class.
    """
    for number, name in enumerate(class_names):
        correct, predicted, support = confusion[number, number], confusion[:, number].sum(), confusion[number].sum()
        precision = f"{correct / predicted:.3f}" if predicted else "-"
        recall = f"{correct / support:.3f}" if support else "-"
        yield f"{number} {name}", precision, recall, f"{support:,}"
