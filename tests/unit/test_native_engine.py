"""The native operations are operations of MXNet's engine: in order with others, and their errors reach Python."""

import signal
import subprocess
import sys
from dataclasses import replace

import mxnet as mx
import numpy as np
import pytest
from mxnet import nd

from lenet.native.operations import NativeData, NativeShards, NativeUpdate, compute_logits
from lenet.native.tasks import METRICS, Rule
from tests.support import native, run_jobs
from tests.support.native import make_case


class Step:
    """A case's arrays in MXNet."""

    def __init__(self, case):
        self.case = case
        labels = nd.array(case.labels, dtype=case.labels.dtype)
        self.data = NativeData(nd.array(case.images, dtype="uint8"), labels, case.mean, case.std, case.classes)
        self.shards = NativeShards(self.data, case.shard, case.smoothing, threads=2)
        self.weights, self.order = nd.array(case.weights), nd.array(case.order, dtype="int32")
        self.draws = None if case.draws is None else nd.array(case.draws, dtype="int32")
        self.total = nd.ones(len(case.weights) + METRICS + 2, dtype="int64")

    def compute(self, rows=None):
        images = len(self.case.order)
        rows = range(images) if rows is None else rows
        self.shards.compute(self.weights, self.order, rows, images, self.total, self.draws)
        return self.total

    def expected(self):
        """What `total` is to hold."""
        return np.concatenate([native.totals(self.case), [0, 0]]).tobytes()


@pytest.mark.parametrize("case", native.different_cases(), ids=lambda case: f"{case.images.shape}")
def test_totals_and_logits(case):
    step = Step(case)
    assert step.compute().asnumpy().tobytes() == step.expected()
    rows = range(1, len(case.images))
    assert compute_logits(step.data, step.weights, rows, 2).asnumpy().tobytes() == native.logits(case, 1).tobytes()


def test_a_rank_without_shards_has_a_total_of_zero():
    step = Step(make_case())
    assert not step.compute(range(4, 4)).asnumpy().any()


def test_operations_are_in_order_with_mxnets_own():
    """The weights are still being computed when the step is queued, and change right after it."""
    case = make_case(images=30, shard=8)
    step = Step(case)
    busy = nd.ones((1000, 1000))
    for _ in range(3):
        busy = nd.dot(busy, busy) * 1e-3
    step.weights = nd.array(case.weights) + 0 * busy[0, 0]
    total = step.compute()
    step.weights[:] = 0
    assert total.asnumpy().tobytes() == step.expected()


def test_two_instances_at_once():
    steps = [Step(make_case(1, images=40, shard=8)), Step(make_case(2, images=30, height=20, width=24, shard=5))]
    for _ in range(5):
        for step in steps:
            step.compute()
    for step in steps:
        assert step.total.asnumpy().tobytes() == step.expected()


def test_a_training_of_some_steps_learns():
    step = Step(make_case(images=20, shard=8))
    momenta, losses = nd.zeros_like(step.weights), []
    for _ in range(10):
        losses.append(step.compute()[len(step.case.weights)].asscalar() / 2**40)
        NativeUpdate(Rule.NESTEROV, momentum=0.9).take(step.weights, [momenta], step.total, 0.01)
    assert losses[-1] < losses[0] / 2


WRONG = {
    "the label of image 3 is 10, the network has classes 0 to 9": lambda step: step.data.labels.__setitem__(3, 10),
    "there is no image 9 of 9": lambda step: step.order.__setitem__(2, 9),
    "there is no image -1 of 9": lambda step: step.order.__setitem__(2, -1),
    "there are 5 weights, the network has 60170": lambda step: setattr(step, "weights", nd.zeros(5)),
    "the total has 60173 numbers": lambda step: setattr(step, "total", nd.zeros(60173, dtype="int64")),
}


@pytest.mark.parametrize("text", WRONG)
def test_errors_reach_python(text):
    step = Step(make_case(images=9))
    WRONG[text](step)
    step.compute()
    with pytest.raises(mx.MXNetError, match=text):
        step.total.wait_to_read()
    right = Step(make_case(images=9))
    assert right.compute().asnumpy().tobytes() == right.expected()


def test_images_that_are_too_small():
    step = Step(make_case(images=4))
    step.data = replace(step.data, images=nd.zeros((4, 11, 28), dtype="uint8"))
    step.shards = replace(step.shards, data=step.data)
    with pytest.raises(mx.MXNetError, match="12 x 12"):
        step.compute().wait_to_read()


def test_arrays_of_other_types_are_refused():
    step = Step(make_case(images=4))
    step.order = step.order.astype("int64")
    with pytest.raises(TypeError, match="int32"):
        step.compute()


def test_the_profiler_knows_the_operations(tmp_path):
    step = Step(make_case(images=9))
    mx.profiler.set_config(profile_all=True, filename=str(tmp_path / "profile.json"), aggregate_stats=True)
    mx.profiler.set_state("run")
    step.compute().wait_to_read()
    mx.profiler.set_state("stop")
    assert "lenet_gradients" in mx.profiler.dumps()


def test_after_a_fork_the_child_makes_threads_of_its_own():
    outcome = run_jobs.run([], *run_jobs.program("native_after_fork"))
    assert outcome.code == 0, outcome.text


def test_signals_are_the_programs_own_and_it_ends_at_once():
    """SIGTERM reaches Python's handler in the first thread while the workers wait."""
    program = """
import signal, sys
from tests.support import native
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
native.totals(native.make_case(images=40, shard=4), threads=4)
print("ready", flush=True)
while True:
    signal.pause()
"""
    with subprocess.Popen([sys.executable, "-c", program], cwd=run_jobs.ROOT, stdout=subprocess.PIPE, text=True) as job:
        assert job.stdout.readline() == "ready\n"
        job.send_signal(signal.SIGTERM)
        assert job.wait(timeout=60) == 7
