"""Which device this process computes on."""

import os
from collections.abc import Sequence

import mxnet as mx

from lenet.errors import InputError
from lenet.nvml import GPU, HostGPUs, read_gpus

WITHOUT = "--device cpu or, for any command, CUDA_VISIBLE_DEVICES='' computes without one"
WITH_CUDA = "launch/setup.sh --gpu installs one that can (requirements/gpu.txt), docker build --target gpu an image"


def choose_device(requested: str, local_rank: int, local_size: int) -> tuple[mx.Context, str | None]:
    """The device for `requested` (auto, cpu or gpu), and a line about its GPU for the log, or None.

    Process i of a host computes on GPU i of that host. `auto` takes the CPU where there is no GPU, or an MXNet without
    CUDA. InputError: there are fewer GPUs than processes, or a GPU that MXNet has no machine code for; it is found
    before anything is started on the GPU.
    """
    if requested == "cpu":
        return mx.cpu(), None
    host, count = read_gpus(), _count(requested)
    if local_size > count > 0:
        raise InputError(
            f"--device {requested}: {local_size} processes on this host but {count} GPU{'s' * (count > 1)}; "
            f"start at most {count} here, or use --device cpu"
        )
    # Where the two count differently, this process may get any of them.
    own = host.gpus[local_rank : local_rank + 1] if len(host.gpus) == count else host.gpus
    has_cuda = mx.runtime.Features().is_enabled("CUDA")
    obstacle = _obstacle(host, own, count, has_cuda)
    if obstacle is None:
        return mx.gpu(local_rank), _line(mx.gpu(local_rank), host, own, count)
    if requested == "gpu" or (has_cuda and own):
        raise InputError(f"--device {requested}: {obstacle}; {WITHOUT}")
    return mx.cpu(), f"On the CPU: {obstacle}" if own or host.problem else None


def _count(requested: str) -> int:
    """How many GPUs MXNet sees. InputError: CUDA does not start."""
    try:
        return mx.context.num_gpus()
    except mx.MXNetError as error:
        reason = f"{error}".strip().splitlines()[-1].rpartition("CUDA: ")[-1]
        raise InputError(f"--device {requested}: CUDA does not start: {reason}; {WITHOUT}") from error


def _obstacle(host: HostGPUs, own: Sequence[GPU], count: int, has_cuda: bool) -> str | None:
    """Why this process cannot compute on one of the GPUs `own`, or None."""
    if own and not any(gpu.is_supported for gpu in own):
        usable = ",".join(str(gpu.index) for gpu in host.gpus if gpu.is_supported)
        remedy = f"; with CUDA_VISIBLE_DEVICES={usable} it sees only what it can use" if usable else ""
        return f"MXNet 1.9.1 cannot use {own[0]}: it has machine code for 5.0 to 8.9, Maxwell to Ada{remedy}"
    if count:
        return None
    if own and not has_cuda:
        first = next(gpu for gpu in own if gpu.is_supported)
        return f"this MXNet is built without CUDA and cannot use {first}; {WITH_CUDA}"
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    reasons = [] if shown is None else [f"CUDA_VISIBLE_DEVICES is '{shown}'"]
    reasons += [f"NVML tells of {own[0]}, driver {host.driver}"] if own else []
    reasons += [host.problem] if host.problem else []
    return "MXNet sees no GPU on this host" + (f" ({', '.join(reasons)})" if reasons else "")


def _line(device: mx.Context, host: HostGPUs, own: Sequence[GPU], count: int) -> str:
    """What the log says of a GPU."""
    if len(host.gpus) == count:
        return f"{device} is {own[0]}, driver {host.driver}"
    why = host.problem or f"NVML tells of {len(host.gpus)} GPUs, MXNet sees {count}"
    return f"{device} was not checked before the start: {why}"
