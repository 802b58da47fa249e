"""Runs on machines with GPUs, as far as a machine without one can tell: the log, the refusal, both ranks alike."""

import os

import pytest

from tests.support import fake_cuda_library, fake_nvml, run_jobs
from tests.support.fake_cuda_library import HOPPER, PYPI
from tests.support.run_jobs import mpirun, program


@pytest.fixture
def start(options, tmp_path):
    """Runs train.py on such a machine: its Outcome."""

    def run(launcher, names, *words, count=None, code=PYPI):
        library = fake_cuda_library.write(tmp_path / "machine-code.so", code)
        entry = ["train.py"] if count is None else [*program("train_with_cuda"), count, library]
        folder = ["--output-dir", tmp_path / "run", "--max-steps", 2]
        machine = fake_nvml.variables(*names, LD_LIBRARY_PATH=os.fspath(fake_nvml.build(tmp_path)))
        return run_jobs.run(launcher, *entry, *options, *folder, *words, **machine)

    return run


def test_a_run_says_what_it_computes_on(start):
    outcome = start(mpirun(2), ["T4", "T4"], count=2)
    assert outcome.code == 0, outcome.text
    assert "images a step on cpu(1), cpu(2)" in outcome.text  # in the place of gpu(0) and gpu(1)
    told = [text for _, text in outcome.lines if "driver 535.104.05" in text]
    assert [line.split(",")[0] for line in told] == ["cpu(1) is GPU 0 (Tesla T4", "cpu(2) is GPU 1 (Tesla T4"]


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
    assert outcome.errors[0].startswith("--device auto: this MXNet cannot use GPU 1 (NVIDIA H100")
    assert "(rank 1 of 2, on " in outcome.errors[0]
    assert not (tmp_path / "run").exists()


def test_an_mxnet_with_code_for_them_uses_them(start):
    outcome = start([], ["H100"], count=1, code=HOPPER)
    assert outcome.code == 0, outcome.text
    assert "cpu(1) is GPU 0 (NVIDIA H100" in outcome.text


def test_processes_that_each_see_their_own_gpu(start):
    outcome = start(mpirun(2), ["A100", "A100"], count="own")
    assert outcome.code == 0, outcome.text
    told = [text.split(",")[0] for _, text in outcome.lines if "driver 535.104.05" in text]
    assert told == ["cpu(1) is GPU 0 (NVIDIA A100-SXM4-40GB", "cpu(1) is GPU 1 (NVIDIA A100-SXM4-40GB"]


def test_processes_that_see_the_same_gpu_are_refused(start):
    outcome = start(mpirun(2), ["A100"], count=1)
    assert outcome.code == 2, outcome.text
    told = "--device auto: 2 processes see the same 1 GPU; start at most 1 there, or use --device cpu"
    assert outcome.errors == [told]


def test_exact_sums_want_gpus_of_one_kind(start):
    outcome = start(mpirun(2), ["T4", "L4"], count=2)
    assert outcome.code == 2, outcome.text
    assert len(outcome.errors) == 1
    assert "the device differs between the processes: rank 0 on " in outcome.errors[0]
    assert "has Tesla T4, compute capability 7.5, rank 1 on " in outcome.errors[0]
