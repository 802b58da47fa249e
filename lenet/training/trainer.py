"""Training: epochs of steps, from the progress of a run to its end."""

import time
from contextlib import AbstractContextManager
from dataclasses import asdict
from enum import Enum
from typing import NamedTuple

import mxnet as mx
import numpy as np
from mxnet import nd
from mxnet.gluon import HybridBlock

from distributed import World
from distributed.exit_codes import STOPPED
from lenet.config import Config
from lenet.data.augmentation import training_batches
from lenet.data.batches import Batches, epoch_order
from lenet.data.dataset import Dataset
from lenet.device import choose_device
from lenet.model.network import Network, load_network, native_threads
from lenet.run.messages import final_line, resume_lines, start_lines
from lenet.run.metrics_log import MetricsLog
from lenet.run.network_spec import NetworkSpec
from lenet.run.output_dir import OutputDir
from lenet.run.progress import Progress, Totals
from lenet.run.progress_bar import ProgressBar
from lenet.run.resume import run_identity
from lenet.training.checkpointer import FOLDER_PATIENCE, Checkpointer
from lenet.training.evaluation import evaluate
from lenet.training.fingerprint import fingerprint
from lenet.training.objective import Objective
from lenet.training.optimizer import choose_optimizer
from lenet.training.profile import StepProfile, check_path
from lenet.training.schedule import learning_rate
from lenet.training.signals import stop_request
from lenet.training.state import TrainState
from lenet.training.step import Step


class End(Enum):
    """Why all ranks end before the last epoch."""

    STOP = "asked to stop"
    RESIZE = "processes come or go"
    MAX_STEPS = "max_steps"


class PendingStep(NamedTuple):
    """A step that is queued on the device; its metrics are not read yet."""

    progress: Progress  # after it
    images: int
    learning_rate: float
    report: nd.NDArray  # what Step.read takes


