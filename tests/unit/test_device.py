"""Process i of a host computes on GPU i of that host; what cannot be is one line."""

import mxnet as mx
import pytest

from distributed.world import Local, World
from lenet.device import choose_device
from lenet.errors import InputError

CPU = mx.cpu()


@pytest.fixture
def choose(monkeypatch):
    """Chooses the device of a process where MXNet sees `count` GPUs, whose kernels run on `kernel`."""

    def choose(requested, count, local_rank=0, local_size=1, shown=None, kernel=CPU):
        monkeypatch.setattr(mx.context, "num_gpus", lambda: count)
        ones = mx.nd.ones
        monkeypatch.setattr(mx.nd, "ones", lambda shape, ctx: ones(shape, ctx=kernel))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if shown is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", shown)
        world = World()
        world.local = Local(local_rank, local_size, cores=1)
        return choose_device(requested, world)

    return choose


@pytest.mark.parametrize(("requested", "count"), [("auto", 0), ("cpu", 0), ("cpu", 4)])
def test_the_cpu_where_there_is_no_gpu_or_none_is_asked_for(choose, requested, count):
    assert choose(requested, count, local_rank=1, local_size=2) == mx.cpu()


@pytest.mark.parametrize("requested", ["gpu", "auto"])
def test_each_process_of_a_host_has_its_own_gpu(choose, requested):
    assert [choose(requested, 4, rank, 4) for rank in range(4)] == [mx.gpu(rank) for rank in range(4)]


def test_a_process_that_is_shown_one_gpu_takes_that(choose):
    """As Slurm does for --gpus-per-task."""
    assert [choose("gpu", 1, rank, 3, shown=f"{rank}") for rank in range(3)] == [mx.gpu(0)] * 3


@pytest.mark.parametrize("count", [1, 2])
def test_more_processes_than_gpus_are_refused_by_all(choose, count):
    for rank in range(3):
        with pytest.raises(InputError, match=f"3 processes on this host see {count} GPU"):
            choose("auto", count, rank, 3)


@pytest.mark.parametrize(("cuda", "said"), [(True, "CUDA_VISIBLE_DEVICES is ''"), (False, "built without CUDA")])
def test_no_gpu_where_one_is_asked_for(choose, monkeypatch, cuda, said):
    monkeypatch.setattr(mx.runtime.Features, "is_enabled", lambda self, name: cuda)
    with pytest.raises(InputError, match=f"^--device gpu: .*{said}.*--device cpu"):
        choose("gpu", 0, shown="")


def test_an_error_of_a_kernel_is_one_line_with_what_the_wheels_have_code_for(choose):
    """The kernel is started for real: this MXNet has none for a GPU."""
    with pytest.raises(InputError, match=r"^--device auto: CUDA fails: Operator .* for GPU\.; .* 8\.6 .*--device cpu"):
        choose("auto", 1, kernel=mx.gpu(0))


def test_an_error_of_the_driver_is_one_line(choose, monkeypatch):
    def fail():
        raise mx.MXNetError("Traceback\n  File\nMXNetError: Check failed: (35 vs. 0) :  CUDA: the driver is too old")

    monkeypatch.setattr(mx.context, "num_gpus", fail)
    with pytest.raises(InputError, match="CUDA fails: CUDA: the driver is too old; "):
        choose_device("gpu", World())
