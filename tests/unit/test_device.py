"""Process i of a host computes on GPU i of that host; what cannot be is said in one line before a GPU is touched."""

import mxnet as mx
import pytest

from lenet.errors import InputError
from tests.support import fake_nvml
from tests.support.fake_cuda_library import HOPPER
from tests.support.fake_nvml import CPU_BUILD, CUDA_BUILD, NO_PERMISSION, NOT_LOADED, UNKNOWN
from tests.support.hosts_with_gpus import choose_device


def refusal(requested, local_rank=0, local_size=1):
    with pytest.raises(InputError) as caught:
        choose_device(requested, local_rank, local_size)
    return str(caught.value)


@pytest.mark.parametrize("build", [CPU_BUILD, CUDA_BUILD])
def test_without_a_gpu_it_is_the_cpu(machine, build):
    machine(build=build)
    assert choose_device("auto", local_rank=3, local_size=4) == (mx.cpu(), None)
    assert refusal("gpu") == (
        "--device gpu: MXNet sees no GPU on this host; "
        "--device cpu or, for any command, CUDA_VISIBLE_DEVICES='' computes without one"
    )


def test_without_a_driver_nothing_is_said(machine):
    machine("A100", fails=f"init={NOT_LOADED}")
    assert choose_device("auto", 0, 1) == (mx.cpu(), None)


@pytest.mark.parametrize("names", [["A100"], ["H100", "K80"]])
def test_the_cpu_where_it_is_asked_for(machine, names):
    machine(*names)
    assert choose_device("cpu", local_rank=1, local_size=2) == (mx.cpu(), None)


@pytest.mark.parametrize("requested", ["gpu", "auto"])
def test_each_process_of_a_host_has_its_own_gpu(machine, requested):
    machine("A100", "A100", "T4", "M60")
    assert [choose_device(requested, rank, 4)[0] for rank in range(4)] == [mx.gpu(rank) for rank in range(4)]
    assert choose_device(requested, 0, 1)[0] == mx.gpu(0)


def test_the_log_names_the_gpu_and_its_driver(machine):
    machine("T4", "L4")
    assert choose_device("auto", 1, 2)[1] == (
        "gpu(1) is GPU 1 (NVIDIA L4, 22.5 GiB, compute capability 8.9), driver 535.104.05"
    )
    machine("T4", fails=f"memory={NO_PERMISSION}")
    assert choose_device("auto", 0, 1)[1] == "gpu(0) is GPU 0 (Tesla T4, compute capability 7.5), driver 535.104.05"


@pytest.mark.parametrize("requested", ["gpu", "auto"])
@pytest.mark.parametrize(("count", "told"), [(1, "1 GPU;"), (2, "2 GPUs;")])
def test_more_processes_than_gpus(machine, requested, count, told):
    machine(*["A100"] * count)
    for rank in range(3):  # all processes of the host alike, also those that would find one
        message = refusal(requested, rank, 3)
        assert "3 processes" in message
        assert told in message


@pytest.mark.parametrize("requested", ["gpu", "auto"])
@pytest.mark.parametrize("name", ["K80", "H100", "B200", "RTX 5090"])
def test_a_gpu_without_machine_code(machine, requested, name):
    machine(name)
    model, capability, gib = fake_nvml.GPUS[name]
    assert refusal(requested).startswith(
        f"--device {requested}: this MXNet cannot use GPU 0 ({model}, {gib:.1f} GiB, compute capability {capability}): "
        "it has machine code for 5.0, 6.0, 7.0, 8.0, 8.6; launch/README.md, GPUs, tells of other builds; --device cpu "
    )


def test_what_is_installed_decides_and_not_its_version(machine):
    machine("H100", code=HOPPER)
    assert choose_device("gpu", 0, 1)[0] == mx.gpu(0)
    machine("M60", code=HOPPER)
    assert "it has machine code for 7.0, 8.0, 8.6, 9.0; " in refusal("gpu")


def test_a_library_that_tells_nothing_is_not_refused(machine):
    machine("H100", code=())
    chosen, line = choose_device("gpu", 0, 1)
    assert chosen == mx.gpu(0)
    assert line.endswith("; it was not checked before the start: MXNet's library does not tell what it runs on")


def test_an_mxnet_without_cuda_beside_a_gpu_that_no_build_at_hand_can_use(machine):
    """There `auto` is the CPU, and the log says why."""
    machine("H100", build=CPU_BUILD)
    why = "this MXNet is built without CUDA, and PyPI's with CUDA have only machine code for 5.0, 6.0, 7.0, 8.0, 8.6, "
    why += "not for GPU 0 (NVIDIA H100 80GB HBM3, 80.0 GiB, compute capability 9.0); launch/README.md, GPUs, tells of"
    assert refusal("gpu").startswith(f"--device gpu: {why} other builds; ")
    assert choose_device("auto", 0, 1) == (mx.cpu(), f"On the CPU: {why} other builds")


