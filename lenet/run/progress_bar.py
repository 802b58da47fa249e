"""The progress of a run: a bar on a terminal, else a line every few seconds."""

import sys
import time
from collections.abc import Callable
from typing import TextIO

from tqdm import tqdm

from lenet.run import terminal
from lenet.run.progress import Progress

INTERVAL = 0.1  # seconds between two drawings of the bar: drawing takes its time
QUIET = 10.0  # seconds without output after which a line shows the progress
BAR_WIDTH = 46  # columns from which on the bar itself is drawn


def print_line(line: str, file: TextIO | None = None) -> None:
    """Print a line on standard output, or to `file`, above any bar, in a single write."""
    file = file or sys.stdout
    with tqdm.external_write_mode(file=file):
        file.write(f"{line}\n")
        file.flush()


class ProgressBar:
    """The progress of a run of `epochs` epochs of `images` images, or of `max_steps` steps."""

    def __init__(
        self,
        epochs: int,
        images: int,
        global_batch: int,
        max_steps: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`global_batch`: the images of a full step of all ranks; `clock`: the time in seconds."""
        self.epochs, self.images, self.global_batch, self.max_steps = epochs, images, global_batch, max_steps
        self.clock = clock
        self.is_watched = terminal.is_watched()
        self.printed_at = clock()
        self.total = 0  # images of the whole run; set with the first step, as are the next two
        self.began: tuple[float, int] | None = None  # when, and after how many images
        self.bar: tqdm | None = None

    def move(self, progress: Progress, images_in_step: int, loss: float) -> None:
        """Show `progress`, which a step of `images_in_step` images with this mean loss has reached."""
        images_done = progress.epoch * self.images + progress.images_done
        if self.began is None:
            self.total, self.began = self._total(progress), (self.clock(), images_done)
            if self.is_watched:
                self.bar = self._new_bar(images_done - images_in_step, self._layout(progress, loss))
            self.line_printed()  # there is no speed yet
        elif self.bar is not None:
            self.bar.ncols, self.bar.bar_format = self._layout(progress, loss)
            self.bar.update(images_done - self.bar.n)
        elif self.clock() - self.printed_at >= QUIET:
            print_line(self._line(progress, images_done, loss))
            self.line_printed()

    def line_printed(self) -> None:
        """Note that a line was printed, which postpones the next line of progress."""
        self.printed_at = self.clock()

    def close(self) -> None:
        """Remove the bar from the screen."""
        if self.bar is not None:
            self.bar.close()

    def _new_bar(self, images_done: int, layout: tuple[int, str]) -> tqdm:
        return tqdm(
            initial=images_done,
            total=self.total,
            unit=" images",
            unit_scale=True,
            file=sys.stdout,
            mininterval=INTERVAL,
            miniters=1,
            leave=False,
            ncols=layout[0],
            nrows=20,  # else tqdm asks the terminal, and draws nothing on one without a size
            bar_format=layout[1],
        )

    def _layout(self, progress: Progress, loss: float) -> tuple[int, str]:
        """Return the columns of the screen and tqdm's format of a bar with as many facts as fit."""
        width = terminal.width()
        facts = (
            (36, self._epoch(progress)),
            (95, f"step {progress.step:,}"),
            (60, f"loss {loss:.3f}"),
            (80, "{rate_fmt}"),
            (0, "{remaining} left"),
        )
        text = ", ".join(fact for least, fact in facts if width >= least)
        return width, "run {percentage:3.0f}%" + ("|{bar}| " if width >= BAR_WIDTH else ", ") + text

    def _line(self, progress: Progress, images_done: int, loss: float) -> str:
        assert self.began is not None
        began, images_before = self.began
        speed = (images_done - images_before) / max(self.clock() - began, 1e-9)  # images per second
        left = tqdm.format_interval((self.total - images_done) / speed) if speed else "?"
        return (
            f"{self._epoch(progress)}, run {images_done / self.total:.0%}, step {progress.step:,}, loss {loss:.3f}, "
            f"{speed:,.0f} images/s, {left} left"
        )

    def _epoch(self, progress: Progress) -> str:
        return f"epoch {progress.epoch + 1} of {self.epochs}"

    def _total(self, progress: Progress) -> int:
        """Return the images of all epochs, or of `max_steps` steps of a run at `progress`."""
        total = self.epochs * self.images
        if self.max_steps is None:
            return total
        steps_in_epoch = -(-self.images // self.global_batch)
        steps = -(-progress.images_done // self.global_batch) + self.max_steps - progress.step  # since this epoch began
        epochs, steps = divmod(steps, steps_in_epoch)
        return min(total, (progress.epoch + epochs) * self.images + steps * self.global_batch)
