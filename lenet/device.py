"""The device that this process computes on."""

import os

import mxnet as mx

from distributed import World
from lenet.errors import InputError

WITHOUT = "--device cpu or, for any command, CUDA_VISIBLE_DEVICES='' computes without one"
WITH_CUDA = "this MXNet is built without CUDA; launch/setup.sh --gpu and docker build --target gpu install one with it"
WHEELS = "MXNet's wheels have machine code for compute capability 5.0, 6.0, 7.0, 8.0, 8.6 (launch/README.md, GPUs)"


def choose_device(requested: str, world: World) -> mx.Context:
    """Return the device for `requested`: auto, cpu or gpu.

    Process i of a host gets GPU i, or the one GPU that the launcher lets it see. `auto` is the CPU where MXNet sees no
    GPU. InputError: there are fewer GPUs than processes, or CUDA cannot run a kernel on this process's GPU.
    """
    if requested == "cpu":
        return mx.cpu()
    try:
        count = mx.context.num_gpus()
        if not count and requested == "auto":
            return mx.cpu()
        device = _gpu(count, world)
        (mx.nd.ones(1, ctx=device) + 1).wait_to_read()  # a kernel: an error of CUDA is raised here, not in a step
        return device
    except mx.MXNetError as error:
        reason = f"{error}".strip().splitlines()[-1].rpartition(" : ")[2].removeprefix("MXNetError:").strip()
        raise InputError(f"--device {requested}: CUDA fails: {reason}; {WHEELS}; {WITHOUT}") from error
    except InputError as error:
        raise InputError(f"--device {requested}: {error}; {WITHOUT}") from None


def _gpu(count: int, world: World) -> mx.Context:
    """Return this process's GPU of the `count` that it sees."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not count:
        reason = "" if shown is None else f" (CUDA_VISIBLE_DEVICES is '{shown}')"
        has_cuda = mx.runtime.Features().is_enabled("CUDA")
        raise InputError(f"MXNet sees no GPU on this host{reason}" if has_cuda else WITH_CUDA)
    if count == 1 and shown is not None:
        return mx.gpu(0)  # a launcher can show each process one GPU, as Slurm does for --gpus-per-task
    if world.local.size > count:
        raise InputError(f"{world.local.size} processes on this host see {count} GPU(s); start at most {count} here")
    return mx.gpu(world.local.rank)
