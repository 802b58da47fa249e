"""Process i of a host computes on GPU i of that host; what cannot be is said in one line before a GPU is touched."""

import ctypes
import os

import mxnet as mx
import pynvml
import pytest

from lenet import nvml
from lenet.device import choose_device, settle_engine
from lenet.errors import InputError
from tests.support import fake_nvml, run_jobs
from tests.support.run_jobs import mpirun

CPU_BUILD, CUDA_BUILD = {"CPU"}, {"CPU", "CUDA"}
# Runs train.py with an MXNet that says it sees GPUs, and computes on another device than the default instead.
WITH_CUDA = """
import os, runpy, sys
import mxnet as mx
mx.context.num_gpus = lambda: count
mx.runtime.Features = lambda: type("Features", (), {"is_enabled": lambda self, name: name == "CUDA"})()
mx.gpu = lambda place: mx.cpu(1 + place)
count, sys.argv = int(sys.argv[1]), ["train.py", *sys.argv[2:]]
runpy.run_path("train.py", run_name="__main__")
"""
UNKNOWN, NOT_LOADED, NO_PERMISSION = 999, 9, 4  # NVML's errors


@pytest.fixture(scope="session")
def library(tmp_path_factory):
    """The folder of a libnvidia-ml.so.1 that tells of the machine in the environment."""
    return fake_nvml.build(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def machine(monkeypatch, library):
    """Makes this machine one with these GPUs and an MXNet that sees `count` of them, by default all that CUDA shows."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
    monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(os.fspath(library / "libnvidia-ml.so.1")))
    monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})

    def make(*names, build=CUDA_BUILD, count=None, **environment):
        for name, value in fake_nvml.variables(*names, **environment).items():
            monkeypatch.setenv(name, value)
        sees = len(nvml.look().gpus) if count is None else count
        monkeypatch.setattr(mx.context, "num_gpus", lambda: sees if build == CUDA_BUILD else 0)
        monkeypatch.setattr(mx.runtime, "Features", lambda: Features(build))

    return make


class Features:
    """What MXNet was built with."""

    def __init__(self, names):
        self.is_enabled = names.__contains__


def refusal(wish, local_rank=0, local_size=1):
    with pytest.raises(InputError) as caught:
        choose_device(wish, local_rank, local_size)
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


@pytest.mark.parametrize("wish", ["gpu", "auto"])
def test_each_process_of_a_host_has_its_own_gpu(machine, wish):
    machine("A100", "A100", "T4", "M60")
    assert [choose_device(wish, rank, 4)[0] for rank in range(4)] == [mx.gpu(rank) for rank in range(4)]
    assert choose_device(wish, 0, 1)[0] == mx.gpu(0)


def test_the_log_names_the_gpu_and_its_driver(machine):
    machine("T4", "L4")
    assert choose_device("auto", 1, 2)[1] == (
        "gpu(1) is GPU 1 (NVIDIA L4, 22.5 GiB, compute capability 8.9), driver 535.104.05"
    )
    machine("T4", fails=f"memory={NO_PERMISSION}")
    assert choose_device("auto", 0, 1)[1] == "gpu(0) is GPU 0 (Tesla T4, compute capability 7.5), driver 535.104.05"


@pytest.mark.parametrize("wish", ["gpu", "auto"])
@pytest.mark.parametrize(("count", "told"), [(1, "1 GPU;"), (2, "2 GPUs;")])
def test_more_processes_than_gpus(machine, wish, count, told):
    machine(*["A100"] * count)
    for rank in range(3):  # all processes of the host alike, also those that would find one
        message = refusal(wish, rank, 3)
        assert "3 processes" in message
        assert told in message


@pytest.mark.parametrize("wish", ["gpu", "auto"])
@pytest.mark.parametrize("name", ["K80", "H100", "B200", "RTX 5090"])
@pytest.mark.parametrize("build", [CPU_BUILD, CUDA_BUILD])
def test_a_gpu_without_machine_code(machine, wish, name, build):
    """Also with an MXNet for CPUs: another build would be of no help. There `auto` is the CPU, and the log says why."""
    machine(name, build=build)
    model, capability, gib = fake_nvml.GPUS[name]
    why = (
        f"MXNet 1.9.1 cannot use GPU 0 ({model}, {gib:.1f} GiB, compute capability {capability}): "
        "it has machine code for 5.0 to 8.9, Maxwell to Ada"
    )
    if wish == "auto" and build == CPU_BUILD:
        assert choose_device(wish, 0, 1) == (mx.cpu(), f"On the CPU: {why}")
    else:
        assert refusal(wish).startswith(f"--device {wish}: {why}; --device cpu ")


def test_an_mxnet_without_cuda_beside_a_gpu(machine):
    machine("A100", build=CPU_BUILD)
    why = "this MXNet is built without CUDA and cannot use GPU 0 (NVIDIA A100-SXM4-40GB, 40.0 GiB, "
    message = refusal("gpu")
    assert message.startswith(f"--device gpu: {why}")
    assert "launch/setup.sh --gpu" in message
    assert "requirements-gpu.txt" in message
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
    found = nvml.look()
    assert [f"part of {gpu.index}" if "MIG" in gpu.name else gpu.index for gpu in found.gpus] == seen
    assert not found.problem


def test_a_part_of_a_gpu_is_as_capable_as_the_whole(machine):
    machine("A100", "H100", CUDA_VISIBLE_DEVICES=fake_nvml.part(0))
    assert choose_device("gpu", 0, 1)[1].startswith("gpu(0) is GPU 0 (NVIDIA A100-SXM4-40GB MIG 1g.5gb, 5.0 GiB, ")
    machine("A100", "H100", CUDA_VISIBLE_DEVICES=fake_nvml.part(1))
    assert "GPU 1 (NVIDIA H100 80GB HBM3 MIG 1g.5gb, 10.0 GiB, compute capability 9.0)" in refusal("auto")


def test_gpus_that_are_hidden_are_nobodys_concern(machine):
    machine("H100", CUDA_VISIBLE_DEVICES="")
    assert choose_device("auto", 0, 1) == (mx.cpu(), None)
    assert "MXNet sees no GPU on this host (CUDA_VISIBLE_DEVICES is '')" in refusal("gpu")


@pytest.mark.parametrize("fails", ["init", "count", "handle", "capability"])
def test_where_nvml_fails_everything_goes_on(machine, fails):
    machine("H100", fails=f"{fails}={UNKNOWN}", count=1)
    assert choose_device("gpu", 0, 1) == (
        mx.gpu(0),
        "gpu(0) was not looked at before the start: NVML fails: Unknown Error",
    )
    machine("H100", fails=f"{fails}={UNKNOWN}", build=CPU_BUILD)
    assert choose_device("cpu", 0, 1) == (mx.cpu(), None)
    why = "MXNet sees no GPU on this host (NVML fails: Unknown Error)"
    assert choose_device("auto", 0, 1) == (mx.cpu(), f"On the CPU: {why}")
    assert refusal("gpu").startswith(f"--device gpu: {why}; ")


def test_a_driver_without_its_library(machine):
    """As in a container that is given CUDA alone."""
    machine(count=2)
    expected = "gpu(1) was not looked at before the start: NVML tells of 0 GPUs, MXNet sees 2"
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


@pytest.mark.parametrize("wish", ["gpu", "auto"])
def test_a_driver_that_cuda_can_not_use(machine, monkeypatch, wish):
    machine("A100", count=0)
    assert "MXNet sees no GPU on this host (NVML tells of GPU 0 (NVIDIA A100" in refusal(wish)

    def fail():
        raise mx.MXNetError("Traceback\n  File\nMXNetError: Check failed: (35 vs. 0) :  CUDA: the driver is too old")

    monkeypatch.setattr(mx.context, "num_gpus", fail)
    assert refusal(wish).startswith(f"--device {wish}: CUDA does not start: the driver is too old; ")


@pytest.fixture
def start(library, options, tmp_path):
    """Runs train.py on such a machine: its Outcome."""

    def run(launcher, names, *words, count=None):
        code = ["train.py"] if count is None else ["-c", WITH_CUDA, count]
        folder = ["--output-dir", tmp_path / "run", "--max-steps", 2]
        machine = fake_nvml.variables(*names, LD_LIBRARY_PATH=os.fspath(library))
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


def test_one_gpu_of_two_that_can_not_be_used_ends_both(start, tmp_path):
    outcome = start(mpirun(2), ["A100", "H100"], count=2)
    assert outcome.code == 2, outcome.text
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("--device auto: MXNet 1.9.1 cannot use GPU 1 (NVIDIA H100")
    assert "(rank 1 of 2, on " in outcome.errors[0]
    assert not (tmp_path / "run").exists()


def test_the_engine_is_not_settled_once_mxnet_is_there(monkeypatch):
    monkeypatch.delenv("MXNET_ENGINE_TYPE", raising=False)
    with pytest.raises(InputError, match="--debug"):
        settle_engine(True)
    settle_engine(False)
