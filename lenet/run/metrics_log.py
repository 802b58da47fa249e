"""What a run reports: lines on the screen, a progress bar, and records to its trackers. Rank 0 alone writes."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from lenet.run.progress import Progress, Totals
from lenet.run.progress_bar import ProgressBar, print_line
from lenet.run.resume import Change
from lenet.run.tensorboard import TensorBoard
from lenet.run.trackers import JsonLines, Tracker


class MetricsLog:
    """The log of the run in `folder`. On a rank that does not write, nothing is printed and nothing recorded.

    A tracker that the disk refuses does not end a training: it is left out, with one warning.
    """

    def __init__(
        self,
        folder: str | Path,
        writes: bool,
        progress_bar: ProgressBar | None = None,
        tensorboard: bool = False,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder, self.writes, self.tensorboard = Path(folder), writes, tensorboard
        self.options = options or {}  # of the run, for TensorBoard
        self.progress_bar = progress_bar if writes else None
        self.trackers: dict[Path, Tracker] = {}  # by what they write
        self.accuracies: dict[int, float] = {}  # the validation accuracy of each epoch that is recorded

    def say(self, line: str) -> None:
        """Print a line for people."""
        if self.writes:
            print_line(line)
        if self.progress_bar:
            self.progress_bar.line_printed()

    def open(self, last_step: int) -> None:
        """Open the trackers, after the records of the first `last_step` steps: later ones will come again."""
        if not self.writes:
            return
        kinds: dict[str, Callable[[Path], Tracker]] = {
            "metrics.jsonl": lambda path: JsonLines(path, last_step, self.accuracies)
        }
        if self.tensorboard:
            kinds["tensorboard"] = lambda path: TensorBoard(path, last_step, self.options)
        for name, kind in kinds.items():
            path = self.folder / name
            with self._left_out_on_failure(path):
                self.trackers[path] = kind(path)

    def changes(self, progress: Progress, changes: Sequence[Change]) -> None:
        """Record what changes with the step that follows `progress`."""
        for each in changes:
            self._log("change", progress.step + 1, option=each.option, before=each.before, after=each.after)

    def move(self, progress: Progress, images: int, loss: float) -> None:
        """Move the progress bar: a step of `images` images with this mean loss is done."""
        if self.progress_bar:
            self.progress_bar.move(progress, images, loss)

    def step(self, progress: Progress, loss: float, learning_rate: float) -> None:
        """Record a step: its loss before its update, in nats per image over all ranks' images."""
        self._log("step", progress.step, epoch=progress.epoch, loss=loss, learning_rate=learning_rate)

    def epoch(
        self,
        progress: Progress,
        train: Totals,
        validation: Totals,
        images_per_second: float,
        seconds: float,
        learning_rate: float,
        processes: int,
    ) -> None:
        """Record a finished epoch and print its line. `seconds` are those of training and validation together."""
        self.accuracies[progress.epoch] = validation.accuracy
        self._log(
            "epoch",
            progress.step,
            epoch=progress.epoch,
            **{f"train_{name}": mean for name, mean in train.means().items()},
            **{f"validation_{name}": mean for name, mean in validation.means().items()},
            images_per_second=images_per_second,
            seconds=seconds,
            learning_rate=learning_rate,
            processes=processes,
        )
        self.say(
            f"Epoch [{progress.epoch}] Loss:{train.mean_loss:.3f} Acc:{train.accuracy:.3f} "
            f"Val:{validation.accuracy:.3f} {images_per_second:,.0f} images/s {seconds:.1f} s"
        )

    def close(self) -> None:
        """Take the progress bar away and close the trackers; a second call does nothing."""
        if self.progress_bar:
            self.progress_bar.close()
        for path, tracker in list(self.trackers.items()):
            with self._left_out_on_failure(path):
                tracker.close()
        self.progress_bar, self.trackers = None, {}

    def _log(self, kind: str, step: int, **values: Any) -> None:
        for path, tracker in list(self.trackers.items()):
            with self._left_out_on_failure(path):
                tracker.log(kind, step, values)

    @contextmanager
    def _left_out_on_failure(self, path: Path) -> Iterator[None]:
        """Warn of an OSError and leave out the tracker of `path`: what follows a broken record cannot be read."""
        try:
            yield
        except OSError as error:
            print_line(f"warning: {path}: {error.strerror}; the training goes on without it", sys.stderr)
            failed = self.trackers.pop(path, None)
            if failed:
                with suppress(OSError):  # it would try to write again when it is collected
                    failed.close()
