"""Train LeNet-5 on Fashion-MNIST, or a network and data of your own: python train.py, or horovodrun. See --help."""

import sys

import lenet.check_install  # noqa: F401  # first: it ends with one line where set-up is missing
from distributed import World, environment, run_job
from lenet.config import read_config, write_config
from lenet.data import fashion_mnist
from lenet.errors import InputError, TrainingError


def main(world: World) -> int | None:
    """Train in `world`. The exit code, or None to go on in the world that it is resized to."""
    config = world.on_all_ranks(
        lambda: read_config(sys.argv[1:], world.size, world.is_elastic), InputError, "the config"
    )
    if config.print_config:
        if world.is_root:
            write_config(config, sys.stdout)
        return 0
    world.watch(
        timeout=None if config.debug else config.stall_timeout,
        failures_to=None if config.deterministic_check else config.output_dir,
    )
    dataset = world.on_all_ranks(
        lambda: fashion_mnist.load(config.data_dir, world.heartbeat), InputError, "the data set"
    )
    environment.choose_engine(config.debug)
    from lenet.training.determinism import check_determinism  # these import MXNet: its engine and threads are settled
    from lenet.training.trainer import Trainer

    if config.deterministic_check:
        return check_determinism(config, world, dataset)
    with Trainer(config, world, dataset) as trainer:
        trainer.restore()
        return trainer.fit()


if __name__ == "__main__":
    sys.exit(run_job(main, (InputError, TrainingError)))
