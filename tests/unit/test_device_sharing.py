"""Each process computes on a GPU of its own, whether all of a host are shown to all or to each its own."""

import mxnet as mx
import pytest

from lenet import device
from lenet.errors import InputError
from tests.support import fake_nvml
from tests.support.hosts_with_gpus import Host, choose_device


def test_each_process_is_shown_a_gpu_of_its_own(machine):
    """As Slurm does for --gpus-per-task."""
    seen = [[fake_nvml.uuid(rank)] for rank in range(3)]
    for rank in range(3):
        machine("A100", "A100", "A100", CUDA_VISIBLE_DEVICES=f"{rank}")
        assert choose_device("gpu", rank, 3, seen)[0] == mx.gpu(0)


def test_each_two_processes_are_shown_two_gpus(machine):
    pairs = [fake_nvml.uuid(0), fake_nvml.uuid(1)], [fake_nvml.uuid(2), fake_nvml.uuid(3)]
    seen = [pairs[0], pairs[1], pairs[0], pairs[1]]
    machine(*4 * ["A100"], CUDA_VISIBLE_DEVICES="2,3")
    assert [choose_device("gpu", rank, 4, seen)[0] for rank in (1, 3)] == [mx.gpu(0), mx.gpu(1)]


def test_no_gpu_is_shared(machine):
    first, second = fake_nvml.uuid(0), fake_nvml.uuid(1)
    machine("A100", "A100", CUDA_VISIBLE_DEVICES="0")
    with pytest.raises(InputError, match="2 processes see the same 1 GPU; start at most 1 there"):
        choose_device("gpu", 1, 3, [[first], [first], [second]])
    machine("A100", "A100", CUDA_VISIBLE_DEVICES="0,1")
    with pytest.raises(InputError, match=f"ranks 0 and 1 would share {first}: "):
        choose_device("gpu", 0, 2, [[first, second], [first]])
    assert choose_device("gpu", 0, 2, [[first, second], [second]])[0] == mx.gpu(0)


def test_the_kind_of_gpu_is_told_for_comparing(machine):
    machine("T4", "L4")
    kinds = [device.choose_device("gpu", Host(rank, 2)).kind for rank in range(2)]
    assert kinds == ["Tesla T4, compute capability 7.5", "NVIDIA L4, compute capability 8.9"]
    assert device.choose_device("cpu", Host(0, 1)).kind == "cpu"
