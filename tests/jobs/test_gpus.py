"""Runs on machines with GPUs, as far as a machine without one can tell: the log, the refusal, both ranks alike."""

import os

import pytest

from tests.support import fake_nvml, run_jobs
from tests.support.run_jobs import mpirun


@pytest.fixture
def start(options, tmp_path):
    """Runs train.py on such a machine: its Outcome."""

    def run(launcher, names, *words, count=None):
        code = ["train.py"] if count is None else ["-m", "tests.programs.train_with_cuda", count]
        folder = ["--output-dir", tmp_path / "run", "--max-steps", 2]
        machine = fake_nvml.variables(*names, LD_LIBRARY_PATH=os.fspath(fake_nvml.build(tmp_path)))
        return run_jobs.run(launcher, *code, *options, *folder, *words, **machine)

    return run


def test_a_run_says_what_it_computes_on(start):
    outcome = start(mpirun(2), ["T4", "L4"], count=2)
    assert outcome.code == 0, outcome.text
    assert "images a step on cpu(1), cpu(2)" in outcome.text  # in the place of gpu(0) and gpu(1)
    told = [text for _, text in outcome.lines if "driver 535.104.05" in text]
    assert [line.split(",")[0] for line in told] == ["cpu(1) is GPU 0 (Tesla T4", "cpu(2) is GPU 1 (NVIDIA L4"]


def test_a_run_on_the_cpu_says_why_once(start):
    outcome = start(mpirun(2), ["A100"])
    assert outcome.code == 0, outcome.text
    told = [text for _, text in outcome.lines if "GPU" in text]
    assert [line.split(" (")[0] for line in told] == [
        "On the CPU: this MXNet is built without CUDA and cannot use GPU 0"
    ]


def test_one_gpu_of_two_that_cannot_be_used_ends_both(start, tmp_path):
    outcome = start(mpirun(2), ["A100", "H100"], count=2)
    assert outcome.code == 2, outcome.text
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("--device auto: MXNet 1.9.1 cannot use GPU 1 (NVIDIA H100")
    assert "(rank 1 of 2, on " in outcome.errors[0]
    assert not (tmp_path / "run").exists()
