"""train.py on mx.cpu(1), which tells who asks for MXNet's default device without naming one: none|planted OPTIONS.

At its end it prints the devices of the arrays of the steps, `USED […]`, and the functions that asked, `ASKED […]`.
With `planted` each batch asks once, on purpose.
"""

import os
import sys
import traceback
from typing import Any

import mxnet as mx

from lenet.training import step, trainer
from tests.programs.patched_train import after, before, run_train

DEFAULT = mx.cpu(2)
MXNET = os.path.dirname(mx.__file__)
used: set[str] = set()
asked: set[str] = set()


class Watched:
    """What MXNet asks for its default device."""

    current = DEFAULT

    @property
    def value(self) -> mx.Context:
        if self.current == DEFAULT:
            frames = traceback.extract_stack()[:-1]
            # Xavier fills arrays that have their device; `with context:` asks for what to go back to.
            fills = any(frame.filename.endswith("mxnet/initializer.py") for frame in frames)
            if not fills and frames[-1].name != "__enter__":
                *_, ours = (frame for frame in frames if not frame.filename.startswith((MXNET, "<string>")))
                asked.add(f"{ours.filename}:{ours.name}")
        return self.current

    @value.setter
    def value(self, context: mx.Context) -> None:
        self.current = context


def note_devices(report: mx.nd.NDArray, taken_by: step.Step, *_: Any) -> None:
    state = taken_by.state
    arrays = [state.trained.vector, state.slots["momentum"], taken_by.sum.total, report]
    used.update(str(array.context) for array in arrays)


def ask_for_default(*_: Any) -> None:
    mx.nd.zeros(1)


planted, *options = sys.argv[1:]
mx.context.Context._default_ctx = Watched()
trainer.choose_device = lambda *_: mx.cpu(1)
after(step.Step, "take", note_devices)
if planted == "planted":
    before(step.Step, "take", ask_for_default)
try:
    run_train(options)
finally:
    print("USED", sorted(used))
    print("ASKED", sorted(asked))
