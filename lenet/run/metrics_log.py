"""What a run tells: lines on the screen, metrics.jsonl and TensorBoard's files. Rank 0 alone writes."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

from lenet.atomic import whole_file
from lenet.run.progress import Progress, Totals
from lenet.run.progress_bar import ProgressBar, print_line
from lenet.run.resume import Change
from lenet.run.tensorboard import TensorBoardWriter
from lenet.untrusted import read_json_lines


class MetricsLog:
    """The log of the run in `folder`. One that does not write takes everything and says nothing.

    What it cannot write does not end a training: a warning says so once for each file.
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
        self.path = self.folder / "metrics.jsonl"
        self.progress_bar = progress_bar if writes else None
        self.file: TextIO | None = None
        self.tensorboard_writer: TensorBoardWriter | None = None
        self.warned: set[Path] = set()  # the paths that a warning has named
        self.accuracies: dict[int, float] = {}  # the validation accuracy of each epoch that is recorded

    def say(self, line: str) -> None:
        """Print a line for people."""
        if self.writes:
            print_line(line)
        if self.progress_bar:
            self.progress_bar.line_printed()

    def open(self, last_step: int) -> None:
        """Begin to write, after the records of the first `last_step` steps: later ones will come again."""
        if not self.writes:
            return
        self._attempt(self.path, lambda: self._open_file(last_step))
        if self.tensorboard:
            self._attempt(self.folder / "tensorboard", lambda: self._open_tensorboard(last_step))

    def changes(self, progress: Progress, changes: Sequence[Change]) -> None:
        """Record what changes with the step that follows `progress`."""
        for each in changes:
            self._write(kind="change", step=progress.step + 1, option=each.option, before=each.before, after=each.after)

    def move(self, progress: Progress, images: int, loss: float) -> None:
        """Move the progress bar: a step of `images` images with this mean loss is done."""
        if self.progress_bar:
            self.progress_bar.move(progress, images, loss)

    def step(self, progress: Progress, loss: float, learning_rate: float) -> None:
        """Record a step: its loss before its update, in nats per image over all ranks' images."""
        self._write(kind="step", step=progress.step, epoch=progress.epoch, loss=loss, learning_rate=learning_rate)
        self._write_tensorboard(lambda writer: writer.step(progress.step, loss, learning_rate))

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
        self._write(
            kind="epoch",
            epoch=progress.epoch,
            step=progress.step,
            train_loss=train.mean_loss,
            train_accuracy=train.accuracy,
            validation_loss=validation.mean_loss,
            validation_accuracy=validation.accuracy,
            images_per_second=images_per_second,
            seconds=seconds,
            learning_rate=learning_rate,
            processes=processes,
        )
        self._write_tensorboard(lambda writer: writer.epoch(progress.step, train, validation, images_per_second))
        self.say(
            f"Epoch [{progress.epoch}] Loss:{train.mean_loss:.3f} Acc:{train.accuracy:.3f} "
            f"Val:{validation.accuracy:.3f} {images_per_second:,.0f} images/s {seconds:.1f} s"
        )

    def close(self) -> None:
        """Take the progress bar away and close the files; again for nothing."""
        if self.progress_bar:
            self.progress_bar.close()
        if self.file:
            self._attempt(self.path, self.file.close)
        if self.tensorboard_writer:
            self._attempt(self.folder / "tensorboard", self.tensorboard_writer.close)
        self.progress_bar = self.file = self.tensorboard_writer = None

    def _open_file(self, last_step: int) -> None:
        with whole_file(self.path) as partial, open(partial, "w", encoding="utf-8") as file:
            file.writelines(self._lines_until(last_step))
        self.file = open(self.path, "a", encoding="utf-8")

    def _lines_until(self, last_step: int) -> Iterator[str]:
        """The lines of an earlier part of the run, without later steps. A kill can have cut the last line."""
        if not self.path.exists():
            return
        for text, record in read_json_lines(self.path):
            step = record.get("step") if record else None
            if not isinstance(step, int):
                print_line(f"warning: {self.path}: a broken line is left out: {text[:60]!r}", sys.stderr)
            elif record and step <= last_step:
                yield text
                epoch, accuracy = record.get("epoch"), record.get("validation_accuracy")
                if isinstance(epoch, int) and isinstance(accuracy, float):
                    self.accuracies[epoch] = accuracy

    def _open_tensorboard(self, last_step: int) -> None:
        self.tensorboard_writer = TensorBoardWriter(self.folder / "tensorboard", last_step, self.options)

    def _write(self, **record: Any) -> None:
        if self.file:
            self._attempt(self.path, lambda: print(json.dumps(record), file=self.file, flush=True))

    def _write_tensorboard(self, write: Callable[[TensorBoardWriter], None]) -> None:
        writer = self.tensorboard_writer
        if writer and not self._attempt(self.folder / "tensorboard", lambda: write(writer)):
            self.tensorboard_writer = None  # what follows a broken record cannot be read

    def _attempt(self, path: Path, write: Callable[[], Any]) -> bool:
        """Has `write` worked? If the disk refuses, say so on standard error, once for each `path`."""
        try:
            write()
        except OSError as error:
            if path not in self.warned:
                print_line(f"warning: {path}: {error.strerror}; the training goes on without it", sys.stderr)
            self.warned.add(path)
            return False
        return True