def test_an_mxnet_without_cuda_beside_a_gpu(machine):
    machine("A100", build=CPU_BUILD)
    why = "this MXNet is built without CUDA and cannot use GPU 0 (NVIDIA A100-SXM4-40GB, 40.0 GiB, "
    message = refusal("gpu")
    assert message.startswith(f"--device gpu: {why}")
    assert "launch/setup.sh --gpu" in message
    assert "requirements/gpu.txt" in message
    assert "docker build --target gpu" in message
    machine("H100", "A100", build=CPU_BUILD)
    device, line = choose_device("auto", 0, 4)
    assert device == mx.cpu()
    assert line.startswith(f"On the CPU: {why.replace('GPU 0', 'GPU 1')}")


def test_a_host_with_both_kinds(machine):
    """What counts is the GPU of this process."""
    machine("A100", "H100")
    assert choose_device("gpu", 0, 1)[0] == mx.gpu(0)
    assert choose_device("gpu", 0, 2)[0] == mx.gpu(0)
    message = refusal("gpu", 1, 2)
    assert "GPU 1 (NVIDIA H100" in message
    assert "with CUDA_VISIBLE_DEVICES=0 it sees only what it can use" in message
    machine("H100", "T4", "H100", "L4")
    assert "CUDA_VISIBLE_DEVICES=1,3 " in refusal("auto")
    machine("H100", "T4", "H100", "L4", CUDA_VISIBLE_DEVICES="1,3")
    assert [choose_device("auto", rank, 2)[0] for rank in range(2)] == [mx.gpu(0), mx.gpu(1)]


@pytest.mark.parametrize("fails", ["init", "count", "handle", "capability"])
def test_where_nvml_fails_everything_goes_on(machine, fails):
    machine("H100", fails=f"{fails}={UNKNOWN}", count=1)
    assert choose_device("gpu", 0, 1) == (
        mx.gpu(0),
        "gpu(0) was not checked before the start: NVML fails: Unknown Error",
    )
    machine("H100", fails=f"{fails}={UNKNOWN}", build=CPU_BUILD)
    assert choose_device("cpu", 0, 1) == (mx.cpu(), None)
    why = "MXNet sees no GPU on this host (NVML fails: Unknown Error)"
    assert choose_device("auto", 0, 1) == (mx.cpu(), f"On the CPU: {why}")
    assert refusal("gpu").startswith(f"--device gpu: {why}; ")


def test_a_driver_without_its_library(machine):
    """As in a container that is given CUDA alone."""
    machine(count=2)
    expected = "gpu(1) was not checked before the start: NVML tells of 0 GPUs, MXNet sees 2"
    assert choose_device("auto", 1, 2) == (mx.gpu(1), expected)


def test_where_the_two_count_differently(machine):
    """Of GPUs that are cut into parts CUDA shows one part: which is not known, but it can be known to be of no use."""
    machine("A100", "H100", count=1)
    assert choose_device("auto", 0, 1)[1].endswith("NVML tells of 2 GPUs, MXNet sees 1")
    machine("T4", count=2)
    assert choose_device("auto", 1, 2)[1].endswith("NVML tells of 1 GPUs, MXNet sees 2")
    machine("H100", "H100", count=1)
    assert "compute capability 9.0" in refusal("auto")


def test_numbers_that_nvml_does_not_know(machine):
    machine("A100", "H100", CUDA_DEVICE_ORDER="FASTEST_FIRST", count=2)
    assert "CUDA_DEVICE_ORDER=FASTEST_FIRST does not number" in choose_device("gpu", 1, 2)[1]
    machine("H100", CUDA_DEVICE_ORDER="FASTEST_FIRST", count=1)
    assert "compute capability 9.0" in refusal("gpu")


@pytest.mark.parametrize("requested", ["gpu", "auto"])
def test_a_driver_that_cuda_cannot_use(machine, monkeypatch, requested):
    machine("A100", count=0)
    assert "MXNet sees no GPU on this host (NVML tells of GPU 0 (NVIDIA A100" in refusal(requested)

    def fail():
        raise mx.MXNetError("Traceback\n  File\nMXNetError: Check failed: (35 vs. 0) :  CUDA: the driver is too old")

    monkeypatch.setattr(mx.context, "num_gpus", fail)
    assert refusal(requested).startswith(f"--device {requested}: CUDA does not start: the driver is too old; ")


def test_gpus_that_are_hidden_are_nobodys_concern(machine):
    machine("H100", CUDA_VISIBLE_DEVICES="")
    assert choose_device("auto", 0, 1) == (mx.cpu(), None)
    assert "MXNet sees no GPU on this host (CUDA_VISIBLE_DEVICES is '')" in refusal("gpu")
