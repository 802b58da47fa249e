"""Train LeNet-5 on Fashion-MNIST: python train.py, or horovodrun -np 4 python train.py. --help lists the options."""

import sys
from dataclasses import asdict

from distributed import environment, run_job
from lenet.config import read_config
from lenet.data import fashion_mnist
from lenet.errors import InputError, TrainingError


def main(world):
    """Train in `world`; the exit code, or None to go on in the world that it is resized to."""
    config = world.on_all_ranks(lambda: read_config(sys.argv[1:]), InputError)
    environment.choose_engine(config.debug)
    dataset = world.on_all_ranks(lambda: fashion_mnist.load(config.data_dir), InputError)

    # Only now: these import MXNet, whose engine and threads are settled.
    from lenet.data.batches import Batches
    from lenet.device import choose_device
    from lenet.model import lenet5
    from lenet.run.metrics_log import MetricsLog
    from lenet.run.progress_bar import ProgressBar
    from lenet.training import checkpointer, determinism, resume, trainer, versions
    from lenet.training.signals import stop_request
    from lenet.training.step import Learner

    device, note = world.on_all_ranks(
        lambda: choose_device(config.device, world.local_rank, world.local_size), InputError
    )
    world.compare({"the data": dataset.digest, "the config": str(asdict(config)), "the code": versions.code_version()})
    if not config.debug:
        world.watch(config.stall_timeout)
    if config.deterministic_check:
        return determinism.check(config, world, dataset, device)
    world.on_all_ranks(lambda: checkpointer.prepare(config) if world.is_root else None, InputError)

    net = lenet5.lenet5()
    lenet5.initialize(net, config.seed, device)
    if not config.debug:
        net.hybridize(static_alloc=True)

    bar = ProgressBar(config.epochs, len(dataset.train), config.batch_size * world.size, config.max_steps)
    identity = {"seed": config.seed, "data": dataset.digest, "images": len(dataset.train)}
    run = trainer.Run(
        config=config,
        world=world,
        learner=Learner(net, config, device),
        train=Batches(dataset.train, device),
        validation=Batches(dataset.validation, device),
        journal=MetricsLog(config.output_dir, world.is_root, bar, config.tensorboard),
        save=lambda run, to_disk: checkpointer.save_checkpoint(run, identity, to_disk),
        stop=stop_request,
    )
    devices = sorted(set(world.all_gather(str(device))))
    run.journal.say(
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.validation):,} test images; "
        f"{world.size} x {config.batch_size} images a step on {', '.join(devices)}"
    )
    for line in sorted(set(filter(None, world.all_gather(note)))):
        run.journal.say(line)
    resume.resume(run, identity)
    run.stop.listen()
    try:
        trainer.train(run)
    finally:
        run.journal.close()
        checkpointer.release(config)  # another process can be rank 0 next
    if run.ended_by == trainer.RESIZE:
        return None
    if run.ended_by == trainer.STOP:
        world.barrier()  # rank 0 has written its checkpoint: the first rank that ends makes a launcher end the others
        run.stop.answered = True
        run.journal.say(f"Stopped after step {run.progress.step}; the same command goes on from there")
        return 143
    run.journal.say(f"The trained network is in {checkpointer.write_trained(run)}")
    return 0


if __name__ == "__main__":
    sys.exit(run_job(main, (InputError, TrainingError)))
