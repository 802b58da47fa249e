"""The progress bar of a run, on a terminal: epoch, step, loss, images a second and the time left."""

import sys
from typing import TextIO

from tqdm import tqdm

from lenet.run.progress import Progress

INTERVAL = 0.1  # seconds between two drawings of the bar: drawing takes its time
FORMAT = "{desc} {percentage:3.0f}%|{bar}| {rate_fmt}{postfix}, {remaining} left"


def print_line(line: str, file: TextIO | None = None) -> None:
    """Print a line on standard output, or in `file`, above any bar."""
    file = file or sys.stdout
    tqdm.write(line, file=file)
    file.flush()


def is_on_terminal() -> bool:
    """Does somebody watch? Open MPI gives every process a terminal for standard output, wherever it goes."""
    return sys.stdout.isatty() and sys.stderr.isatty()


class ProgressBar:
    """A bar over a run of `epochs` epochs of `images` images, or of `max_steps` steps; only on a terminal."""

    def __init__(self, epochs: int, images: int, global_batch: int, max_steps: int | None = None) -> None:
        """`global_batch`: the images of a full step of all ranks."""
        self.epochs, self.images, self.global_batch, self.max_steps = epochs, images, global_batch, max_steps
        self.is_shown = is_on_terminal()
        self.tqdm: tqdm | None = None  # from the first step on

    def move(self, progress: Progress, images_in_step: int, loss: float) -> None:
        """Show `progress`, which a step of `images_in_step` images with this mean loss has reached."""
        if not self.is_shown:
            return
        images_done = progress.epoch * self.images + progress.images_done
        if self.tqdm is None:
            self.tqdm = self._start(progress, images_done - images_in_step)
        self.tqdm.set_description_str(f"Epoch [{progress.epoch}]", refresh=False)
        self.tqdm.set_postfix_str(f"step {progress.step:,}, loss {loss:.3f}", refresh=False)
        self.tqdm.update(images_done - self.tqdm.n)

    def close(self) -> None:
        """Draw the bar for the last time and leave it there."""
        if self.tqdm is not None:
            self.tqdm.close()

    def _start(self, progress: Progress, images_done: int) -> tqdm:
        return tqdm(
            desc=f"Epoch [{progress.epoch}]",
            initial=images_done,
            total=self._total(progress),
            unit=" images",
            unit_scale=True,
            file=sys.stdout,
            mininterval=INTERVAL,
            miniters=1,
            dynamic_ncols=True,
            bar_format=FORMAT,
        )

    def _total(self, progress: Progress) -> int:
        """The images of all epochs, or those that are done after `max_steps` steps of a run that is at `progress`."""
        total = self.epochs * self.images
        if self.max_steps is None:
            return total
        steps_in_epoch = -(-self.images // self.global_batch)
        steps = -(-progress.images_done // self.global_batch) + self.max_steps - progress.step  # since this epoch began
        epochs, steps = divmod(steps, steps_in_epoch)
        return min(total, (progress.epoch + epochs) * self.images + steps * self.global_batch)
