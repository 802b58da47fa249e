"""Saves the state of a run in memory and on the disk, and restores it."""

from pathlib import Path

import numpy as np

from distributed import World
from lenet.atomic import whole_file
from lenet.config import Config
from lenet.errors import InputError, TrainingError
from lenet.model.parameters import check_arrays
from lenet.model.params_file import limit_for, write_params
from lenet.run import checkpoint
from lenet.run.checkpoint import Checkpoint
from lenet.run.metrics_log import MetricsLog
from lenet.run.output_dir import OutputDir
from lenet.run.resume import Change, changed_options, options_of
from lenet.training.state import TrainState

FOLDER_PATIENCE = 2.0  # seconds to wait for the folder of a rank that was just killed


class Checkpointer:
    """Saves and restores the state of a run in `output`. `identity` is what makes it this run and no other."""

    def __init__(
        self, config: Config, world: World, output: OutputDir, identity: dict[str, int | str], log: MetricsLog
    ):
        self.config, self.world, self.output, self.identity, self.log = config, world, output, identity, log
        self.changes: list[Change] = []  # of options, with the step that follows the restored one
        self.last_saved: int | None = None  # the step of the last checkpoint that was to be written to the disk

    def restore(self, state: TrainState) -> bool:
        """On rank 0: set `state` to what is committed or to a checkpoint. Returns whether there is any.

        InputError: what is asked for is not whole, or of another run.
        """
        committed = self.world.committed.state
        limit = limit_for(state.shapes | state.slot_shapes)
        found = checkpoint.parse(committed) if committed else self._find(limit)
        if found is not None:
            check_arrays(state.shapes, found.weights, "the checkpoint")
            check_arrays(state.slot_shapes, found.slots, "the checkpoint's optimizer")
            state.set(found.weights, found.slots)
            state.progress, state.totals, state.best = found.progress, found.totals, found.best
        if not committed:
            for change in self.changes:
                self.log.say(f"{change}")
            self.output.begin(self.config, found.progress.step if found else None, self.log.say)
        return found is not None

    def save(self, state: TrainState, to_disk: bool) -> None:
        """Commit `state`, and save it as a checkpoint if `to_disk`. Every rank calls it.

        OSError: the disk refuses. TrainingError: the weights are no longer finite.
        """
        saved = self._in_host_memory(state)
        self.world.committed.commit(saved.dump, lambda: self._save_alone(saved))
        if to_disk:
            self.last_saved = state.progress.step
        if to_disk and self.world.is_root:
            self.world.monitor.heartbeat(f"the disk to take the checkpoint of step {state.progress.step}")
            self._save_on_disk(saved)

    def pending(self, step: int) -> str:
        """What the step also waits for, to be appended to a message: rank 0 may still write a checkpoint."""
        is_next = not self.world.is_root and self.last_saved == step - 1
        return f" and the checkpoint of step {self.last_saved}, which rank 0 writes first" if is_next else ""

    def write_trained(self, state: TrainState) -> Path:
        """Write the trained network where rank 0 is; the tutorial's own network loads it. Returns its path."""
        self._write_parameters(state, self.output.trained)
        return self.output.trained

    def keep_best(self, state: TrainState, correct: int) -> None:
        """Write the network beside the checkpoints if it is right about more images than in any evaluation before.

        The best is part of the state: a run that is resumed from before it writes the same file again.
        """
        if correct > state.best:
            state.best = correct
            self._write_parameters(state, self.output.best)

    def diverged(self, what: str) -> TrainingError:
        """The error for numbers that are not finite or too large: `what` is, the last good checkpoint, a remedy."""
        saved = checkpoint.folders(self.output.path)
        last = f"the last good checkpoint is {saved[-1]}" if saved else "there is no checkpoint yet"
        return TrainingError(f"{what}; {last}; try a smaller learning_rate or more warmup_epochs")

    def _write_parameters(self, state: TrainState, path: Path) -> None:
        if self.world.is_root:
            try:
                self.output.check()
                with whole_file(path) as place:
                    write_params(place, state.parameters())
            except OSError as error:
                raise OSError(f"{path}: {error.strerror}") from error

    def _find(self, limit: int) -> Checkpoint | None:
        """The checkpoint that `--resume` asks for, or None to start over."""
        if self.config.resume == "never":
            return None
        if self.config.resume == "auto":
            found = checkpoint.newest(self.output.path, self.log.say, limit)
        else:
            found = checkpoint.load(self.config.resume, limit)
        self.changes = changed_options(found, self.identity, self.config) if found else []
        return found

    def _in_host_memory(self, state: TrainState) -> Checkpoint:
        parameters, slots = state.parameters(), state.slot_arrays()
        for name, values in parameters.items():
            if not np.isfinite(values).all():
                raise self.diverged(f"{name} is not finite after step {state.progress.step}")
        return Checkpoint(
            parameters, slots, state.progress, state.totals, self.identity, options_of(self.config), state.best
        )

    def _save_on_disk(self, saved: Checkpoint) -> None:
        output, what = self.output, f"checkpoint of step {saved.progress.step}"
        try:
            output.check()
            try:
                checkpoint.save(output.path, saved, keep=self.config.keep)
            except FileNotFoundError:  # the folder was taken away, perhaps in the middle of this
                if not output.path.is_dir():
                    self.log.say(f"{output.path} is gone; it is made anew for the {what}")
                output.make_anew(self.config)
                checkpoint.save(output.path, saved, keep=self.config.keep)
        except (OSError, InputError) as error:
            reason = getattr(error, "strerror", None) or error
            raise OSError(f"no {what} in {output.path}: {reason}") from error

    def _save_alone(self, saved: Checkpoint) -> None:
        """Save without the other ranks, which may do the same. A killed rank holds the folder until the kernel ends it.

        OSError: another process holds the folder for longer, and has not saved this.
        """
        output = OutputDir(self.output.path) if self.output.lock is None else self.output
        try:
            output.open(FOLDER_PATIENCE)
        except InputError as error:
            if checkpoint.folder_of(output.path, saved.progress.step).exists():
                return
            raise OSError(f"no checkpoint of step {saved.progress.step}: {error}") from None
        try:
            checkpoint.save(output.path, saved, keep=self.config.keep)
        finally:
            output.close()
