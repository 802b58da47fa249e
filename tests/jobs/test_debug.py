"""--debug: a breakpoint inside the network stops at each call, in a synchronous engine and one process."""

import re

import pytest
from mxnet import nd

from tests.support import run_jobs
from tests.support.run_jobs import Outcome, mpirun, program


def stops(outcome: Outcome) -> list[set[str]]:
    """The functions on the stack at each stop in a step or an evaluation; the network is tried out before."""
    assert outcome.code == 0, outcome.text
    found = [set(stack.split(",")) for stack in re.findall(r"STOPPED in (\S+)", outcome.out)]
    return [stack for stack in found if stack & {"_take_steps", "evaluate"}]


def test_a_breakpoint_stops_at_each_call(options, tmp_path):
    """Four steps of four shards each, and one evaluation of the validation images."""
    words = [*options, "--output-dir", tmp_path / "run", "--epochs", 1, "--debug"]
    outcome = run_jobs.run([], *program("breakpoint_in_network"), *words, MXNET_ENGINE_INFO="true")
    found = stops(outcome)
    assert len(found) == 17
    assert all({"main", "_train_epoch", "take"} <= stack for stack in found[:16])
    assert {"main", "evaluate"} <= found[16]
    assert "NaiveEngine" in outcome.text


def test_without_debug_the_network_is_compiled(options, tmp_path):
    words = [*options, "--output-dir", tmp_path / "run", "--epochs", 1]
    outcome = run_jobs.run([], *program("breakpoint_in_network"), *words, MXNET_ENGINE_INFO="true")
    assert len(stops(outcome)) < 4
    assert "NaiveEngine" not in outcome.text


def test_debug_gives_the_same_run(finished, options, tmp_path):
    folder = run_jobs.train([], tmp_path / "run", *options, "--debug")
    ours, theirs = run_jobs.losses(folder), run_jobs.losses(finished())
    first_ten = range(1, 11)  # later, what was rounded in another order has grown: a ReLU chooses otherwise
    assert [ours[step] for step in first_ten] == pytest.approx([theirs[step] for step in first_ten], rel=1e-5)


def test_debug_under_a_launcher_is_refused(options, tmp_path):
    outcome = run_jobs.run(mpirun(2), "train.py", *options, "--output-dir", tmp_path / "run", "--debug")
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("--debug ")
    assert not (tmp_path / "run").exists()


def test_debug_and_not_leave_files_of_the_same_arrays(options, tmp_path):
    """Whatever network computed them: names and shapes are the tutorial's."""
    shapes = []
    for more in ([], ["--debug"]):
        folder = run_jobs.train([], tmp_path / f"run{len(shapes)}", *options, *more, "--max-steps", 2)
        arrays = nd.load(str(folder / "trained_LeNet5.params"))
        shapes.append({name: array.shape for name, array in arrays.items()})
    assert shapes[0] == shapes[1]
    assert set(shapes[0]) == {f"{layer}.{what}" for layer in (0, 2, 5, 6, 7) for what in ("weight", "bias")}
    assert shapes[0]["2.weight"] == (16, 6, 3, 3)
