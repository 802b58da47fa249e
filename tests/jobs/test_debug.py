"""--debug: a breakpoint inside the network stops at each call, in a synchronous engine and one process."""

import re

import pytest

from tests.support import run_jobs
from tests.support.run_jobs import mpirun

# Runs train.py with a breakpoint in the second dense layer, set once the engine is settled; prints each stop.
BREAKPOINT = """
import runpy, sys, traceback
import lenet.device
settle = lenet.device.settle_engine
def stop_in_dense(debug):
    settle(debug)
    from mxnet.gluon import nn
    forward = nn.Dense.hybrid_forward
    def with_breakpoint(self, *arguments, **named):
        if self._units == 84:
            breakpoint()
        return forward(self, *arguments, **named)
    nn.Dense.hybrid_forward = with_breakpoint
def show():
    frames = [frame.name for frame in traceback.extract_stack()]
    print("STOPPED in", ",".join(frames))
lenet.device.settle_engine = stop_in_dense
sys.breakpointhook = show
sys.argv = ["train.py", *sys.argv[1:]]
runpy.run_path("train.py", run_name="__main__")
"""


def stops(outcome):
    assert outcome.code == 0, outcome.text
    return re.findall(r"STOPPED in (\S+)", outcome.out)


def test_a_breakpoint_stops_at_each_call(options, tmp_path):
    """Four steps and one look at the validation images."""
    words = [*options(), "--output-dir", tmp_path / "run", "--epochs", 1, "--debug"]
    outcome = run_jobs.run([], "-c", BREAKPOINT, *words, MXNET_ENGINE_INFO="true")
    found = stops(outcome)
    assert len(found) == 5
    assert all("main,train,train_epoch,step," in stack for stack in found[:4])
    assert "main,train,evaluate,look," in found[4]
    assert "NaiveEngine" in outcome.text


def test_without_debug_the_network_is_compiled(options, tmp_path):
    words = [*options(), "--output-dir", tmp_path / "run", "--epochs", 1]
    outcome = run_jobs.run([], "-c", BREAKPOINT, *words, MXNET_ENGINE_INFO="true")
    assert len(stops(outcome)) < 4
    assert "NaiveEngine" not in outcome.text


def test_debug_gives_the_same_run(finished, options, tmp_path):
    folder = run_jobs.train([], tmp_path / "run", *options(), "--debug")
    assert run_jobs.first_ten(folder) == pytest.approx(run_jobs.first_ten(finished()), rel=1e-5)


def test_debug_under_a_launcher_is_refused(options, tmp_path):
    outcome = run_jobs.run(mpirun(2), "train.py", *options(2), "--output-dir", tmp_path / "run", "--debug")
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("--debug ")
    assert not (tmp_path / "run").exists()
