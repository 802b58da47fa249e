"""The NVIDIA GPUs that CUDA shows this process, as NVIDIA's management library (NVML) tells of them."""

import os
from dataclasses import dataclass
from typing import Any

import pynvml

Handle = Any  # NVML's own for a GPU or a MIG instance


@dataclass(frozen=True)
class GPU:
    """A GPU, or a MIG instance: a part that is cut off one."""

    index: int  # of the whole GPU, as nvidia-smi has it
    name: str
    capability: tuple[int, int]  # (major, minor)
    memory: int | None  # bytes; None where NVML does not tell
    uuid: str  # like that of no other GPU or MIG instance of any host

    @property
    def kind(self) -> str:
        """What decides its kernels."""
        return "{}, compute capability {}.{}".format(self.name, *self.capability)

    def __str__(self) -> str:
        memory = [] if self.memory is None else [f"{self.memory / 2**30:.1f} GiB"]
        capability = "compute capability {}.{}".format(*self.capability)
        return f"GPU {self.index} ({', '.join([self.name, *memory, capability])})"


@dataclass(frozen=True)
class HostGPUs:
    """What NVML tells of this host."""

    gpus: tuple[GPU, ...] = ()  # those that CUDA shows this process, in its order
    driver: str = "none"
    problem: str = ""  # why NVML does not tell


def read_gpus() -> HostGPUs:
    """The GPUs of this host; none where there is no driver. NVML starts nothing on a GPU, and a GPU can do without."""
    try:
        pynvml.nvmlInit()
        driver = pynvml.nvmlSystemGetDriverVersion()
        handles = [pynvml.nvmlDeviceGetHandleByIndex(index) for index in range(pynvml.nvmlDeviceGetCount())]
        gpus = tuple(_read_gpu(handle, whole) for handle, whole in _visible(handles))
        pynvml.nvmlShutdown()
    except (pynvml.NVMLError_LibraryNotFound, pynvml.NVMLError_DriverNotLoaded):
        return HostGPUs()
    except (pynvml.NVMLError, UnicodeError) as error:
        return HostGPUs(problem=f"NVML fails: {error}")
    order = os.environ.get("CUDA_DEVICE_ORDER", "FASTEST_FIRST")
    if len(handles) > 1 and order != "PCI_BUS_ID":
        return HostGPUs(driver=driver, problem=f"CUDA_DEVICE_ORDER={order} does not number the GPUs as NVML does")
    return HostGPUs(gpus, driver)


def _visible(handles: list[Handle]) -> list[tuple[Handle, Handle]]:
    """The pairs (handle, handle of the whole GPU) that CUDA_VISIBLE_DEVICES names, up to its first name of nothing."""
    names = os.environ.get("CUDA_VISIBLE_DEVICES")
    if names is None:
        return [(handle, handle) for handle in handles]
    found = []
    for name in names.split(","):
        pair = _named(handles, name.strip())
        if pair is None:
            break
        found.append(pair)
    return found


def _named(handles: list[Handle], name: str) -> tuple[Handle, Handle] | None:
    """The pair for an index, for the start of a GPU's UUID, for the UUID of a MIG instance; or None."""
    if name.startswith("MIG-"):
        try:
            instance = pynvml.nvmlDeviceGetHandleByUUID(name)
        except (pynvml.NVMLError_NotFound, pynvml.NVMLError_InvalidArgument):
            return None
        return instance, pynvml.nvmlDeviceGetDeviceHandleFromMigDeviceHandle(instance)
    if name.startswith("GPU-"):
        matches = [handle for handle in handles if pynvml.nvmlDeviceGetUUID(handle).startswith(name)]
    else:
        matches = handles[int(name) :][:1] if name.isascii() and name.isdigit() else []
    return (matches[0], matches[0]) if len(matches) == 1 else None


def _read_gpu(handle: Handle, whole: Handle) -> GPU:
    """The GPU of a handle; a MIG instance has its own name and memory."""
    try:
        memory = pynvml.nvmlDeviceGetMemoryInfo(handle).total
    except pynvml.NVMLError:  # where MIG is on, only root is told; where host and GPU share memory, nobody
        memory = None
    major, minor = pynvml.nvmlDeviceGetCudaComputeCapability(whole)
    name, uuid = pynvml.nvmlDeviceGetName(handle), pynvml.nvmlDeviceGetUUID(handle)
    return GPU(pynvml.nvmlDeviceGetIndex(whole), name, (major, minor), memory, uuid)
