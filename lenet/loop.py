"""The training loop: epochs of steps, each step's report read one step later, so that nothing waits for the device."""

import time
from dataclasses import dataclass
from typing import Optional

import numpy as np

from lenet.errors import TrainingError
from lenet.metrics import Totals
from lenet.progress import Progress, epoch_order, next_rows
from lenet.schedule import learning_rate

STOP, MAX_STEPS = "asked to stop", "max_steps"
HINT = "try a smaller learning_rate or more warmup_epochs; the checkpoints before it stay"
EVALUATION_BATCH = 1000  # images at a time; does not change the result


@dataclass
class Run:
    """A run as it stands: everything that the loop needs and what it moves on (`progress`, `totals`, `ended_by`)."""

    config: object
    world: object
    learner: object
    train: object  # Batches
    validation: object  # Batches
    journal: object
    save: object  # called with the run where a checkpoint is due
    alive: object  # called with what is waited for next, so that a watchdog sees the run move
    stop: object  # true once this process is asked to stop
    progress: Progress = Progress()
    totals: Totals = Totals()  # of the epoch that is not finished
    ended_by: Optional[str] = None  # STOP or MAX_STEPS: why all ranks end before the last epoch does

    @property
    def batch(self):
        """Images of a full step of all ranks."""
        return self.config.batch_size * self.world.size


def train(run):
    """Train from where `run` stands to the last epoch's end, or to where all ranks agree to stop."""
    _end_at_max_steps(run)
    while run.progress.epoch < run.config.epochs and not run.ended_by:
        began, images_before = time.monotonic(), run.progress.images_done
        train_epoch(run)
        seconds_training = time.monotonic() - began
        if run.progress.images_done == len(run.train):
            validation = evaluate(run.learner, run.validation, run.world, run.alive)
            run.journal.epoch(
                run.progress,
                run.totals,
                validation,
                images_per_second=(len(run.train) - images_before) / seconds_training,
                seconds=time.monotonic() - began,
                learning_rate=_learning_rate(run, run.progress, 0),
                processes=run.world.size,
            )
            run.progress, run.totals = run.progress.after_epoch(), Totals()
        run.save(run)


def train_epoch(run):
    """Take the steps that are left of the epoch; at its end, or when `ended_by` is set, every report has been read."""
    order = epoch_order(run.config.seed, run.progress.epoch, len(run.train))
    unread = None
    while run.progress.images_done < len(run.train) and not run.ended_by:
        rows = next_rows(order, run.progress, run.batch)
        rate = _learning_rate(run, run.progress, len(rows))
        images, labels = run.train.take(run.world.share(rows))
        report = run.learner.step(run.world, images, labels, len(rows), rate, bool(run.stop))
        run.progress = run.progress.after_step(len(rows))
        if unread:
            _read(run, *unread)
        unread = run.progress, len(rows), rate, report
        every = run.config.checkpoint_every
        if every and run.progress.step % every == 0 and run.progress.images_done < len(run.train):
            _read(run, *unread)
            unread = None
            run.save(run)
        _end_at_max_steps(run)
    if unread:
        _read(run, *unread)


def evaluate(learner, batches, world, alive):
    """Totals over all images of `batches`, each looked at by one rank: no padding, none left out."""
    rows = world.share(range(len(batches)))
    loss, hits = 0.0, 0.0
    for images, labels in batches.cut(rows, EVALUATION_BATCH):
        alive("this rank's part of the evaluation")
        sums = learner.look(images, labels).asnumpy().astype(np.float64)
        loss, hits = loss + sums[0], hits + sums[1]
    alive("the other ranks' parts of the evaluation")
    loss, hits, images = world.sum([loss, hits, len(rows)])
    return Totals(float(loss), int(hits), int(images))


def _read(run, progress, images, rate, report):
    """Take in the report of a step, waiting for that step alone."""
    run.alive(f"the gradients of step {progress.step} from all ranks")
    loss, hits, seen, stops = report.asnumpy().astype(np.float64)
    if seen != images:
        raise RuntimeError(f"step {progress.step} was to see {images} images but the ranks saw {seen:.0f}")
    if not np.isfinite(loss):
        raise TrainingError(f"the loss of step {progress.step} is {loss}: {HINT}")
    run.totals += Totals(float(loss), int(hits), int(seen))
    if progress.step % run.config.log_every == 0:
        run.journal.step(progress, float(loss) / images, rate)
    if stops:
        run.ended_by = STOP


def _end_at_max_steps(run):
    if run.config.max_steps is not None and run.progress.step >= run.config.max_steps:
        run.ended_by = MAX_STEPS


def _learning_rate(run, progress, images_in_step):
    return learning_rate(run.config, progress, images_in_step, len(run.train), run.batch)
