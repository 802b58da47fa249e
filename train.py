"""Train LeNet-5 on Fashion-MNIST, or a network and data of your own: python train.py, or horovodrun. See --help."""

import sys

import lenet.check_install  # noqa: F401  # first: it ends with one line where set-up is missing
from distributed import World, environment, run_job
from lenet.config import read_config, write_config
from lenet.data.fashion_mnist import load as load_dataset


def main(world: World) -> int | None:
    """Train in `world`. Returns the exit code, or None to restart with other processes."""
    with world.fail_together("the config"):
        config = read_config(sys.argv[1:], world.size, world.committed.is_elastic)
    if config.print_config:
        if world.is_root:
            write_config(config, sys.stdout)
        return 0
    failures_to = None if config.deterministic_check else config.output_dir  # the check writes nothing
    world.monitor.configure(None if config.debug else config.stall_timeout, failures_to)
    with world.fail_together("the data set"):
        dataset = load_dataset(config.data_dir, world.monitor.heartbeat)
    environment.choose_engine(config.debug)
    from lenet.training.determinism import check_determinism  # these import MXNet: its engine and threads are settled
    from lenet.training.trainer import Trainer

    if config.deterministic_check:
        return check_determinism(config, world, dataset)
    with Trainer(config, dataset, world) as trainer:
        trainer.restore()
        return trainer.fit()


if __name__ == "__main__":
    sys.exit(run_job(main))
