"""Which GPUs CUDA shows this process, as NVML tells it."""

import pytest

from lenet import nvml
from tests.support import fake_nvml


@pytest.mark.parametrize(
    ("shown", "seen"),
    [
        ("1", [1]),
        ("2,0", [2, 0]),
        (" 2 , 0 ", [2, 0]),
        (fake_nvml.uuid(2), [2]),
        ("GPU-001,0", [1, 0]),  # a beginning is enough where it is one GPU's alone
        ("GPU-0", []),
        (fake_nvml.part(1), ["part of 1"]),
        ("", []),
        ("-1", []),
        ("1,-1,2", [1]),  # nothing after what is no GPU
        ("3", []),
        ("0,GPU-9", [0]),
        ("0,MIG-9", [0]),
        ("NoDevFiles", []),
        ("²", []),
        ("\udcff", []),
        ("GPU-\udcff", []),
    ],
)
def test_what_cuda_shows_this_process(machine, shown, seen):
    machine("A100", "T4", "L4", CUDA_VISIBLE_DEVICES=shown)
    found = nvml.read_gpus()
    assert [f"part of {gpu.index}" if "MIG" in gpu.name else gpu.index for gpu in found.gpus] == seen
    assert not found.problem


def test_a_part_of_a_gpu_is_as_capable_as_the_whole(machine):
    machine("A100", "H100", CUDA_VISIBLE_DEVICES=f"{fake_nvml.part(0)},{fake_nvml.part(1)}")
    first, second = nvml.read_gpus().gpus
    assert str(first) == "GPU 0 (NVIDIA A100-SXM4-40GB MIG 1g.5gb, 5.0 GiB, compute capability 8.0)"
    assert str(second) == "GPU 1 (NVIDIA H100 80GB HBM3 MIG 1g.5gb, 10.0 GiB, compute capability 9.0)"
    assert (first.uuid, second.uuid) == (fake_nvml.part(0), fake_nvml.part(1))
