"""The scalars of a run as TensorBoard reads them, and its options as hyper-parameters.

Training and validation are two runs to TensorBoard, which draws them in one chart where they share a tag.

It writes the events at once: tensorboardX's SummaryWriter hands them to a thread, which ends on a full disk without a
word, and waits for that thread forever once its queue is full.
"""

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog

TRAIN, VALIDATION = "train", "validation"
METRICS = ("accuracy", "loss")  # of both; TensorBoard's table of hyper-parameters shows them for the validation


class TensorBoard:
    """The Tracker of event files in `folder`, after `last_step`. The `options` of the run are hyper-parameters."""

    def __init__(self, folder: Path, last_step: int, options: Mapping[str, Any]) -> None:
        self.writers: dict[str, EventsWriter] = {}
        try:
            for name in (TRAIN, VALIDATION):
                self.writers[name] = _new_file(folder / name)
                # TensorBoard drops what an earlier part of the run wrote of later steps.
                start = Event(step=last_step + 1, session_log=SessionLog(status=SessionLog.START))
                self.writers[name].write_event(start)
            for each in summary.hparams(dict(options), dict.fromkeys(METRICS))[:2]:  # the third is for the end
                self._write(VALIDATION, last_step + 1, each)
            self._flush()
        except OSError:
            with suppress(OSError):
                self.close()
            raise

    def log(self, kind: str, step: int, values: Mapping[str, Any]) -> None:
        """As Tracker.log: the loss and the learning rate of a step, the means and the speed of an epoch."""
        if kind == "step":
            self._add(TRAIN, step, "loss/step", values["loss"])
            self._add(TRAIN, step, "learning_rate", values["learning_rate"])
        elif kind == "epoch":
            for name, value in values.items():
                part, _, tag = name.partition("_")
                if part in self.writers:
                    self._add(part, step, tag, value)
            self._add(TRAIN, step, "images_per_second", values["images_per_second"])
            self._flush()

    def close(self) -> None:
        """As Tracker.close; each file, whether another can be closed or not."""
        with ExitStack() as files:
            for writer in self.writers.values():
                files.callback(writer._py_recordio_writer.close)  # last: `close` leaves open what it cannot flush
                files.callback(writer.close)

    def _add(self, name: str, step: int, tag: str, value: float) -> None:
        self._write(name, step, summary.scalar(tag, value))

    def _write(self, name: str, step: int, content: Any) -> None:
        self.writers[name].write_event(Event(wall_time=time.time(), step=step, summary=content))

    def _flush(self) -> None:
        for writer in self.writers.values():
            writer.flush()


def _new_file(folder: Path) -> EventsWriter:
    """A new event file in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    return EventsWriter(os.path.join(folder, "events"), f".{os.getpid()}")
