"""The accuracy of a trained network; python -m lenet evaluate starts this file, alone or under horovodrun."""

import sys

from distributed import run_job
from lenet.device import choose_device
from lenet.errors import InputError
from lenet.options import Parser, add_data_dir, add_params


def main(world):
    """Evaluate in `world`, whose rank 0 alone needs the file PARAMS; the exit code."""
    options = world.together(read_options, InputError)

    from lenet import data, evaluate, model, trained  # they import MXNet, whose threads the world has settled
    from lenet.batches import Batches

    device, _ = world.together(lambda: choose_device("auto", world.local_rank, world.local_size), InputError)
    dataset = world.together(lambda: data.load(options.data_dir), InputError)
    world.compare({"the data": dataset.digest})
    net = world.together(lambda: trained.load_network(world.is_root and options.params, device), InputError)
    world.broadcast([parameter.data() for parameter in model.named_parameters(net).values()])
    found = evaluate.evaluate(net, Batches(dataset.validation, device), world)
    if world.is_root:
        print(f"Validation Accuracy: {found.totals.accuracy:.3f}")
        print(f"{found.totals.hits:,} of {found.totals.images:,} images, loss {found.totals.mean_loss:.4f}\n")
        print("\n".join(evaluate.class_table(found.confusion)))
    return 0


def read_options():
    """The command line."""
    parser = Parser(prog="python -m lenet evaluate", description=__doc__)
    add_params(parser)
    add_data_dir(parser)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(run_job(main, (InputError,)))
