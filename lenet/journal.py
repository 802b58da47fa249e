"""What a run tells: lines on the screen and metrics.jsonl. Rank 0 alone has something to say."""

import json
import sys
from pathlib import Path

from lenet.files import whole_file


class Journal:
    """The diary of the run in `folder`; one that does not write (`writes` false) takes everything and says nothing."""

    def __init__(self, folder, writes):
        self.path, self.writes = Path(folder) / "metrics.jsonl", writes
        self.file = None

    def say(self, line):
        """Print a line for people."""
        if self.writes:
            print(line, flush=True)

    def open(self, last_step):
        """Begin to write, after the records of the first `last_step` steps, which stay; later ones are done again."""
        if not self.writes:
            return
        kept = [line for line in self._lines() if json.loads(line)["step"] <= last_step]
        with whole_file(self.path) as place:
            Path(place).write_text("".join(kept))
        self.file = open(self.path, "a", encoding="utf-8")

    def step(self, progress, loss, learning_rate):
        """Record a step: its mean loss over all ranks' images, before its update."""
        self._write(kind="step", step=progress.step, epoch=progress.epoch, loss=loss, learning_rate=learning_rate)

    def epoch(self, progress, train, validation, images_per_second, seconds, learning_rate, processes):
        """Record a finished epoch and print its line; `train` and `validation` are Totals."""
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
        self.say(
            f"Epoch [{progress.epoch}] Loss:{train.mean_loss:.3f} Acc:{train.accuracy:.3f} "
            f"Val:{validation.accuracy:.3f} {images_per_second:,.0f} images/s {seconds:.1f} s"
        )

    def close(self):
        if self.file:
            self.file.close()

    def _write(self, **record):
        if self.file:
            print(json.dumps(record), file=self.file, flush=True)

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
                print(f"{self.path}: a broken line is left out: {line[:60]!r}", file=sys.stderr)
        return lines
