"""Putting a run where a checkpoint left it, or at its start: rank 0 reads, the others are told."""

from dataclasses import asdict

import mxnet as mx

from lenet.errors import InputError
from lenet.model.lenet5 import check_arrays, set_parameters
from lenet.run.progress import Progress, Totals
from lenet.training.checkpointer import begin, find_checkpoint, from_bytes


def resume(run, identity):
    """Set weights, momenta, update counts, progress and totals on every rank to those of rank 0."""
    world, learner = run.world, run.learner
    found = world.on_all_ranks(lambda: _restore(run, identity) if world.is_root else None, InputError)
    where = world.broadcast_object(found and [asdict(found.progress), asdict(found.totals)])
    if where:
        run.progress, run.totals = Progress(**where[0]), Totals(**where[1])
        if run.progress.epoch >= run.config.epochs:
            run.journal.say(f"This run has its {run.config.epochs} epochs; --resume never begins a new one")
        else:
            run.journal.say(f"Continuing after step {run.progress.step}, in epoch {run.progress.epoch}")
        if not world.is_root:
            learner.use_momenta({})
    if world.reached and world.reached[0] == run.progress.epoch:
        again = world.reached[1] - run.progress.images_done
        if again:
            run.journal.say(f"{again} images of epoch {run.progress.epoch} are seen again")
    world.broadcast([*learner.weights, *learner.momenta.values()])
    run.journal.open(last_step=run.progress.step)


def _restore(run, identity):
    """Give rank 0's learner what is kept in memory or on the disk, if anything is; returns it as a Checkpoint."""
    kept = run.world.kept and from_bytes(run.world.kept)
    found = kept or find_checkpoint(run.config, identity, run.journal.say)
    if found is not None:
        set_parameters(run.learner.net, found.weights, "the checkpoint")
        if found.momenta:
            check_arrays(run.learner.parameters, found.momenta, "the checkpoint's momenta")
        momenta = {name: mx.nd.array(momentum, ctx=run.learner.device) for name, momentum in found.momenta.items()}
        run.learner.use_momenta(momenta)
    if kept is None:
        begin(run.config, found, run.journal.say)
    return found
