"""The scalars of a run as TensorBoard reads them.

It writes by itself: tensorboardX's SummaryWriter hands its events to a thread, which ends on a full disk
without telling, and waits for it for ever once its queue is full.
"""

import os
import time
from pathlib import Path

from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog

from lenet.run.progress import Totals


class TensorBoardWriter:
    """The event file in `folder` of a run that goes on after `last_step`. Every method can raise OSError."""

    def __init__(self, folder: Path, last_step: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.writer = EventsWriter(os.path.join(folder, "events"), f".{os.getpid()}")
        # TensorBoard drops what an earlier part of the run wrote of later steps.
        start = Event(step=last_step + 1, session_log=SessionLog(status=SessionLog.START))
        self.writer.write_event(start)
        self.writer.flush()

    def step(self, step: int, loss: float, learning_rate: float) -> None:
        """Add the mean loss (nats per image) and the learning rate of a step."""
        self._add(step, "loss/step", loss)
        self._add(step, "learning_rate", learning_rate)

    def epoch(self, step: int, train: Totals, validation: Totals, images_per_second: float) -> None:
        """Add an epoch that ended with `step`: the Totals of its training and of the validation after it."""
        for name, totals in (("train", train), ("validation", validation)):
            self._add(step, f"loss/{name}", totals.mean_loss)
            self._add(step, f"accuracy/{name}", totals.accuracy)
        self._add(step, "images_per_second", images_per_second)
        self.writer.flush()

    def close(self) -> None:
        """Write what is left and close the file."""
        self.writer.close()

    def _add(self, step: int, tag: str, value: float) -> None:
        self.writer.write_event(Event(wall_time=time.time(), step=step, summary=summary.scalar(tag, value)))
