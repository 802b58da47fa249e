"""python -m lenet evaluate: the accuracy of a trained network, alone or under a launcher."""

from argparse import ArgumentParser, Namespace

from distributed import World
from lenet import cli
from lenet.commands.network import load_network
from lenet.data import fashion_mnist
from lenet.data.batches import Batches
from lenet.device import choose_device
from lenet.errors import InputError
from lenet.model.lenet5 import named_parameters
from lenet.training.evaluation import class_table, evaluate


def add_options(parser: ArgumentParser) -> None:
    """The options of the command."""
    cli.add_params(parser)
    cli.add_data_dir(parser)


def run(options: Namespace, world: World) -> int:
    """Evaluate in `world`, whose rank 0 alone needs the file PARAMS; the exit code."""
    device, _ = world.on_all_ranks(lambda: choose_device("auto", world.local_rank, world.local_size), InputError)
    dataset = world.on_all_ranks(lambda: fashion_mnist.load(options.data_dir), InputError)
    world.compare({"the data": dataset.digest})
    net = world.on_all_ranks(lambda: load_network(world.is_root and options.params, device), InputError)
    world.broadcast([parameter.data() for parameter in named_parameters(net).values()])
    found = evaluate(net, Batches(dataset.validation, device), world)
    if world.is_root:
        print(f"Validation Accuracy: {found.totals.accuracy:.3f}")
        print(f"{found.totals.correct:,} of {found.totals.images:,} images, loss {found.totals.mean_loss:.4f}\n")
        print("\n".join(class_table(found.confusion)))
    return 0
