"""What a run tells: lines on the screen and metrics.jsonl. Rank 0 alone has something to say."""

import json
import sys
from pathlib import Path

from lenet.files import whole_file
from lenet.run import progress_bar
from lenet.run.tensorboard import TensorBoardWriter


class MetricsLog:
    """The diary of the run in `folder`; one that does not write takes everything and says nothing.

    What it cannot write does not end a training: a warning says so once.
    """

    def __init__(self, folder, writes, progress_bar=None, tensorboard=False):
        self.folder, self.writes, self.tensorboard = Path(folder), writes, tensorboard
        self.path = self.folder / "metrics.jsonl"
        self.bar = progress_bar if writes else None
        self.file, self.board = None, None
        self.warned = set()

    def say(self, line):
        """Print a line for people."""
        if self.writes:
            progress_bar.say(line)

    def open(self, last_step):
        """Begin to write, after the records of the first `last_step` steps: later ones will come again."""
        if not self.writes:
            return
        self._attempt(self.path, self._open_file, last_step)
        if self.tensorboard:
            self._attempt(self.folder / "tensorboard", self._open_board, last_step)

    def move(self, progress, images, loss):
        """Move the bar: a step of `images` images with this mean loss is done."""
        if self.bar:
            self.bar.move(progress, images, loss)

    def step(self, progress, loss, learning_rate):
        """Record a step: its mean loss over all ranks' images, before its update."""
        self._write(kind="step", step=progress.step, epoch=progress.epoch, loss=loss, learning_rate=learning_rate)
        self._show("step", progress.step, loss, learning_rate)

    def epoch(self, progress, train, validation, images_per_second, seconds, learning_rate, processes):
        """Record a finished epoch and print its line; `train`: Totals, `validation`: Totals."""
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
        self._show("epoch", progress.step, train, validation, images_per_second)
        self.say(
            f"Epoch [{progress.epoch}] Loss:{train.mean_loss:.3f} Acc:{train.accuracy:.3f} "
            f"Val:{validation.accuracy:.3f} {images_per_second:,.0f} images/s {seconds:.1f} s"
        )

    def close(self):
        """Leave the bar and end the files; again for nothing."""
        if self.bar:
            self.bar.close()
        if self.file:
            self._attempt(self.path, self.file.close)
        if self.board:
            self._attempt(self.folder / "tensorboard", self.board.close)
        self.bar = self.file = self.board = None

    def _open_file(self, last_step):
        kept = [line for line in self._lines() if json.loads(line)["step"] <= last_step]
        with whole_file(self.path) as place:
            Path(place).write_text("".join(kept))
        self.file = open(self.path, "a", encoding="utf-8")

    def _open_board(self, last_step):
        self.board = TensorBoardWriter(self.folder / "tensorboard", last_step)

    def _write(self, **record):
        if self.file:
            self._attempt(self.path, lambda: print(json.dumps(record), file=self.file, flush=True))

    def _show(self, kind, *what):
        if self.board and not self._attempt(self.folder / "tensorboard", getattr(self.board, kind), *what):
            self.board = None  # what follows a broken record cannot be read

    def _attempt(self, path, write, *what):
        """Has `write(*what)` worked? If the disk refuses, say so on standard error, once for each `path`."""
        try:
            write(*what)
        except OSError as error:
            if path not in self.warned:
                progress_bar.say(f"warning: {path}: {error.strerror}; the training goes on without it", sys.stderr)
            self.warned.add(path)
            return False
        return True

    def _lines(self):
        """The whole lines of an earlier part of the run: a kill can have cut the last one."""
        if not self.path.exists():
            return []
        lines = []
        for line in self.path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
            try:
                whole = line.endswith("\n") and isinstance(json.loads(line)["step"], int)
            except (ValueError, KeyError, TypeError):
                whole = False
            if whole:
                lines.append(line)
            else:
                progress_bar.say(f"warning: {self.path}: a broken line is left out: {line[:60]!r}", sys.stderr)
        return lines
