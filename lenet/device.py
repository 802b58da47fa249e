"""Which device this process computes on."""

import os

from lenet import nvml
from lenet.errors import InputError

WITHOUT = "--device cpu or, for any command, CUDA_VISIBLE_DEVICES='' computes without one"
WITH_CUDA = "launch/setup.sh --gpu installs one that can (requirements-gpu.txt), docker build --target gpu an image"


def choose_device(wish, local_rank, local_size):
    """The mx.Context for `wish` (auto, cpu, gpu), and a line about its GPU for the log, or None.

    Process i of a host computes on GPU i of that host. A GPU that MXNet has no machine code for is refused here, before
    anything is started on it; `auto` takes the CPU where there is none, or an MXNet without CUDA.
    """
    import mxnet as mx

    if wish == "cpu":
        return mx.cpu(), None
    host, count = nvml.look(), _count(wish)
    if local_size > count > 0:
        raise InputError(
            f"--device {wish}: {local_size} processes on this host but {count} GPU{'s' * (count > 1)}; "
            f"start at most {count} here, or use --device cpu"
        )
    # Where the two count differently, this process may get any of them.
    own = host.gpus[local_rank : local_rank + 1] if len(host.gpus) == count else host.gpus
    has_cuda = mx.runtime.Features().is_enabled("CUDA")
    obstacle = _obstacle(host, own, count, has_cuda)
    if obstacle is None:
        return mx.gpu(local_rank), _line(mx.gpu(local_rank), host, own, count)
    if wish == "gpu" or (has_cuda and own):
        raise InputError(f"--device {wish}: {obstacle}; {WITHOUT}")
    return mx.cpu(), f"On the CPU: {obstacle}" if own or host.problem else None


def _count(wish):
    """How many GPUs MXNet sees."""
    import mxnet as mx

    try:
        return mx.context.num_gpus()
    except mx.MXNetError as error:
        reason = f"{error}".strip().splitlines()[-1].rpartition("CUDA: ")[-1]
        raise InputError(f"--device {wish}: CUDA does not start: {reason}; {WITHOUT}") from error


def _obstacle(host, own, count, has_cuda):
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


def _line(device, host, own, count):
    """What the log says of a GPU."""
    if len(host.gpus) == count:
        return f"{device} is {own[0]}, driver {host.driver}"
    why = host.problem or f"NVML tells of {len(host.gpus)} GPUs, MXNet sees {count}"
    return f"{device} was not looked at before the start: {why}"
