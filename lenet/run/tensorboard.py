"""The scalars of a run as TensorBoard reads them, and its options as hyper-parameters.

Training and validation are two runs to TensorBoard, which draws them in one chart where they share a tag.

It writes by itself: tensorboardX's SummaryWriter hands its events to a thread, which ends on a full disk
without telling, and waits for it for ever once its queue is full.
"""

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog

from lenet.run.progress import Totals

TRAIN, VALIDATION = "train", "validation"
METRICS = ("accuracy", "loss")  # of both; TensorBoard's table of hyper-parameters shows them for the validation


class TensorBoardWriter:
    """The event files in `folder` of a run that goes on after `last_step`. Every method can raise OSError.

    `options` of the run, by name, are its hyper-parameters.
    """

    def __init__(self, folder: Path, last_step: int, options: Mapping[str, Any]) -> None:
        self.writers = {name: _open(folder / name, last_step) for name in (TRAIN, VALIDATION)}
        experiment, start, _ = summary.hparams(dict(options), dict.fromkeys(METRICS))
        for each in (experiment, start):
            self._write(VALIDATION, last_step + 1, each)
        self._flush()

    def step(self, step: int, loss: float, learning_rate: float) -> None:
        """Add the mean loss (nats per image) and the learning rate of a step."""
        self._add(TRAIN, step, "loss/step", loss)
        self._add(TRAIN, step, "learning_rate", learning_rate)

    def epoch(self, step: int, train: Totals, validation: Totals, images_per_second: float) -> None:
        """Add an epoch that ended with `step`: the Totals of its training and of the validation after it."""
        for name, totals in ((TRAIN, train), (VALIDATION, validation)):
            self._add(name, step, "loss", totals.mean_loss)
            self._add(name, step, "accuracy", totals.accuracy)
        self._add(TRAIN, step, "images_per_second", images_per_second)
        self._flush()

    def close(self) -> None:
        """Write what is left and close the files."""
        for writer in self.writers.values():
            writer.close()

    def _add(self, name: str, step: int, tag: str, value: float) -> None:
        self._write(name, step, summary.scalar(tag, value))

    def _write(self, name: str, step: int, content: Any) -> None:
        self.writers[name].write_event(Event(wall_time=time.time(), step=step, summary=content))

    def _flush(self) -> None:
        for writer in self.writers.values():
            writer.flush()


def _open(folder: Path, last_step: int) -> EventsWriter:
    """A new event file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    writer = EventsWriter(os.path.join(folder, "events"), f".{os.getpid()}")
    # TensorBoard drops what an earlier part of the run wrote of later steps.
    writer.write_event(Event(step=last_step + 1, session_log=SessionLog(status=SessionLog.START)))
    writer.flush()
    return writer
