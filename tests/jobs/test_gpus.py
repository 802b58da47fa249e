"""Runs on machines with GPUs, as far as a machine without one can tell."""

import pytest

from tests.support.run_jobs import mpirun, program, run


@pytest.fixture
def start(options, tmp_path):
    """Runs two processes of train.py where MXNet sees `count` GPUs: their Outcome."""
    folder = ["--output-dir", tmp_path / "run", "--max-steps", 2]
    return lambda count, **variables: run(mpirun(2), *program("train_with_cuda"), count, *options, *folder, **variables)


def test_each_process_computes_on_its_own(start):
    outcome = start(2)
    assert outcome.code == 0, outcome.text
    assert "images a step on cpu(1), cpu(2)" in outcome.text  # in the place of gpu(0) and gpu(1)


def test_processes_that_each_see_their_own_gpu(start):
    outcome = start(1, CUDA_VISIBLE_DEVICES="0")
    assert outcome.code == 0, outcome.text
    assert "images a step on cpu(1);" in outcome.text


def test_processes_that_see_the_same_gpu_are_refused(start, tmp_path):
    outcome = start(1)
    assert outcome.code == 2, outcome.text
    assert len(outcome.errors) == 1
    assert "2 processes on this host see 1 GPU" in outcome.errors[0]
    assert not (tmp_path / "run").exists()
