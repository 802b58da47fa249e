"""train.py on mx.cpu(1), which writes down in the program's order what waits for the device: FILE none|planted OPTIONS.

FILE-RANK holds JSON: a list of [what, more, where]. What is `step`, `epoch`, `evaluate`, or a call by which MXNet's
Python waits for a device or copies between host and device, with the line that it comes from. With `planted` each
step does one such thing on purpose: the next of PLANTED.
"""

import json
import os
import sys
import traceback
from typing import Any

import mxnet as mx
from mxnet.base import _LIB

from lenet.training import step, trainer
from tests.programs.patched_train import after, before, rank, run_train

DEVICE = mx.cpu(1)
WAITS = "WaitAll WaitToRead WaitToWrite SyncCopyFromNDArray Save SaveRawBytes ToDLPack GetSharedMemHandle"
PLANTED = [
    lambda step, report: report[0].asscalar(),
    lambda step, report: mx.nd.save("/dev/null", report),
    lambda step, report: report.asnumpy(),
    lambda step, report: report.wait_to_read(),
    lambda step, report: mx.nd.waitall(),
    lambda step, report: step.state.trained.vector.as_in_context(mx.cpu()),
    lambda step, report: print(step.state.slots["momentum"]),
    lambda step, report: bool(report[0] > 0),
]
NOT_THE_PLACE = (os.path.dirname(mx.__file__), os.path.dirname(__file__), "<string>")
events: list[list[Any]] = []
reports: dict[int, int] = {}  # the step of each report, by its handle
file, planted, *options = sys.argv[1:]


def note(what: str, more: Any = None) -> None:
    frames = [frame for frame in traceback.extract_stack() if not frame.filename.startswith(NOT_THE_PLACE)]
    events.append([what, more, f"{frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line}"])


def note_copy(array: mx.nd.NDArray, to: Any) -> None:
    if getattr(to, "context", to) != DEVICE:
        note("copyto")


def note_step(report: mx.nd.NDArray, taken_by: step.Step, *_: Any) -> None:
    number = sum(what == "step" for what, *_ in events)
    reports.pop(report.handle.value, None)  # of an earlier report, which is gone
    if planted == "planted":
        PLANTED[number](taken_by, report)
    reports[report.handle.value] = number
    note("step", number)


for name in WAITS.split():
    before(_LIB, f"MXNDArray{name}", lambda *_, name=name: note(name))
before(_LIB, "MXNDArraySyncCopyFromCPU", lambda to, data, size: note("upload", getattr(size, "value", size)))
before(_LIB, "MXNDArraySyncCopyToCPU", lambda of, data, size: note("read", [reports.get(of.value), size.value]))
before(mx.nd.NDArray, "copyto", note_copy)
before(trainer.Trainer, "_take_steps", lambda *_: note("epoch"))
before(trainer, "evaluate", lambda *_: note("evaluate"))
after(step.Step, "take", note_step)
trainer.choose_device = lambda *_: DEVICE
try:
    run_train(options)
finally:
    with open(f"{file}-{rank()}", "w") as out:
        json.dump(events, out)
