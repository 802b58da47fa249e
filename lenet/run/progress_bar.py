"""The progress bar of a run, on a terminal: epoch, step, loss, images a second and the time left."""

import sys
import time

from tqdm import tqdm

INTERVAL = 0.1  # seconds between two states of the bar: drawing takes its time
FORMAT = "{desc} {percentage:3.0f}%|{bar}| {rate_fmt}{postfix}, {remaining} left"


def say(line, file=None):
    """Print a line on standard output, or in `file`, above any bar."""
    file = file or sys.stdout
    tqdm.write(line, file=file)
    file.flush()


def on_terminal():
    """Does somebody watch? Open MPI gives every process a terminal for standard output, wherever it goes."""
    return sys.stdout.isatty() and sys.stderr.isatty()


class ProgressBar:
    """A bar over a run of `epochs` epochs of `images` images, or of `max_steps` steps; only on a terminal."""

    def __init__(self, epochs, images, batch, max_steps=None):
        """`batch`: the images of a full step of all ranks."""
        self.epochs, self.images, self.batch, self.max_steps = epochs, images, batch, max_steps
        self.bar, self.seen, self.shown = None, 0, on_terminal()
        self.state, self.drawn = None, 0.0

    def move(self, progress, images_in_step, loss):
        """Stand at `progress`, which a step of `images_in_step` images with this mean loss has reached."""
        if not self.shown:
            return
        self.state = progress, loss
        if self.bar is None:
            self.seen = self._images(progress) - images_in_step
            self.bar = self._start(progress)
        if time.monotonic() - self.drawn > INTERVAL:
            self._draw()

    def close(self):
        """Leave the bar as it stands."""
        if self.bar is not None:
            self._draw()
            self.bar.close()

    def _images(self, progress):
        return progress.epoch * self.images + progress.images_done

    def _draw(self):
        (progress, loss), self.drawn = self.state, time.monotonic()
        self.bar.set_description_str(f"Epoch [{progress.epoch}]", refresh=False)
        self.bar.set_postfix_str(f"step {progress.step:,}, loss {loss:.3f}", refresh=False)
        self.bar.update(self._images(progress) - self.seen)
        self.seen = self._images(progress)

    def _start(self, progress):
        total = self.epochs * self.images
        if self.max_steps is not None:
            steps_in_epoch = -(-self.images // self.batch)
            steps = -(-progress.images_done // self.batch) + self.max_steps - progress.step  # since this epoch began
            epochs, steps = divmod(steps, steps_in_epoch)
            total = min(total, (progress.epoch + epochs) * self.images + steps * self.batch)
        return tqdm(
            desc=f"Epoch [{progress.epoch}]",
            initial=self.seen,
            total=total,
            unit=" images",
            unit_scale=True,
            file=sys.stdout,
            mininterval=0,
            miniters=1,
            dynamic_ncols=True,
            bar_format=FORMAT,
        )
