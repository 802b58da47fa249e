"""The training loop: epochs of steps, each step's report read one step later, so that nothing waits for the device."""

import time
from dataclasses import astuple, dataclass, field

import numpy as np

from lenet.data.sampler import epoch_order, next_rows
from lenet.errors import TrainingError
from lenet.run import checkpoint
from lenet.run.progress import Progress, Totals
from lenet.training.evaluation import evaluate
from lenet.training.schedule import learning_rate

STOP, RESIZE, MAX_STEPS = "asked to stop", "processes come or go", "max_steps"


@dataclass
class Run:
    """A run as it stands: everything that the loop needs and what it moves on (`progress`, `totals`, `ended_by`)."""

    config: object
    world: object
    learner: object
    train: object  # Batches
    validation: object  # Batches
    journal: object
    save: object  # called with the run where its state is to be kept, and with whether the disk is to have it too
    stop: object  # true once this process is asked to stop
    progress: Progress = field(default_factory=Progress)
    totals: Totals = field(default_factory=Totals)  # of the epoch that is not finished
    ended_by: str | None = None  # STOP, RESIZE or MAX_STEPS: why all ranks end before the last epoch does

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
            evaluation = evaluate(run.learner.net, run.validation, run.world)
            run.journal.epoch(
                run.progress,
                run.totals,
                evaluation,
                images_per_second=(len(run.train) - images_before) / seconds_training,
                seconds=time.monotonic() - began,
                learning_rate=_learning_rate(run, run.progress, 0),
                processes=run.world.size,
            )
            run.progress, run.totals = run.progress.after_epoch(), Totals()
        run.save(run, to_disk=True)


def train_epoch(run):
    """Take the steps that are left of the epoch; at its end, or when `ended_by` is set, every report has been read."""
    order = epoch_order(run.config.seed, run.progress.epoch, len(run.train))
    unread = None
    while run.progress.images_done < len(run.train) and not run.ended_by:
        rows = next_rows(order, run.progress.images_done, run.batch)
        rate = _learning_rate(run, run.progress, len(rows))
        progress = run.progress.after_step(len(rows))
        run.world.begin_step(*astuple(progress))
        images, labels = run.train.take(run.world.part_of(rows))
        report = run.learner.step(run.world, images, labels, len(rows), rate, (bool(run.stop), run.world.wants_resize))
        run.progress = progress
        if unread:
            _read(run, *unread)
        unread = run.progress, len(rows), rate, report
        saves, keeps = _is_due(run, run.config.checkpoint_every), _is_due(run, run.world.keep_every)
        if saves or keeps:
            _read(run, *unread)
            unread = None
            run.save(run, to_disk=saves)
        _end_at_max_steps(run)
    if unread:
        _read(run, *unread)


def _read(run, progress, images, rate, report):
    """Take in the report of a step, waiting for that step alone."""
    run.world.heartbeat(f"the gradients of step {progress.step} from all ranks")
    loss, hits, seen, stops, resizes = report.asnumpy().astype(np.float64)
    if seen != images:
        raise RuntimeError(f"step {progress.step} was to see {images} images but the ranks saw {seen:.0f}")
    if not np.isfinite(loss):
        raise diverged(run, f"the loss of step {progress.step} is {loss}")
    run.totals += Totals(float(loss), int(hits), int(seen))
    run.journal.move(progress, images, float(loss) / images)
    if progress.step % run.config.log_every == 0:
        run.journal.step(progress, float(loss) / images, rate)
    if stops or resizes:
        run.ended_by = STOP if stops else RESIZE


def diverged(run, what):
    """The error for numbers that are no longer any: what is so, where the last good ones are, and what may help."""
    saved = checkpoint.folders(run.config.output_dir)
    last = f"the last good checkpoint is {saved[-1]}" if saved else "there is no checkpoint yet"
    return TrainingError(f"{what}; {last}; try a smaller learning_rate or more warmup_epochs")


def _is_due(run, every):
    """Is something due that happens each `every` steps, besides at the end of an epoch?"""
    return every is not None and run.progress.step % every == 0 and run.progress.images_done < len(run.train)


def _end_at_max_steps(run):
    if run.config.max_steps is not None and run.progress.step >= run.config.max_steps:
        run.ended_by = MAX_STEPS


def _learning_rate(run, progress, images_in_step):
    return learning_rate(run.config, progress, images_in_step, len(run.train), run.batch)
