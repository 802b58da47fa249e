"""Which device this process computes on."""

import os
from collections.abc import Sequence
from typing import NamedTuple

import mxnet as mx

from distributed import World
from lenet.errors import InputError
from lenet.machine_code import MachineCode, read_machine_code
from lenet.nvml import GPU, HostGPUs, read_gpus

WITHOUT = "--device cpu or, for any command, CUDA_VISIBLE_DEVICES='' computes without one"
WITH_CUDA = "launch/setup.sh --gpu installs one that can (requirements/gpu.txt), docker build --target gpu an image"
OTHER_BUILDS = "launch/README.md, GPUs, tells of other builds"
# What the builds of requirements/gpu.txt have; only where they are not installed must it be known from here.
INSTALLABLE = MachineCode(cubins=frozenset({(5, 0), (6, 0), (7, 0), (8, 0), (8, 6)}))


class Device(NamedTuple):
    """A device of MXNet, a line about its GPU for the log, and what kind of device the bits of a result depend on."""

    context: mx.Context
    note: str | None
    kind: str


def choose_device(requested: str, world: World) -> Device:
    """The device for `requested` (auto, cpu or gpu). Every rank calls it.

    Of the processes that see the same GPUs the first takes the first of them, the second the second: so each has its
    own, whether all of a host are shown to all or to each its own. `auto` takes the CPU where there is no GPU, or an
    MXNet without CUDA. InputError: there are fewer GPUs than processes, or a GPU that MXNet has no machine code for;
    it is found before anything is started on the GPU.
    """
    with world.fail_together("the device"):
        host, count = _look(requested)
    # Where the two count differently, this process may get any of them.
    seen = world.all_gather_object([gpu.uuid for gpu in host.gpus] if len(host.gpus) == count else [])
    with world.fail_together("the device"):
        device = _choose(requested, host, count, *_place(seen, world))
    return device


def _look(requested: str) -> tuple[HostGPUs, int]:
    """The GPUs that CUDA shows this process, and how many MXNet sees. InputError: CUDA does not start."""
    if requested == "cpu":
        return HostGPUs(), 0
    try:
        return read_gpus(), mx.context.num_gpus()
    except mx.MXNetError as error:
        reason = f"{error}".strip().splitlines()[-1].rpartition("CUDA: ")[-1]
        raise InputError(f"--device {requested}: CUDA does not start: {reason}; {WITHOUT}") from error


def _place(seen: Sequence[list[str]], world: World) -> tuple[int, int]:
    """This process's place among those that see the same GPUs, and how many they are. InputError: two get the same.

    `seen` has the UUIDs that each rank sees, none where they are not known: then all of a host see the same.
    """
    own = seen[world.rank]
    if not own:
        return world.local_rank, world.local_size
    taken: dict[str, int] = {}
    for rank, uuids in enumerate(seen):
        place = seen[:rank].count(uuids)
        for uuid in uuids[place : place + 1]:
            other = taken.setdefault(uuid, rank)
            if other != rank:
                raise InputError(f"ranks {other} and {rank} would share {uuid}: CUDA_VISIBLE_DEVICES must part them")
    return seen[: world.rank].count(own), seen.count(own)


def _choose(requested: str, host: HostGPUs, count: int, place: int, processes: int) -> Device:
    if requested == "cpu":
        return Device(mx.cpu(), None, "cpu")
    if processes > count > 0:
        raise InputError(
            f"--device {requested}: {processes} processes see the same {count} GPU{'s' * (count > 1)}; "
            f"start at most {count} there, or use --device cpu"
        )
    own = host.gpus[place : place + 1] if len(host.gpus) == count else host.gpus
    has_cuda = mx.runtime.Features().is_enabled("CUDA")
    code = read_machine_code(mx.libinfo.find_lib_path()[0]) if has_cuda else INSTALLABLE
    obstacle = _obstacle(host, own, count, has_cuda, code)
    if obstacle is None:
        device = mx.gpu(place)
        return Device(device, _line(device, host, own, count, code), own[0].kind if len(own) == 1 else "a GPU")
    if requested == "gpu" or (has_cuda and own):
        raise InputError(f"--device {requested}: {obstacle}; {WITHOUT}")
    return Device(mx.cpu(), f"On the CPU: {obstacle}" if own or host.problem else None, "cpu")


def _obstacle(host: HostGPUs, own: Sequence[GPU], count: int, has_cuda: bool, code: MachineCode) -> str | None:
    """Why this process cannot compute on one of the GPUs `own`, or None."""
    usable = [gpu for gpu in own if code.runs_on(gpu.capability)]
    if own and not has_cuda:
        if usable:
            return f"this MXNet is built without CUDA and cannot use {usable[0]}; {WITH_CUDA}"
        return (
            f"this MXNet is built without CUDA, and PyPI's with CUDA have only {code}, not for {own[0]}; {OTHER_BUILDS}"
        )
    if own and code and not usable:
        others = ",".join(str(gpu.index) for gpu in host.gpus if code.runs_on(gpu.capability))
        remedy = f"with CUDA_VISIBLE_DEVICES={others} it sees only what it can use" if others else OTHER_BUILDS
        return f"this MXNet cannot use {own[0]}: it has {code}; {remedy}"
    if count:
        return None
    shown = os.environ.get("CUDA_VISIBLE_DEVICES")
    reasons = [] if shown is None else [f"CUDA_VISIBLE_DEVICES is '{shown}'"]
    reasons += [f"NVML tells of {own[0]}, driver {host.driver}"] if own else []
    reasons += [host.problem] if host.problem else []
    return "MXNet sees no GPU on this host" + (f" ({', '.join(reasons)})" if reasons else "")


def _line(device: mx.Context, host: HostGPUs, own: Sequence[GPU], count: int, code: MachineCode) -> str:
    """What the log says of a GPU."""
    if len(host.gpus) != count:
        why = host.problem or f"NVML tells of {len(host.gpus)} GPUs, MXNet sees {count}"
        return f"{device} was not checked before the start: {why}"
    unchecked = "" if code else "; it was not checked before the start: MXNet's library does not tell what it runs on"
    return f"{device} is {own[0]}, driver {host.driver}{unchecked}"
