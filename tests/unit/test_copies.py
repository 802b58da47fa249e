"""A step waits for nothing and fetches nothing from the device but the report of the step before it."""

import json
import math

import pytest

from tests.support import run_jobs
from tests.support.run_jobs import mpirun

# Runs train.py on mx.cpu(1) and writes down what is done in the order of the program: a step, an epoch's begin and end,
# and each call by which MXNet's Python waits for a device or copies between host and device, with the line it is from.
WATCHED = """
import json, os, runpy, sys, traceback
import mxnet as mx
from mxnet.base import _LIB
import lenet.device
from lenet.training import step, trainer

events, steps, device = [], {}, mx.cpu(1)
lenet.device.choose_device = lambda *_: (device, None)
file, planted, sys.argv = sys.argv[1], json.loads(sys.argv[2]), ["train.py", *sys.argv[3:]]

def note(what, more=None):
    inner = os.path.dirname(mx.__file__), "<string>"
    frames = [frame for frame in traceback.extract_stack() if not frame.filename.startswith(inner)]
    events.append([what, more, f"{frames[-1].filename}:{frames[-1].lineno}: {frames[-1].line}"])

def watch(owner, name, tell):
    call = getattr(owner, name)
    def watched(*arguments, **names):
        tell(*arguments)
        return call(*arguments, **names)
    setattr(owner, name, watched)

for name in ("WaitAll", "WaitToRead", "WaitToWrite", "SyncCopyFromNDArray", "Save", "SaveRawBytes", "GetData",
             "ToDLPack", "GetSharedMemHandle"):
    watch(_LIB, f"MXNDArray{name}", lambda *_, name=name: note(name))
watch(_LIB, "MXNDArraySyncCopyFromCPU", lambda handle, data, size: note("upload", getattr(size, "value", size)))
watch(_LIB, "MXNDArraySyncCopyToCPU", lambda handle, data, size: note("read", [steps.get(handle.value), size.value]))
watch(mx.nd.NDArray, "copyto", lambda self, to: note("copyto") if getattr(to, "context", to) != device else None)
watch(loop, "train_epoch", lambda run: note("epoch"))
watch(loop, "evaluate", lambda *_: note("evaluate"))

step = step.Learner.step
def step_and_note(self, *arguments):
    report = step(self, *arguments)
    number = len([what for what, *_ in events if what == "step"])
    if planted:
        eval(planted[number], {"self": self, "report": report, "mx": mx})
    steps[report.handle.value] = number
    note("step", number)
    return report
step.Learner.step = step_and_note
try:
    runpy.run_path("train.py", run_name="__main__")
finally:
    with open(f"{file}-{os.environ.get('OMPI_COMM_WORLD_RANK', 0)}", "w") as out:
        json.dump(events, out)
"""
IMAGES, VALIDATION, BATCH, EPOCHS, PIXELS = 250, 61, 64, 2, 28 * 28
STEPS = math.ceil(IMAGES / BATCH)
REPORT = 5  # numbers: loss, hits, images, and two wishes


@pytest.fixture
def events(small, tmp_path):
    """Runs train.py and returns, for each rank, the events as [what, more, where]."""

    def run(processes, planted=()):
        words = ["--data-dir", small, "--output-dir", tmp_path / "run", "--epochs", EPOCHS, "--log-every", 1]
        words += ["--batch-size", BATCH // processes]
        launcher = mpirun(processes) if processes > 1 else []
        outcome = run_jobs.run(launcher, "-c", WATCHED, tmp_path / "events", json.dumps(planted), *words)
        assert outcome.code == 0, outcome.text
        return [json.loads((tmp_path / f"events-{rank}").read_text()) for rank in range(processes)]

    return run


def epochs(events):
    """The events of each epoch's steps."""
    begins = [place for place, (what, *_) in enumerate(events) if what == "epoch"]
    ends = [place for place, (what, *_) in enumerate(events) if what == "evaluate"]
    assert len(begins) == len(ends) == EPOCHS
    return [events[begin + 1 : end] for begin, end in zip(begins, ends)]


def unexpected(steps, first):
    """Where the events of an epoch, whose first step is the run's step `first`, are not the ones that are meant."""
    order = [("step", first)]
    for step in range(first + 1, first + STEPS):
        order += [("step", step), ("read", [step - 1, REPORT])]
    order.append(("read", [first + STEPS - 1, REPORT]))
    seen = []
    for what, more, where in steps:
        if what == "upload":  # rows and the numbers of the report that this rank knows
            if more > BATCH:
                yield what, more, where
        else:
            seen.append((what, more))
            if (what, more) not in order:
                yield what, more, where
    if seen != order:
        yield "order", seen, order


@pytest.mark.parametrize("processes", [1, 2])
def test_a_step_fetches_the_report_of_the_step_before_and_no_more(events, processes):
    for rank in events(processes):
        for number, steps in enumerate(epochs(rank)):
            found = list(unexpected(steps, number * STEPS))
            assert not found, "\n".join(map(str, found))
        # The data set goes to the device once for all epochs.
        large = [more for what, more, _ in rank if what == "upload" and more >= VALIDATION * PIXELS]
        assert large == [IMAGES * PIXELS, VALIDATION * PIXELS]


def test_what_would_wait_is_seen(events):
    """One such call in each step of the run."""
    planted = [
        "report[0].asscalar()",
        "mx.nd.save('/dev/null', report)",
        "report.asnumpy()",
        "report.wait_to_read()",
        "mx.nd.waitall()",
        "self.weights[0].as_in_context(mx.cpu())",
        "print(self.weights[1])",
        "bool(report[0] > 0)",
    ]
    (rank,) = events(1, planted)
    kinds = []
    for number, steps in enumerate(epochs(rank)):
        found = [event for event in unexpected(steps, number * STEPS) if event[0] != "order"]
        assert all("trainer.py" in where and "learner.step(" in where for _, _, where in found)
        kinds += [what for what, *_ in found]
    assert kinds == ["read", "Save", "read", "WaitToRead", "WaitAll", "copyto", "read", "read"]