class Trainer(AbstractContextManager):
    """The run of `config` on `dataset` in `world`: `restore` it, then `fit`. Every rank does the same."""

    # What is trained, in which world.
    config: Config
    world: World
    dataset: Dataset
    network: Network

    # What computes.
    device: mx.Context
    threads: int | None  # of native code; None where MXNet computes
    net: HybridBlock  # the plain layers: what is evaluated
    objective: Objective
    step: Step
    training_data: Batches
    validation_data: Batches

    # What changes.
    state: TrainState
    ended_by: End | None  # None while the run has not ended early

    # Where it goes.
    output: OutputDir
    checkpointer: Checkpointer
    log: MetricsLog
    profile: StepProfile

    def __init__(self, config: Config, dataset: Dataset, world: World):
        self.config, self.dataset, self.world = config, dataset, world
        with world.fail_together("the device and the network's code"):
            self.device = choose_device(config.device, world)
            self.network = load_network(config.network)
            self.threads = self._native_threads()
        facts = {
            "the data": dataset.digest,
            "the classes": str(dataset.class_names),
            "the network": self.network.digest,
        }
        facts |= {f"the option {name}": str(value) for name, value in asdict(config).items()}
        world.compare({**facts, **fingerprint(config, self.device.device_type, is_native=self.threads is not None)})
        self.output = OutputDir(config.output_dir, NetworkSpec.of(config.network, dataset), self.network.name)
        with world.fail_together("the output folder, the data set on the device and the network"):
            if world.is_root:
                self.output.open(FOLDER_PATIENCE)
                check_path(config.profile)
            self.training_data = training_batches(config, dataset, self.device)
            self.validation_data = Batches(dataset.validation, self.device, dataset.pixel_mean, dataset.pixel_std)
            self.net = self.network.build(len(dataset.class_names), dataset.image_shape, config.seed, self.device)
        self.state = TrainState.of(self.net, self.device, choose_optimizer(config).slots)
        self.objective = Objective.of(config, self.network, len(dataset.class_names))
        self.step = Step(self.net, self.state, self.objective, config, self.training_data, self.threads)
        bar = ProgressBar(config.epochs, len(dataset.train), config.global_batch, config.max_steps)
        self.log = MetricsLog(config.output_dir, world.is_root, bar, config.tensorboard, asdict(config))
        self.profile = StepProfile(config.profile if world.is_root else None, self.log.say)
        self.checkpointer = Checkpointer(
            config, world, self.output, run_identity(config, dataset, self.network.identity), self.log
        )
        self.ended_by = None
        self.began = time.monotonic()

    def __exit__(self, *error: object) -> None:
        self.log.close()
        self.output.close()  # another process can be rank 0 next

    def restore(self) -> None:
        """Set the state of all ranks to what is kept in memory, to that of a checkpoint, or to the start."""
        world, state = self.world, self.state
        devices = world.all_gather_object(str(self.device))
        for line in start_lines(self.config, world.size, self.dataset, devices, self.threads):
            self.log.say(line)
        with world.fail_together("the checkpoint to resume from"):
            restored = self.checkpointer.restore(state) if world.is_root else False
        world.monitor.heartbeat("the state of rank 0")
        where = world.broadcast_object(restored and [asdict(state.progress), asdict(state.totals), state.best])
        if where:
            state.progress, state.totals, state.best = Progress(**where[0]), Totals(**where[1]), where[2]
            for line in resume_lines(state.progress, self.config.epochs, world.monitor.position):
                self.log.say(line)
        world.broadcast(state.vectors)
        world.monitor.heartbeat("metrics.jsonl")
        self.log.open(last_step=state.progress.step)
        self.log.changes(state.progress, self.checkpointer.changes)

    def fit(self) -> int | None:
        """Train, and write the trained network at the end.

        Returns the exit code, or None to continue with other processes.
        """
        stop_request.listen()
        self.train()
        if self.ended_by is End.RESIZE:
            return None
        if self.ended_by is End.STOP:
            # Rank 0 has its checkpoint: the first rank that ends makes a launcher end the others.
            self.world.barrier("the last checkpoint, which rank 0 writes")
            stop_request.answered = True
            self.log.say(f"Stopped after step {self.state.progress.step}; the same command goes on from there")
            return STOPPED
        self.world.monitor.heartbeat("the disk to take the trained network")
        path = self.checkpointer.write_trained(self.state)
        self.world.barrier("the trained network, which rank 0 writes")
        self.log.say(f"The trained network is in {path}")
        seconds = time.monotonic() - self.began
        self.log.say(final_line(self.config, seconds, self.state.progress.step, self.log.accuracies))
        return 0

    def train(self) -> None:
        """Train to the last epoch's end, or to where all ranks agree to stop."""
        self._end_at_max_steps()
        while self.state.progress.epoch < self.config.epochs and not self.ended_by:
            self._train_epoch()
        self.profile.close()
        self.log.close()

    def _train_epoch(self) -> None:
        """Take the steps that are left of an epoch, evaluate the network after the last one, save the state."""
        began, images_before = time.monotonic(), self.state.progress.images_done
        self._take_steps()
        seconds_training = time.monotonic() - began
        if self.state.progress.images_done == len(self.training_data):
            self.state.copy_to(self.net)
            evaluation = evaluate(self.net, self.validation_data, self.world, self.objective, self.threads)
            self.log.epoch(
                self.state.progress,
                self.state.totals,
                evaluation.totals,
                images_per_second=(len(self.training_data) - images_before) / seconds_training,
                seconds=time.monotonic() - began,
                learning_rate=self._learning_rate(0),
                processes=self.world.size,
            )
            if self.config.best:
                self.checkpointer.keep_best(self.state, evaluation.totals.correct)
            self.state.progress, self.state.totals = self.state.progress.after_epoch(), Totals()
        self.checkpointer.save(self.state, to_disk=True)

    def _take_steps(self) -> None:
        """Take the steps that are left of an epoch. The metrics of each are read a step later: nothing waits."""
        images = len(self.training_data)
        order = epoch_order(self.config.seed, self.state.progress.epoch, images)
        order = nd.array(order, ctx=self.device, dtype="int32")
        self.training_data.start_epoch(self.state.progress.epoch)
        pending: PendingStep | None = None
        while self.state.progress.images_done < images and not self.ended_by:
            step = self._launch_step(order)
            if pending:
                self._finish_step(pending)
            pending = step
            to_disk = self._is_due(self.config.checkpoint_every)
            to_memory = self._is_due(self.world.committed.commit_every)
            if to_disk or to_memory:
                self._finish_step(pending)
                pending = None
                self.checkpointer.save(self.state, to_disk)
            self._end_at_max_steps()
        if pending:
            self._finish_step(pending)

    def _launch_step(self, order: nd.NDArray) -> PendingStep:
        """Queue the step that follows the state's progress."""
        self.profile.begin_step()
        begin = self.state.progress.images_done
        end = min(begin + self.config.global_batch, len(self.training_data))
        progress = self.state.progress.after_step(end - begin)
        rate = self._learning_rate(end - begin)
        self.world.monitor.step_begins(progress.epoch, progress.images_done, progress.step)
        requests = (bool(stop_request), self.world.committed.hosts_updated)
        report = self.step.take(self.world, order, begin, end, rate, requests)
        self.state.progress = progress
        return PendingStep(progress, end - begin, rate, report)

    def _finish_step(self, pending: PendingStep) -> None:
        """Read and record the metrics of a step; waits for that step alone."""
        number = pending.progress.step
        waiting_for = f"the gradients of step {number} from all ranks{self.checkpointer.pending(number)}"
        self.world.monitor.heartbeat(waiting_for)
        metrics = self.step.read(pending.report)
        if metrics.totals.images != pending.images:
            seen = metrics.totals.images
            raise RuntimeError(f"step {number} was to see {pending.images} images but the ranks saw {seen}")
        if not np.isfinite(metrics.loss):
            raise self.checkpointer.diverged(f"the loss of step {number} is {metrics.loss}")
        if metrics.shards_in_range != self.step.shards_of(pending.images):
            what = "gradients or running statistics" if self.state.running.layout.size else "gradients"
            raise self.checkpointer.diverged(f"the {what} of step {number} are too large to be added up")
        self.state.totals += metrics.totals
        self.log.move(pending.progress, pending.images, metrics.loss)
        if number % self.config.log_every == 0:
            self.log.step(pending.progress, metrics.loss, pending.learning_rate)
        if metrics.stop_requests or metrics.resize_requests:
            self.ended_by = End.STOP if metrics.stop_requests else End.RESIZE

    def _native_threads(self) -> int | None:
        """Return in how many threads native code computes: at most one for each shard of this rank."""
        if self.config.debug:
            return None
        shards = -(-self.config.global_batch // self.config.shard)
        cores = self.config.threads or self.world.local.cores
        return native_threads(self.config.network, self.device, min(cores, -(-shards // self.world.size)))

    def _learning_rate(self, images_in_step: int) -> float:
        return learning_rate(self.config, self.state.progress, images_in_step, len(self.training_data))

    def _is_due(self, every: int | None) -> bool:
        """Is what happens each `every` steps due now? At the end of an epoch it happens anyway."""
        progress = self.state.progress
        return every is not None and progress.step % every == 0 and progress.images_done < len(self.training_data)

    def _end_at_max_steps(self) -> None:
        if self.config.max_steps is not None and self.state.progress.step >= self.config.max_steps:
            self.ended_by = End.MAX_STEPS
