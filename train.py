"""Train LeNet-5 on Fashion-MNIST: python train.py, or horovodrun -np 4 python train.py. --help lists the options."""

import sys
from dataclasses import asdict

from distributed import run_job
from lenet import data
from lenet.config import read_config
from lenet.device import choose_device, settle_engine
from lenet.errors import InputError, TrainingError


def main(world):
    """Train in `world`; the exit code, or None to go on in the world that it is resized to."""
    config = world.together(lambda: read_config(sys.argv[1:]), InputError)
    world.together(lambda: settle_engine(config.debug), InputError)
    dataset = world.together(lambda: data.load(config.data_dir), InputError)

    # Only now: these import MXNet, whose engine and threads are settled.
    from lenet import determinism, loop, model, output, resume, versions
    from lenet.bar import Bar
    from lenet.batches import Batches
    from lenet.journal import Journal
    from lenet.learner import Learner
    from lenet.stop import stop_request

    device, note = world.together(lambda: choose_device(config.device, world.local_rank, world.local_size), InputError)
    world.compare({"the data": dataset.digest, "the config": str(asdict(config)), "the code": versions.code_version()})
    if not config.debug:
        world.watch(config.stall_timeout)
    if config.deterministic_check:
        return determinism.check(config, world, dataset, device)
    world.together(lambda: output.prepare(config) if world.is_root else None, InputError)

    net = model.lenet5()
    model.initialize(net, config.seed, device)
    if not config.debug:
        net.hybridize(static_alloc=True)

    bar = Bar(config.epochs, len(dataset.train), config.batch_size * world.size, config.max_steps)
    identity = {"seed": config.seed, "data": dataset.digest, "images": len(dataset.train)}
    run = loop.Run(
        config=config,
        world=world,
        learner=Learner(net, config, device),
        train=Batches(dataset.train, device),
        validation=Batches(dataset.validation, device),
        journal=Journal(config.output_dir, world.is_root, bar, config.tensorboard),
        save=lambda run, to_disk: output.save_checkpoint(run, identity, to_disk),
        stop=stop_request,
    )
    devices = sorted(set(world.gather(str(device))))
    run.journal.say(
        f"{dataset.name}: {len(dataset.train):,} training and {len(dataset.validation):,} test images; "
        f"{world.size} x {config.batch_size} images a step on {', '.join(devices)}"
    )
    for line in sorted(set(filter(None, world.gather(note)))):
        run.journal.say(line)
    resume.resume(run, identity)
    run.stop.listen()
    try:
        loop.train(run)
    finally:
        run.journal.close()
        output.release(config)  # another process can be rank 0 next
    if run.ended_by == loop.RESIZE:
        return None
    if run.ended_by == loop.STOP:
        world.meet()  # rank 0 has written its checkpoint: the first rank that ends makes a launcher end the others
        run.stop.answered = True
        run.journal.say(f"Stopped after step {run.progress.step}; the same command goes on from there")
        return 143
    run.journal.say(f"The trained network is in {output.write_trained(run)}")
    return 0


if __name__ == "__main__":
    sys.exit(run_job(main, (InputError, TrainingError)))
