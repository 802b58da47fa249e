"""The output folder of a run: made, locked and continued by rank 0, which alone writes in it."""

import errno
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lenet.atomic import PARTIAL, whole_file
from lenet.config import Config, write_config
from lenet.errors import InputError
from lenet.run import checkpoint
from lenet.run.lock import FolderLock, Held
from lenet.run.network_spec import FILE as DESCRIPTION
from lenet.run.network_spec import NetworkSpec

FAILURE = "failure.json"  # how an earlier job ended, if not well
REPORT = "report.html"
REPORT_PICTURE = re.compile(r"(loss|accuracy|learning_rate|images_per_second|(confusion|mistakes)(-\d+)?)\.png")


def report_files(folder: Path) -> list[Path]:
    """Return the files in `folder` that `python -m lenet report` has written."""
    return sorted(path for path in folder.iterdir() if path.name == REPORT or REPORT_PICTURE.fullmatch(path.name))


class OutputDir:
    """The folder `path`, which one job at a time may write in: from `open` to `close`, or to the process's end."""

    def __init__(self, path: str | Path, description: NetworkSpec | None = None, network: str = "LeNet5"):
        """`description` is written beside the config: what the network takes and gives. `network` is its name."""
        self.path, self.description, self.network = Path(path), description, network
        self.lock: FolderLock | None = None

    @property
    def trained(self) -> Path:
        """Where the trained network is written."""
        return self.path / f"trained_{self.network}.params"

    @property
    def best(self) -> Path:
        """Where the network of the best evaluation is written."""
        return self.path / f"best_{self.network}.params"

    def open(self, patience: float = 0.0) -> None:
        """Make the folder, take it for this job alone, remove what a killed job left half. InputError: it cannot be.

        `patience`: seconds to wait for a job that was just killed; it holds the folder until the kernel has ended it.
        """
        with self._disk_errors():
            (self.path / "checkpoints").mkdir(parents=True, exist_ok=True)
            self._take_lock(patience)
            for left_over in (*self.path.glob(f".*{PARTIAL}"), *self.path.glob(f"checkpoints/.*{PARTIAL}")):
                shutil.rmtree(left_over) if left_over.is_dir() else left_over.unlink()

    def close(self) -> None:
        """Let another process of this job, or of another one, take the folder."""
        if self.lock is not None:
            self.lock.release()
            self.lock = None

    def check(self) -> None:
        """OSError: another job took the folder while this process was suspended."""
        if self.lock is not None:
            try:
                self.lock.check()
            except Held as holder:
                raise OSError(errno.EBUSY, f"another job writes there ({holder})") from None

    def begin(self, config: Config, step: int | None, say: Callable[[str], None]) -> None:
        """Set aside what does not belong to the run, which resumes from `step`, or starts over for None.

        How an earlier job failed no longer matters then.
        """
        with self._disk_errors():
            (self.path / FAILURE).unlink(missing_ok=True)
            if config.resume != "auto":
                self._set_aside(-1 if step is None else step, say)
            self.write_config(config)

    def write_config(self, config: Config) -> None:
        """Write config.yaml and the description. OSError if the disk refuses."""
        if self.description:
            self.description.write(self.path)
        with whole_file(self.path / "config.yaml") as place, open(place, "w", encoding="utf-8") as file:
            write_config(config, file)

    def make_anew(self, config: Config) -> None:
        """Make the folder again, which was removed during the run. InputError: it cannot be."""
        if not self.path.is_dir():
            self.close()  # the lock of a file that is gone
        self.open()
        with self._disk_errors():
            self.write_config(config)

    @contextmanager
    def _disk_errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(f"--output-dir {self.path}: {error.strerror}") from None

    def _take_lock(self, patience: float) -> None:
        if self.lock is not None:
            return
        lock = FolderLock(self.path)
        try:
            lock.take(patience)
        except Held as holder:
            raise InputError(
                f"--output-dir {self.path}: another job writes there ({holder}); choose another folder"
            ) from None
        self.lock = lock

    def _set_aside(self, step: int, say: Callable[[str], None]) -> None:
        """Move checkpoints after `step`, with a copy of what else the run left, to another folder."""
        later = [folder for folder in checkpoint.folders(self.path) if checkpoint.step_of(folder) > step]
        if not later and (step >= 0 or not (self.path / "metrics.jsonl").exists()):
            return
        number = 1 + sum(1 for _ in self.path.glob("earlier-*"))
        place = self.path / f"earlier-{number}"
        (place / "checkpoints").mkdir(parents=True)
        for folder in later:
            folder.rename(place / "checkpoints" / folder.name)
        names = ("config.yaml", DESCRIPTION, "metrics.jsonl", self.trained.name, self.best.name)
        for name in names:
            if (self.path / name).exists():
                shutil.copy2(self.path / name, place / name)
        if (self.path / "tensorboard").is_dir():
            shutil.copytree(self.path / "tensorboard", place / "tensorboard")
        for path in report_files(self.path):  # it describes a run that is no longer there
            path.rename(place / path.name)
        say(f"What the earlier run left is kept in {place}")
